"""``./wanmi decode``: one line a message, and nothing makes it fail."""

import dataclasses
import io
import json
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import reduce
from operator import xor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.secret import SecretBox
from typer.testing import CliRunner

from command_center.cli import app
from ingest import batch
from ingest.checksum import exclusive_or
from ingest.decoding import (
    batch_records,
    json_records,
    jt808_records,
    nmea_records,
    osmand_records,
    source,
)
from ingest.decoding.record import Record, line_of
from ingest.owntracks_seal import box_of
from tests.ingest.test_decoders import NOON, sentence
from tests.ingest.test_jt808 import LOCATION_2013, LOCATION_2019
from tracking.batch import FixBatch, FixColumns, from_fixes, joined
from tracking.fix import Fix

READERS: dict[str, Callable[[io.BytesIO], Iterator[Record]]] = {
    "nmea": lambda f: nmea_records.read(f, reference_us=None, allow_missing_checksum=True),
    "owntracks": lambda f: json_records.read_owntracks(f, reference_us=None, secret="s"),
    "json": lambda f: json_records.read_json(f, reference_us=None),
    "batch": batch_records.read,
    "jt808": jt808_records.read,
    "osmand": lambda f: osmand_records.read(f, reference_us=None, speed_unit="kn"),
}
ALWAYS = (
    *("ok", "kind", "device", "fix_time", "lon", "lat", "altitude_m", "speed_mps", "course_deg"),
    *("accuracy_m", "satellites", "battery", "flags", "extras"),
)


def lines(protocol: str, data: bytes | str) -> list[dict[str, Any]]:
    raw = data if isinstance(data, bytes) else data.encode()
    return [json.loads(line_of(record)) for record in READERS[protocol](io.BytesIO(raw))]


def test_every_line_has_the_same_members() -> None:
    (taken,) = lines("jt808", LOCATION_2019)
    assert tuple(taken) == ALWAYS
    (refused,) = lines("osmand", "/?lat=1&lon=2")
    assert tuple(refused) == (*ALWAYS, "error", "detail", "raw")
    assert (refused["ok"], refused["error"], refused["raw"]) == (False, "missing_field", "/?lat=1&lon=2")


def test_frames_as_bytes_and_as_hex_give_the_same_lines() -> None:
    frames = [LOCATION_2013, LOCATION_2019, LOCATION_2013.replace("137E", "147E")]
    as_bytes = lines("jt808", b"".join(map(bytes.fromhex, frames)))
    assert (
        as_bytes == lines("jt808", "\r\n".join(frames)) == lines("jt808", "\n".join(map(str.lower, frames)))
    )
    assert [line["ok"] for line in as_bytes] == [True, True, False]
    assert as_bytes[0]["fix_time"] == "2018-10-15T02:10:10Z"
    assert (as_bytes[0]["lon"], as_bytes[0]["lat"]) == (132.444444, 12.222222)
    assert as_bytes[0]["flags"] == ["alarm_sos"]


@pytest.mark.parametrize("between", [" ", ", 0x", "-", ":", " 0X", "; "])
def test_hex_as_tools_write_it(between: str) -> None:
    pairs = [LOCATION_2013[at : at + 2] for at in range(0, len(LOCATION_2013), 2)]
    start = "0x" if "x" in between.lower() else ""
    written = start + between.join(pairs)
    expected = lines("jt808", LOCATION_2013)
    assert lines("jt808", written) == lines("jt808", f"{written};\n") == expected
    assert lines("jt808", f'00000000\n2026-03-01 10:00:00 up "{written}" (39)')[1:] == expected


def test_a_line_that_is_no_hex_does_no_harm() -> None:
    found = lines("jt808", f"# captured\n7e00\n7e0\n{LOCATION_2013}\n")
    assert [line["ok"] for line in found] == [False, False, False, True]


RMC = "GNRMC,115959.50,A,3130.5000,N,12030.2500,E,10.00,45.5,010126,,,A,V"
GGA = "GNGGA,115959.50,3130.5000,N,12030.2500,E,1,08,1.1,15.2,M,7.0,M,,"


