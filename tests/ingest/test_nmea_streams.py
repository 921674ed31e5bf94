"""NMEA of receivers of any make: what is told is read back, in pieces of any size and amid anything."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.decoding import nmea_records
from ingest.decoding.record import Record
from tests.ingest.test_decoders import sentence

START = datetime(2026, 3, 1, 23, 59, 55, tzinfo=UTC)
TALKERS = st.sampled_from(["GP", "GN", "GL", "GA", "GB", "BD", "GQ", "QZ", "GI", "IN", "II", "EC", "AI"])


class Pieces(io.RawIOBase):
    """A pipe that gives its bytes in pieces of the sizes given."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self._data, self._sizes = data, sizes

    def read1(self, _size: int = -1) -> bytes:
        size = self._sizes.pop() if self._sizes else len(self._data)
        piece, self._data = self._data[:size], self._data[size:]
        return piece


def records(data: bytes | Pieces, *, bare: bool = False) -> list[Record]:
    file: Any = data if isinstance(data, Pieces) else io.BytesIO(data)
    return list(nmea_records.read(file, reference_us=None, allow_missing_checksum=bare))


def fixes(found: list[Record]) -> list[tuple[Any, ...]]:
    return [
        (one.fix_time, one.lon, one.lat, one.altitude_m, one.speed_mps, one.course_deg, one.satellites)
        for one in found
        if one.ok and one.lon is not None
    ]


def angle(degrees: float, places: int) -> tuple[str, str, str]:
    """Of ``dddmm.mmmm``: degrees, minutes, and whether it is negative."""
    total = round(abs(degrees) * 60 * 10**places)
    whole, minutes = divmod(total, 60 * 10**places)
    text = f"{minutes / 10**places:0{places + 3}.{places}f}"
    return str(whole), text, "-" if degrees < 0 else "+"


moments = st.integers(0, 40).map(lambda tenths: START + timedelta(milliseconds=500 * tenths))
told = st.fixed_dictionaries(
    {
        "lon": st.floats(-179.99, 179.99),
        "lat": st.floats(-89.99, 89.99),
        "altitude": st.integers(-400, 8_000),
        "knots": st.floats(0, 150),
        "course": st.floats(0, 359.9),
        "satellites": st.integers(1, 40),
        "talker": TALKERS,
    }
)
Told = dict[str, Any]


def sentences(moment: datetime, one: Told, layout: str) -> list[bytes]:
    time = moment.strftime("%H%M%S.%f")[:-3]
    lat, lon = angle(one["lat"], 5), angle(one["lon"], 5)
    place = f"{lat[0]:0>2}{lat[1]},{'S' if lat[2] == '-' else 'N'},"
    place += f"{lon[0]:0>3}{lon[1]},{'W' if lon[2] == '-' else 'E'}"
    day, talker = moment.strftime("%d%m%y"), one["talker"]
    kinds = {
        "R": f"{talker}RMC,{time},A,{place},{one['knots']:.2f},{one['course']:.2f},{day},,,A,V",
        "G": f"{talker}GGA,{time},{place},1,{one['satellites']:02},1.1,{one['altitude']}.0,M,7.0,M,,",
        "S": f"{talker}GNS,{time},{place},AN,{one['satellites']:02},1.1,{one['altitude']}.0,7.0,,,V",
        "L": f"{talker}GLL,{place},{time},A,A",
        "V": f"{talker}VTG,{one['course']:.2f},T,,M,{one['knots']:.2f},N,{one['knots'] * 1.852:.2f},K,A",
        "Z": f"{talker}ZDA,{time},{moment:%d,%m,%Y},00,00",
    }
    return [sentence(kinds[letter]) for letter in layout]


def stream_of(epochs: list[tuple[datetime, Told]], layout: str) -> list[bytes]:
    return [part for moment, one in epochs for part in sentences(moment, one, layout)]


