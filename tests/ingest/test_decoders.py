"""Payloads as devices send them."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import json_fix, nmea, owntracks
from ingest.topics import read, route
from tracking.clock import datetime_of
from tracking.fix import ConnectionStatus, Fix, Flag
from tracking.reasons import REASON_TEXTS, Reason, Reject

NOON = 1_767_225_600_000_000 + 43_200_000_000
"""2026-01-01T12:00Z"""


def sentence(body: str) -> bytes:
    checksum = 0
    for character in body.encode():
        checksum ^= character
    return f"${body}*{checksum:02X}\r\n".encode()


def only_fix(outcomes: list[object]) -> Fix:
    assert len(outcomes) == 1
    assert isinstance(outcomes[0], Fix), outcomes
    return outcomes[0]


def reasons(outcomes: list[object]) -> list[Reason]:
    return [outcome.reason for outcome in outcomes if isinstance(outcome, Reject)]


def test_every_reason_has_both_texts() -> None:
    assert set(REASON_TEXTS) == set(Reason)


def test_own_json_by_iso_time_with_everything() -> None:
    body = {
        **{"time": "2026-01-01T20:00:00.250+08:00", "lon": 120, "lat": 30.5, "altitude_m": 12.5},
        **{
            "speed_mps": 3.25,
            "course_deg": 360,
            "accuracy_m": 5,
            "satellites": 9,
            "battery_pct": 77,
            "new": {},
        },
    }
    fix = only_fix(json_fix.decode_fix(json.dumps(body).encode()))
    assert fix == Fix(NOON + 250_000, 120.0, 30.5, 12.5, 3.25, 0.0, 5.0, 9, 77)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"{", Reason.NOT_JSON),
        (b"\xff\xfe", Reason.NOT_JSON),
        (b'"text"', Reason.BAD_FIELD),
        (b'{"time":1,"lat":2}', Reason.MISSING_FIELD),
        (b'{"time":1,"lon":2,"lat":"3 N"}', Reason.BAD_FIELD),
        (b'{"time":1,"lon":2,"lat":NaN}', Reason.NOT_JSON),
        (b'{"time":"2026-01-01T12:00:00","lon":2,"lat":3}', Reason.BAD_TIME),
        (b'{"time":1e300,"lon":2,"lat":3}', Reason.BAD_TIME),
        (b"[" * 100_000, Reason.NOT_JSON),
    ],
)
def test_own_json_refused_with_a_reason(payload: bytes, reason: Reason) -> None:
    assert reasons(json_fix.decode_fix(payload)) == [reason]


def test_a_bad_item_of_an_array_spoils_only_itself() -> None:
    payload = b'[{"time":1,"lon":2,"lat":3},{"time":1,"lon":2},{"time":2,"lon":2,"lat":3}]'
    outcomes = json_fix.decode_fix(payload)
    assert [type(outcome) for outcome in outcomes] == [Fix, Reject, Fix]


def test_unknown_values_become_none() -> None:
    body = b'{"time":1,"lon":2,"lat":3,"speed_mps":-1,"course_deg":-1,"battery_pct":-1,"altitude_m":-32768}'
    fix = only_fix(json_fix.decode_fix(body))
    assert (fix.speed_mps, fix.course_deg, fix.battery_pct, fix.altitude_m) == (None,) * 4


def test_owntracks_location_in_kmh_with_integers() -> None:
    fix = only_fix(
        owntracks.decode(
            b'{"_type":"location","lon":-122,"lat":37,"tst":1736161169,"created_at":1736161415,"vel":18,"cog":-1}',
            received_us=NOON,
        )
    )
    assert fix == Fix(1_736_161_169_000_000, -122.0, 37.0, None, 5.0)


def test_owntracks_without_time_takes_the_arrival_unless_retained() -> None:
    body = b'{"_type":"location","lon":1,"lat":2}'
    fix = only_fix(owntracks.decode(body, received_us=NOON))
    assert (fix.fix_time_us, fix.flags) == (NOON, Flag.TIME_OF_ARRIVAL)
    assert reasons(owntracks.decode(body, received_us=None)) == [Reason.MISSING_FIELD]


@pytest.mark.parametrize("kind", sorted(owntracks.KNOWN_WITHOUT_POSITION))
def test_owntracks_other_known_types_say_nothing(kind: str) -> None:
    assert owntracks.decode(json.dumps({"_type": kind, "lon": 1, "lat": 2}).encode(), received_us=NOON) == []


def test_owntracks_will_cleared_retained_and_unknown_type() -> None:
    assert owntracks.decode(b'{"_type":"lwt","tst":1}', received_us=NOON) == [ConnectionStatus(online=False)]
    assert owntracks.decode(b"", received_us=NOON) == []
    assert reasons(owntracks.decode(b'{"_type":"x"}', received_us=NOON)) == [Reason.UNKNOWN_TYPE]
    assert reasons(owntracks.decode(b'{"lon":1}', received_us=NOON)) == [Reason.MISSING_FIELD]


RMC = "GNRMC,115959.50,A,3130.5000,N,12030.2500,E,10.00,45.5,010126,,,A,V"
GGA = "GNGGA,115959.50,3130.5000,N,12030.2500,E,1,08,1.1,15.2,M,7.0,M,,"


def test_rmc_and_gga_of_one_moment_make_one_fix() -> None:
    fix = only_fix(
        nmea.decode(b"\0garbage$" + sentence(RMC) + b"\x81$$" + sentence(GGA)[1:], received_us=NOON)
    )
    assert fix.fix_time_us == NOON - 500_000
    assert (fix.lon, fix.lat) == (pytest.approx(120.5041667), pytest.approx(31.508333333))
    assert (fix.altitude_m, fix.satellites, fix.course_deg) == (15.2, 8, 45.5)
    assert fix.speed_mps == pytest.approx(5.14444, abs=1e-5)
    assert fix.flags == 0


def test_gga_alone_takes_the_nearest_date() -> None:
    after_midnight = NOON + 43_200_000_000 + 10_000_000
    late = sentence(GGA.replace("115959.50", "235955.00"))
    fix = only_fix(nmea.decode(late, received_us=after_midnight))
    assert (after_midnight - fix.fix_time_us, fix.flags) == (15_000_000, Flag.DATE_OF_ARRIVAL)


def test_a_date_before_a_week_rollover_is_mended_by_the_arrival() -> None:
    rolled = sentence(RMC.replace("010126", "180506"))  # 1,024 weeks before 2026-01-01
    fix = only_fix(nmea.decode(rolled, received_us=NOON))
    assert (datetime_of(fix.fix_time_us).isoformat(), fix.flags) == (
        "2026-01-01T11:59:59.500000+00:00",
        Flag.WEEK_ROLLOVER,
    )
    unmended = only_fix(nmea.decode(sentence(RMC.replace("010126", "180507")), received_us=NOON))
    assert datetime_of(unmended.fix_time_us).year == 2007


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (sentence("GPRMC,,V,,,,,,,,,,N"), Reason.NO_FIX),
        (sentence(RMC.replace(",A,3130", ",V,3130")), Reason.NO_FIX),
        (sentence("GPGGA,120000,,,,,0,00,,,M,0.0,M,,0000"), Reason.NO_FIX),
        (sentence("GPRMC,120000,A,,,,,0,0,010126,,,A"), Reason.NO_FIX),
        (sentence(RMC)[:-4] + b"00\r\n", Reason.BAD_CHECKSUM),
        (sentence(RMC)[:-5], Reason.BAD_CHECKSUM),
        (sentence("GPRMC,120000,V,8960.0000,N,00000.0000,E,0.00,0.00,050180,,,N"), Reason.NO_FIX),
        (sentence("GPRMC,120000,A"), Reason.BAD_SENTENCE),
        (sentence(RMC.replace("3130.5000", "31x0.5000")), Reason.BAD_SENTENCE),
        (sentence(RMC.replace("115959.50", "256199")), Reason.BAD_TIME),
        (sentence("GPGSV,1,1,00"), Reason.BAD_SENTENCE),
        (b"hello", Reason.BAD_SENTENCE),
    ],
)
def test_sentences_refused_with_a_reason(payload: bytes, reason: Reason) -> None:
    assert reasons(nmea.decode(payload, received_us=NOON)) == [reason]


@given(st.binary(max_size=400))
def test_decoders_survive_any_bytes(payload: bytes) -> None:
    for outcomes in (
        json_fix.decode_fix(payload),
        json_fix.decode_status(payload),
        owntracks.decode(payload, received_us=NOON),
        nmea.decode(payload, received_us=NOON),
        nmea.decode(sentence("GPRMC," + payload.decode("latin-1").replace("\n", "")[:90]), received_us=NOON),
    ):
        for outcome in outcomes:
            assert isinstance(outcome, Fix | ConnectionStatus | Reject)


def test_a_setting_takes_sentences_without_checksum() -> None:
    bare = sentence(RMC).split(b"*")[0] + b"\r\n"
    told = {"retained": False, "max_payload_bytes": 1000}
    strict = read("wanmi/v1/d/nmea", bare, NOON, **told)
    assert reasons(strict.outcomes) == [Reason.BAD_CHECKSUM]
    only_fix(read("wanmi/v1/d/nmea", bare, NOON, **told, allow_missing_checksum=True).outcomes)


def test_raw_frames_and_requests_of_the_gateway_are_decoded() -> None:
    frame = "7E00020000012345678900000A817E"
    assert (
        read(
            "wanmi/v1/d/raw/jt808", bytes.fromhex(frame), NOON, retained=False, max_payload_bytes=99
        ).outcomes
        == []
    )
    query = b"id=d&lat=30&lon=120&speed=10"
    kmh = read("wanmi/v1/d/raw/osmand_kmh", query, NOON, retained=False, max_payload_bytes=99)
    assert only_fix(kmh.outcomes).speed_mps == pytest.approx(10 / 3.6)
    assert route("wanmi/v1/d/raw/other")[0] == "unknown"


def test_topics_name_protocol_and_device() -> None:
    assert route("owntracks/li/phone-1")[:2] == ("owntracks", "phone-1")
    assert route("wanmi/v1/t9/nmea")[:2] == ("nmea", "t9")
    assert route("wanmi/v1/t9/command")[:2] == ("unknown", None)


@pytest.mark.skipif("WANMI_TRACKS" not in os.environ, reason="WANMI_TRACKS names a folder of captures")
def test_captured_owntracks_payloads_are_all_understood() -> None:
    lines = (
        (Path(os.environ["WANMI_TRACKS"]) / "mqtt_http" / "owntracks_payloads.jsonl").read_text().splitlines()
    )
    for line in lines:
        payload = json.loads(line)["payload"]
        outcomes = owntracks.decode(json.dumps(payload).encode(), received_us=NOON)
        if payload["_type"] == "location":
            assert only_fix(outcomes).lon == payload["lon"]
        else:
            assert outcomes == []