def test_one_line_an_epoch_with_what_all_its_sentences_say() -> None:
    more = sentence("GNVTG,45.5,T,,M,10.0,N,18.5,K,A") + sentence("BDGSA,A,3,201,,,,,,,,,,,,2.5,1.1,2.2")
    view = sentence("GBGSV,1,1,03,01,30,046,22") + sentence("GPGSV,1,1,04,01,30,046,22")
    late = sentence(RMC.replace("115959.50", "120000.50"))
    first, second = lines("nmea", b"# boot\n" + sentence(RMC) + sentence(GGA) + more + view + late)
    assert (first["fix_time"], first["altitude_m"], first["satellites"]) == (
        "2026-01-01T11:59:59.500000Z",
        15.2,
        8,
    )
    assert first["extras"]["in_view"] == {"beidou": 3, "gps": 4}
    assert (first["extras"]["systems"], first["extras"]["dimensions"]) == (["beidou", "gps"], 3)
    assert second["fix_time"] == "2026-01-01T12:00:00.500000Z"


def test_without_a_date_there_is_no_time_unless_one_is_given() -> None:
    (plain,) = lines("nmea", sentence(GGA))
    assert (plain["fix_time"], plain["flags"], plain["lon"]) == (
        None,
        ["no_date"],
        pytest.approx(120.5041667),
    )
    given_time = nmea_records.read(io.BytesIO(sentence(GGA)), reference_us=NOON, allow_missing_checksum=False)
    assert next(given_time).fix_time == "2026-01-01T11:59:59.500000Z"


def test_a_position_that_its_sentence_does_not_vouch_for_is_set_apart() -> None:
    (line,) = lines("nmea", sentence(RMC.replace(",A,3130", ",V,3130")))
    assert (line["ok"], line["lon"], line["flags"]) == (True, None, ["no_fix"])
    assert line["extras"]["stale_lat"] == pytest.approx(31.508333)


def test_a_missing_checksum_is_refused_unless_allowed() -> None:
    bare = sentence(RMC).split(b"*")[0] + b"\r\n"
    strict = nmea_records.read(io.BytesIO(bare), reference_us=None, allow_missing_checksum=False)
    assert [record.error for record in strict] == ["bad_checksum"]
    assert [line["ok"] for line in lines("nmea", bare)] == [True]
    assert lines("nmea", bare[:30] + b"$")[0]["error"] == "bad_sentence"


def test_owntracks_bare_enveloped_and_in_arrays() -> None:
    body = {
        "_type": "location",
        "lon": 120,
        "lat": 30,
        "tst": 1_767_268_800,
        "batt": -1,
        "vel": 36,
        "tid": "x",
    }
    text = "\n".join(
        (
            json.dumps(body),
            json.dumps({"topic": "owntracks/a/phone", "payload": body}),
            json.dumps({"topic": "owntracks/a/phone/event", "payload": json.dumps([body, {"_type": "lwt"}])}),
            json.dumps({"topic": "owntracks/a/phone", "payload": ""}),
        )
    )
    found = lines("owntracks", text)
    assert [(line["kind"], line["device"]) for line in found] == [
        ("location", None),
        ("location", "phone"),
        ("location", "phone"),
        ("lwt", "phone"),
        ("cleared", "phone"),
    ]
    assert (found[0]["battery"], found[0]["speed_mps"], found[0]["extras"]) == (None, 10.0, {"tid": "x"})


def test_owntracks_where_a_region_is_and_where_the_phone_was() -> None:
    place = '"lon":120.5,"lat":30.5,"tst":1767268800'
    enter, region = lines(
        "owntracks", f'{{"_type":"transition","event":"enter",{place}}}\n{{"_type":"waypoint",{place}}}'
    )
    assert (enter["lon"], enter["fix_time"]) == (120.5, "2026-01-01T12:00:00Z")
    assert (region["lon"], region["extras"]["lat"]) == (None, 30.5)


def test_owntracks_encrypted() -> None:
    inner = b'{"_type":"location","lon":120,"lat":30,"tst":1767268800}'
    sealed = b64encode(box_of("s").encrypt(inner, b"n" * SecretBox.NONCE_SIZE)).decode()
    good, bad = lines(
        "owntracks",
        f'{{"_type":"encrypted","data":"{sealed}"}}\n{{"_type":"encrypted","data":"{sealed[:-4]}AAA="}}',
    )
    assert (good["kind"], good["lon"], good["flags"]) == ("location", 120.0, ["encrypted"])
    assert (bad["ok"], bad["kind"]) == (False, "encrypted")