streams = st.lists(st.tuples(moments, told), min_size=1, max_size=6, unique_by=lambda pair: pair[0]).map(
    lambda epochs: sorted(epochs, key=lambda pair: pair[0])
)
LAYOUTS = ["RGV", "R", "GRL", "GZV", "SRV", "ZL", "RGLVZ", "GSRL"]


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(deadline=None)
@given(epochs=streams)
def test_what_a_receiver_tells_is_read_back(layout: str, epochs: list[tuple[datetime, Told]]) -> None:
    found = records(b"".join(stream_of(epochs, layout)))
    assert len(found) == len(epochs)
    for record, (moment, one) in zip(found, epochs, strict=True):
        assert record.fix_time is not None
        assert datetime.fromisoformat(record.fix_time) == moment
        assert (record.lon, record.lat) == (
            pytest.approx(one["lon"], abs=1e-7),
            pytest.approx(one["lat"], abs=1e-7),
        )
        if set(layout) & {"G", "S"}:
            assert (record.altitude_m, record.satellites) == (one["altitude"], one["satellites"])
        if set(layout) & {"R", "V"}:
            assert record.speed_mps == pytest.approx(one["knots"] * 1852 / 3600, abs=0.003)
            assert record.course_deg == pytest.approx(one["course"] % 360, abs=0.0051)


NOISE = st.one_of(
    st.binary(max_size=40).map(lambda raw: raw.replace(b"$", b"").replace(b"#", b"")),
    st.sampled_from(
        [
            b"\xb5\x62\x01\x07\x5c\x00" + b"\x00" * 92,
            b"\xa0\xa2\x00\x12\x33\xb0\xb3",
            b"\xd3\x00\x13\x3e\xd7",
            b"!AIVDM,1,1,,A,15M67FC000G?ufbE`FepT@3n00Sa,0*5C\r\n",
            sentence("PUBX,00,115959,3130,N,12030,E,8,G3,1,1,0,0"),
            sentence("PMTK001,604,3"),
            sentence("GPTXT,01,01,02,ANTSTATUS=OK"),
            sentence("HCHDG,101.1,,,7.1,W"),
            b"$$",
            b"\r",
            b"\n\n",
            b"\\s:x,c:1234*5A\\",
        ]
    ),
)


@settings(deadline=None)
@given(streams, st.lists(NOISE, min_size=60, max_size=60), st.sampled_from(LAYOUTS))
def test_what_stands_between_sentences_changes_no_fix(
    epochs: list[tuple[datetime, Told]], noise: list[bytes], layout: str
) -> None:
    parts = stream_of(epochs, layout)
    amid = b"".join(left + part for left, part in zip(noise, parts, strict=False))
    assert fixes(records(amid)) == fixes(records(b"".join(parts)))


@settings(deadline=None)
@given(
    streams,
    st.lists(NOISE, max_size=60),
    st.sampled_from(LAYOUTS),
    st.lists(st.integers(1, 90), max_size=200),
    st.booleans(),
    st.booleans(),
)
def test_pieces_of_any_size_give_the_same_records(
    epochs: list[tuple[datetime, Told]],
    noise: list[bytes],
    layout: str,
    sizes: list[int],
    bare: bool,
    cut: bool,
) -> None:
    parts = stream_of(epochs, layout)
    if bare:
        parts = [part.split(b"*")[0] + b"\r\n" for part in parts]
    if cut:
        parts = [part[: 20 + at % 50] if at % 3 == 0 else part for at, part in enumerate(parts)]
    noise = noise + [b""] * len(parts)
    data = b"".join(left + part for left, part in zip(noise, parts, strict=False)) + b"$GPGGA," + b"9" * 700
    assert records(Pieces(data, sizes), bare=bare) == records(data, bare=bare)


@pytest.mark.parametrize("end", [b"\r", b"\n", b"", b"\n\r", b"\0"])
def test_any_line_end_will_do(end: bytes) -> None:
    one = {"lon": 1, "lat": 2, "altitude": 3, "knots": 4, "course": 5, "satellites": 6, "talker": "GP"}
    parts = stream_of([(START, one), (START + timedelta(seconds=1), one)], "GR")
    usual = fixes(records(b"".join(parts)))
    assert fixes(records(b"".join(part.strip() + end for part in parts))) == usual
    assert fixes(records(b"".join(part.lower() for part in parts))) == []
    small = [part[:-4] + part[-4:].lower() for part in parts]
    assert fixes(records(b"$".join(small))) == usual


RMC = "GPRMC,{time},A,3130.5,N,12030.25,E,1.0,2.0,{day},,,A"
GGA = "GPGGA,{time},3130.5,N,12030.25,E,{quality},08,1.1,{height},7.0,M,,"