@pytest.mark.parametrize(
    ("lon", "lat", "error"), [(0, 0, "zero_island"), (30, 120, "bad_latitude"), (190, 30, "bad_longitude")]
)
def test_positions_that_are_none(lon: float, lat: float, error: str) -> None:
    found = [
        lines("json", json.dumps({"time": 1, "lon": lon, "lat": lat}))[0],
        lines("owntracks", json.dumps({"_type": "location", "tst": 1, "lon": lon, "lat": lat}))[0],
        lines("osmand", f"?id=1&timestamp=1&lat={lat}&lon={lon}")[0],
    ]
    assert [(line["ok"], line["error"], line["lon"]) for line in found] == [(False, error, lon)] * 3


@pytest.mark.parametrize(
    "moment",
    [
        "1767268800",
        "1767268800000",
        "2026-01-01T12:00:00Z",
        "2026-01-01+12%3A00%3A00",
        "2026-01-01T20:00:00%2B08:00",
    ],
)
def test_osmand_times(moment: str) -> None:
    (line,) = lines("osmand", f"/?id=7&timestamp={moment}&location=30,120&speed=10&batt=55")
    assert (line["fix_time"], line["device"], line["battery"]) == ("2026-01-01T12:00:00Z", "7", 55)
    assert (line["lon"], line["speed_mps"]) == (120.0, pytest.approx(5.1444))


def test_osmand_body_of_the_newer_client() -> None:
    coords = {"latitude": 30, "longitude": 120, "speed": -1, "heading": -1, "accuracy": 5}
    body = {"device_id": "7", "location": {"timestamp": "2026-01-01T12:00:00.5Z", "coords": coords}}
    body["location"]["battery"] = {"level": 0.79}  # type: ignore[index]
    (line,) = lines("osmand", json.dumps(body))
    assert (line["speed_mps"], line["course_deg"], line["accuracy_m"], line["battery"]) == (
        None,
        None,
        5.0,
        79,
    )


def test_osmand_without_coordinates_is_no_position() -> None:
    (line,) = lines("osmand", "/?id=1&timestamp=1767268800&cell=460,0,1,2&wifi=aa,-80")
    assert (line["ok"], line["kind"], line["lon"], line["flags"]) == (True, "network", None, ["no_fix"])


fixes = st.builds(
    Fix,
    st.integers(1_700_000_000_00, 1_700_000_000_00 + batch.SPAN_MS // 10).map(lambda t: t * 10_000),
    st.integers(-1_800_000_000, 1_800_000_000).map(lambda v: v / 1e7),
    st.integers(-900_000_000, 900_000_000).map(lambda v: v / 1e7),
    st.none() | st.integers(-500, 9000).map(float),
    st.none() | st.integers(0, 30_000).map(lambda v: v / 100),
    st.none() | st.integers(0, 359).map(float),
    st.none() | st.integers(0, 254).map(float),
    st.none() | st.integers(0, 200),
    st.none() | st.integers(0, 100),
)


@given(st.lists(fixes, max_size=40))
def test_a_batch_is_read_back_as_it_was(told: list[Fix]) -> None:
    message = batch.encode(told)
    assert batch.decode(message) == told
    assert len(message) <= 20 + 19 * len(told)


@given(st.lists(fixes, min_size=1, max_size=40))
def test_columns_of_a_batch_are_what_its_fixes_are(told: list[Fix]) -> None:
    message = batch.encode(told)
    (columns,) = batch.decode_columns(message)
    assert isinstance(columns, FixColumns)
    count = len(told)
    singly = from_fixes(batch.decode(message), [3] * count, [7] * count, [9] * count)  # type: ignore[arg-type]
    nothing = from_fixes([], [], [], [])
    together = joined(nothing, [(columns, 3, 7, 9)])
    for field in dataclasses.fields(FixBatch):
        one, other = getattr(singly, field.name), getattr(together, field.name)
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


@given(st.lists(fixes, min_size=1, max_size=3), st.binary(max_size=30), st.binary(max_size=30))
def test_batches_are_found_between_other_bytes(told: list[Fix], before: bytes, after: bytes) -> None:
    clean = [part.replace(b"WB", b"") for part in (before, after)]
    found = lines("batch", clean[0] + batch.encode(told) + clean[1])
    assert sum(line["kind"] == "fix" for line in found) == len(told)


def test_a_damaged_batch_is_refused_as_a_whole() -> None:
    message = bytearray(batch.encode([Fix(1_767_268_800_000_000, 120.0, 30.0)]))
    message[30] ^= 1
    assert lines("batch", bytes(message))[0]["error"] == "bad_checksum"
    assert lines("batch", bytes(message[:-1]))[0]["detail"].startswith("cut")


@pytest.mark.parametrize("protocol", READERS)
@given(data=st.data())
def test_nothing_makes_it_fail(protocol: str, data: st.DataObject) -> None:
    seeds = [
        *(
            b'{"_type":"location","lon":1,"lat":2,"tst":',
            b'{"time":1e400,"lon":1,"lat":2}',
            b"[1,[",
            b"id=1&lat=",
        ),
        *(
            sentence(RMC),
            sentence(GGA),
            bytes.fromhex(LOCATION_2013),
            LOCATION_2019.encode(),
            b"WB\x01\0\1\0\0\0",
        ),
    ]
    parts = data.draw(st.lists(st.sampled_from(seeds) | st.binary(max_size=60), max_size=6))
    for line in lines(protocol, b"".join(parts)):
        assert line["ok"] or (line["error"] and "raw" in line)


def test_lines_of_any_length_are_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "LONGEST_LINE", 64)
    found = lines("json", b"x" * 1000 + b'\n{"time":1,"lon":1,"lat":2}\n')
    assert [line.get("error") for line in found] == ["too_large", None]


def test_the_verb_reads_files_and_standard_input(tmp_path: Path) -> None:
    file = tmp_path / "frames.hex"
    file.write_text(LOCATION_2013)
    run = CliRunner().invoke(app, ["decode", "--protocol", "jt808", str(file)])
    piped = CliRunner().invoke(app, ["decode", "--protocol", "jt808"], input=LOCATION_2013)
    assert json.loads(run.stdout)["device"] == "123456789012"
    assert run.stdout == piped.stdout
    assert sys.stdout is not None


def test_the_example_of_the_protocol_document() -> None:
    document = (Path(__file__).parents[2] / "docs" / "protocols" / "batch.md").read_text()
    message = bytes.fromhex(document.split("```text\n")[1].split("```")[0])
    assert batch.decode(message) == [Fix(1_767_268_800_000_000, 120.5, 30.25, 15.0, 12.5, 90.0, 5.0, 9, 80)]


@given(st.binary(max_size=1100))
def test_folding_gives_the_exclusive_or_of_all_bytes(data: bytes) -> None:
    assert exclusive_or(data) == reduce(xor, data, 0)


@pytest.mark.parametrize(
    ("request_line", "kind", "fix_time", "lon"),
    [
        ("?id=1&lat=&lon=&timestamp=1767268800", "status", "2026-01-01T12:00:00Z", None),
        ("?id=1&lat=30&lon=120&timestamp=", "location", None, 120.0),
        (
            "?id=1&lat=30&lon=120&timestamp=2026-01-01T20:00:00.000+0800",
            "location",
            "2026-01-01T12:00:00Z",
            120,
        ),
        ("/?id=1&lat=30&lon=120&timestamp=1767268800#top", "location", "2026-01-01T12:00:00Z", 120.0),
    ],
)
def test_osmand_fields_left_empty_and_signs_lost(
    request_line: str, kind: str, fix_time: str | None, lon: float | None
) -> None:
    (line,) = lines("osmand", request_line)
    assert (line["ok"], line["kind"], line["fix_time"], line["lon"]) == (True, kind, fix_time, lon)


@pytest.mark.parametrize("body", ["[]", '{"device_id":"7","location":[]}', '{"device_id":"7"}'])
def test_an_osmand_body_without_location_is_refused(body: str) -> None:
    (line,) = lines("osmand", body)
    assert (line["ok"], line["error"] in ("missing_field", "bad_field")) == (False, True)


def test_speeds_that_are_fillers_are_unknown() -> None:
    body = {"lon": 120, "lat": 30, "tst": 1, "time": 1, "_type": "location", "vel": 1e9, "speed_mps": 65535}
    found = [
        lines("owntracks", json.dumps(body))[0],
        lines("json", json.dumps(body))[0],
        lines("osmand", "?id=1&lat=30&lon=120&speed=9999")[0],
        lines("nmea", sentence(RMC.replace("10.00", "9999.9")))[0],
    ]
    assert [(line["ok"], line["speed_mps"]) for line in found] == [(True, None)] * 4


def test_a_topic_with_a_slash_before_it() -> None:
    body = '{"_type":"location","lon":120,"lat":30,"tst":1}'
    found = lines("owntracks", f'/owntracks/u/d {body}\n{{"topic":"/owntracks/u/d","payload":{body}}}')
    assert [line["device"] for line in found] == ["d", "d"]