def gga(time: str = "115959", quality: int = 1, height: str = "100,M") -> bytes:
    return sentence(GGA.format(time=time, quality=quality, height=height))


def rmc(time: str = "115959", day: str = "010126") -> bytes:
    return sentence(RMC.format(time=time, day=day))


def test_a_late_sentence_of_the_day_before_midnight_is_of_that_day() -> None:
    found = records(rmc("235959.8", "311225") + gga("000000.0") + gga("235959.9") + gga("000000.1"))
    assert [record.fix_time for record in found] == [
        "2025-12-31T23:59:59.800000Z",
        "2026-01-01T00:00:00Z",
        "2025-12-31T23:59:59.900000Z",
        "2026-01-01T00:00:00.100000Z",
    ]


def test_the_date_of_a_receiver_that_searches_is_not_passed_on() -> None:
    searching = sentence("GPRMC,000001,V,,,,,,,060180,,,N")
    first, second = records(searching + gga())
    assert (first.fix_time, first.flags) == ("1980-01-06T00:00:01Z", ["no_fix", "old_date"])
    assert (second.fix_time, second.flags) == (None, ["no_date"])


@pytest.mark.parametrize(
    ("quality", "flag"),
    [
        (2, "differential"),
        (4, "rtk_fixed"),
        (5, "rtk_float"),
        (6, "estimated"),
        (7, "manual"),
        (8, "simulated"),
    ],
)
def test_how_good_a_fix_is(quality: int, flag: str) -> None:
    (record,) = records(gga(quality=quality) + rmc())
    assert record.flags == [flag]
    assert record.lon is not None


@pytest.mark.parametrize(
    ("modes", "flags"), [("AN", []), ("NNF", ["rtk_float"]), ("E", ["estimated"]), ("DAN", ["differential"])]
)
def test_modes_of_gns(modes: str, flags: list[str]) -> None:
    (record,) = records(
        sentence(f"GNGNS,115959,3130.5,N,12030.25,E,{modes},08,1.1,10,7,,,V")
        + sentence("GNZDA,115959,01,01,2026,,")
    )
    assert (record.lon is not None, record.flags) == (True, flags)


def test_no_mode_of_gns_is_no_fix() -> None:
    (record,) = records(sentence("GNGNS,115959,3130.5,N,12030.25,E,NNN,00,,,,,,V"))
    assert (record.lon, record.flags) == (None, ["no_fix"])


@pytest.mark.parametrize(
    ("lat", "lon", "expected"),
    [
        ("30.5", "00030.25", (0.5041667, 0.5083333)),
        ("3130.5", "0012030.25", (120.5041667, 31.5083333)),
        ("3130", "12030", (120.5, 31.5)),
        ("3130.12345678", "12030.12345678", (120.50205761, 31.50205761)),
    ],
)
def test_angles_with_fewer_and_more_digits(lat: str, lon: str, expected: tuple[float, float]) -> None:
    (record,) = records(sentence(f"GPRMC,115959,A,{lat},N,{lon},E,1,2,010126,,,A"))
    assert (record.lon, record.lat) == pytest.approx(expected, abs=1e-7)


def test_height_in_feet_accuracy_of_gst_and_course_at_rest() -> None:
    more = sentence("GNGST,115959,1.2,,,,3.0,4.0,5.0") + sentence("GPVTG,,T,,M,0.02,N,0.04,K,A")
    (record,) = records(gga(height="1000,f") + more + sentence("GPZDA,115959,01,01,2026,,"))
    assert (record.altitude_m, record.accuracy_m, record.course_deg) == (pytest.approx(304.8), 5.0, None)
    assert record.speed_mps == pytest.approx(0.0103, abs=1e-4)


def test_speed_of_the_oldest_vtg() -> None:
    (record,) = records(gga() + sentence("GPVTG,054.7,034.4,005.5,010.2"))
    assert (record.speed_mps, record.course_deg) == (pytest.approx(2.8294, abs=1e-3), 54.7)


def test_satellites_in_view_are_not_those_used() -> None:
    (record,) = records(gga() + sentence("GPGSV,1,1,14,01,30,046,22"))
    assert (record.satellites, record.extras["in_view"]) == (8, {"gps": 14})
