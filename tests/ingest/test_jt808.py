"""Frames of JT/T 808: the standard's vectors, oddities of terminals, and what we write read back."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.jt808 import extras, framing, header, location
from ingest.jt808 import message as messages
from ingest.jt808.cursor import time_of
from ingest.jt808.fragments import Reassembly
from ingest.jt808.framing import Deframer, TooLong
from ingest.jt808.message import Message
from tracking.clock import micros_of
from tracking.fix import Fix
from tracking.reasons import Reason, Reject
from tracking.signals import ACC_OFF, SOS

LOCATION_2013 = (
    "7E02000026123456789012007D02000000010000000200BA7F0E07E4F11C0028003C"
    "00001810151010100104000000640202007D01137E"
)
LOCATION_2019 = (
    "7E0200402C0100000000013800138000007D0200000001000C000302622B5206EEF64D0036000A0054240524101530"
    "0104000030390302000A30011F310112AC7E"
)
REGISTER_2019 = (
    "7E010040540100000000000123456789000A002800323132333400000000000000736D616C6C636869313233000000"
    "0000000000000000000000000000000000434849313233000000000000000000000000000000000000000000000001"
    "D4C1413132333435B27E"
)


def only_frame(hexed: str) -> bytes:
    (content,) = Deframer().feed(bytes.fromhex(hexed))
    assert isinstance(content, bytes)
    return content


def message_of(hexed: str) -> Message:
    found = messages.read(only_frame(hexed))
    assert isinstance(found, Message)
    return found


def built(message_id: int, body: bytes, *, version: int = 2013, terminal: str = "13800138000") -> Message:
    plain = header.join(message_id, body, version=version, terminal=terminal, serial=7)
    return message_of(framing.wrap(plain).hex())


def test_location_of_2013_with_both_escapes() -> None:
    message = message_of(LOCATION_2013)
    assert (message.kind, message.header.terminal, message.header.serial) == ("location", "123456789012", 126)
    (fix,) = message.outcomes()
    moment = micros_of(datetime(2018, 10, 15, 2, 10, 10, tzinfo=UTC))
    told = SOS | ACC_OFF
    assert fix == Fix(moment, 132.444444, 12.222222, 40.0, 60 / 36, 0.0, signals=told)
    (found,) = message.body.locations
    assert (extras.named(found.items, "mileage_km"), extras.named(found.items, "fuel_l")) == (10.0, 12.5)
    assert found.alarms == ["sos"]


def test_location_of_2019() -> None:
    message = message_of(LOCATION_2019)
    assert (message.header.version, message.header.terminal) == (2019, "00000000013800138000")
    (fix,) = message.outcomes()
    assert isinstance(fix, Fix)
    assert (fix.lon, fix.lat, fix.satellites) == (116.323917, 39.98805, 18)
    assert fix.speed_mps == pytest.approx(1 / 3.6)
    assert message.body.locations[0].systems == ["gps", "beidou"]


def test_registration_of_2019_in_gbk() -> None:
    values = message_of(REGISTER_2019).body.values
    assert (values["plate"], values["maker"], values["terminal_id"]) == ("粤A12345", "1234", "CHI123")


def test_heartbeat_has_no_body() -> None:
    assert message_of("7E00020000012345678900000A817E").kind == "heartbeat"


def test_a_wrong_checksum_is_refused() -> None:
    found = messages.read(only_frame(LOCATION_2013.replace("137E", "147E")))
    assert isinstance(found, Reject)
    assert found.reason is Reason.BAD_CHECKSUM


@pytest.mark.parametrize("content", [b"", b"\0", b"\0\0", b"\x02\x00\x00\x02"])
def test_what_is_no_frame_is_refused(content: bytes) -> None:
    assert isinstance(messages.read(content), Reject)


def a_body(**changes: int) -> bytes:
    fix = Fix(0, 120.5, 30.25, 12.0, 10.0, 90.0)
    body = bytearray(location.write(fix, datetime(2026, 3, 1, 8, 0, tzinfo=UTC)))
    for name, value in changes.items():
        at, size = {"status": (4, 4), "altitude": (16, 2)}[name]
        body[at : at + size] = value.to_bytes(size)
    return bytes(body)


def test_bit_14_with_the_header_of_2013() -> None:
    body = a_body()
    plain = bytearray(header.join(0x0200, body, version=2013, terminal="010030000681", serial=1))
    plain[2] |= 0x40
    message = message_of(framing.wrap(bytes(plain)).hex())
    assert (message.header.version, message.header.terminal) == (2013, "010030000681")
    assert "version_flag_with_2013_header" in message.body.flags
    assert len(message.outcomes()) == 1


def test_no_fix_is_no_position_though_it_carries_one() -> None:
    (outcome,) = built(0x0200, a_body(status=1)).outcomes()
    assert isinstance(outcome, Reject)
    assert outcome.reason is Reason.NO_FIX


@pytest.mark.parametrize(("raw", "metres"), [(12, 12.0), (0xFFF6, -10.0), (0x800A, -10.0), (0xBC73, None)])
def test_heights_below_zero_come_in_two_ways(raw: int, metres: float | None) -> None:
    assert built(0x0200, a_body(altitude=raw)).body.locations[0].altitude_m == metres


def test_a_number_that_is_not_decimal_is_kept() -> None:
    message = built(0x0200, a_body(), terminal="4eb6fb4a0102")
    assert (message.header.terminal, message.body.flags) == ("4eb6fb4a0102", {"number_not_decimal"})


@pytest.mark.parametrize(
    ("tail", "ids", "flags"),
    [
        (b"\xf6\x09\x01", ["0x01", "0xf6"], {"item_overruns"}),
        (b"\0\0\0\0", ["0x01"], set()),
        (b"\x8c", ["0x01"], {"trailing_byte"}),
        (b"\xeb\x02\xaa\xbb\x31\x01\x09", ["0x01", "0xeb", "0x31"], set()),
        (b"\x31\x02\x00\x09", ["0x01", "0x31"], set()),
    ],
)
def test_items_never_cost_the_position(tail: bytes, ids: list[str], flags: set[str]) -> None:
    message = built(0x0200, a_body() + extras.write(1, b"\0\0\0\x64") + tail)
    assert [item["id"] for item in message.body.locations[0].items] == ids
    assert message.body.flags == flags
    assert isinstance(message.outcomes()[0], Fix)


def test_a_header_may_lie_about_the_length() -> None:
    plain = header.join(0x0200, a_body(), version=2013, terminal="1", serial=1) + b"\x31\x01\x09"
    message = message_of(framing.wrap(plain).hex())
    assert message.body.flags == {"length_mismatch"}
    assert message.body.locations[0].items[0]["value"] == 9


def test_batches_keep_what_can_be_read() -> None:
    good, cut = a_body(), b"\0" * 9
    body = b"\0\x03\x01" + b"".join(len(item).to_bytes(2) + item for item in (good, cut, good))
    message = built(0x0704, body)
    assert message.body.flags == {"blind_area", "items_missing"}
    assert [type(outcome) for outcome in message.outcomes()] == [Fix, Fix, Reject]


@pytest.mark.parametrize(("size", "layout"), [(8, "2011"), (20, "2013")])
def test_registrations_without_2019_have_two_layouts(size: int, layout: str) -> None:
    body = b"\0\x2c\x01\x2f70111" + b"BSJ".ljust(size, b"\0") + b"0567872\x01" + "粤B88888".encode("gbk")
    values = built(0x0100, body).body.values
    assert (values["layout"], values["model"], values["plate"]) == (layout, "BSJ", "粤B88888")


def test_packets_in_any_order_make_one_message() -> None:
    body = b"\0\x14\x00" + b"".join(len(a_body()).to_bytes(2) + a_body() for _ in range(20))
    pieces = [body[at : at + 200] for at in range(0, len(body), 200)]
    reassembly, whole = Reassembly(), []
    for index in (2, 0, 3, 1, 1):
        plain = header.join(
            *(0x0704, pieces[index]),
            version=2019,
            terminal="1",
            serial=0xFFFF + index,
            part=(len(pieces), index + 1),
        )
        found = reassembly.add(message_of(framing.wrap(plain).hex()))
        whole.append(found)
    assert [isinstance(found, Message) for found in whole] == [False, False, False, True, False]
    assert isinstance(whole[3], Message)
    assert len(whole[3].outcomes()) == 20


def test_frames_split_glued_and_amid_garbage() -> None:
    stream = b"\xff" + bytes.fromhex(LOCATION_2013) * 2 + b"\0" * 5_000 + bytes.fromhex(LOCATION_2019)
    deframer = Deframer()
    frames = [frame for at in range(0, len(stream), 7) for frame in deframer.feed(stream[at : at + 7])]
    kinds = ["long" if isinstance(f, TooLong) else type(messages.read(f)).__name__ for f in frames]
    assert kinds == ["Reject", "Message", "Message", "long", "Message"]
    assert not deframer.half


@pytest.mark.parametrize("raw", ["a10101000000", "261301000000", "260230000000", "260101240000"])
def test_what_is_no_time(raw: str) -> None:
    assert time_of(bytes.fromhex(raw)) is None


@given(st.binary(max_size=600))
def test_escaping_is_undone(data: bytes) -> None:
    assert framing.unescape(framing.escape(data)) == data
    assert framing.MARK not in framing.escape(data)


@given(
    st.floats(-180, 180),
    st.floats(-90, 90),
    st.integers(0, 8_000),
    st.integers(0, 359),
    st.integers(0, 2_000),
    st.datetimes(datetime(2000, 1, 2), datetime(2099, 12, 30)),  # noqa: DTZ001
    st.sampled_from([2013, 2019]),
)
def test_what_we_write_is_read_back(
    lon: float, lat: float, altitude: int, course: int, tenths: int, moment: datetime, version: int
) -> None:
    at = moment.replace(microsecond=0, tzinfo=UTC)
    fix = Fix(micros_of(at), round(lon, 6), round(lat, 6), float(altitude), tenths / 36, float(course))
    (found,) = built(0x0200, location.write(fix, at), version=version).outcomes()
    assert isinstance(found, Fix)
    assert found.fix_time_us == fix.fix_time_us
    assert (found.lon, found.lat) == (pytest.approx(fix.lon, abs=1e-9), pytest.approx(fix.lat, abs=1e-9))
    assert (found.altitude_m, found.course_deg) == (fix.altitude_m, fix.course_deg)
    assert found.speed_mps == pytest.approx(fix.speed_mps)


@given(st.binary(max_size=200), st.integers(0, 0xFFFF), st.sampled_from([2013, 2019]))
def test_any_body_of_any_message_is_survived(body: bytes, message_id: int, version: int) -> None:
    plain = header.join(message_id, body, version=version, terminal="1", serial=1)
    assert isinstance(
        messages.read(framing.escape(plain + bytes([framing.checksum(plain)]))), Message | Reject
    )


@given(st.sampled_from([0x0001, 0x0100, 0x0102, 0x0104, 0x0107, 0x0702, 0x0705, 0x0801, 0x1205]), st.binary())
def test_bodies_without_position_are_taken_whatever_they_hold(message_id: int, body: bytes) -> None:
    assert isinstance(built(message_id, body[:1000]), Message)


@given(st.binary(max_size=400))
def test_any_bytes_between_marks_are_survived(content: bytes) -> None:
    assert isinstance(messages.read(content), Message | Reject)


def test_a_driver_as_the_edition_of_2011_tells_it() -> None:
    body = b"\x04" + "张三".encode("gbk") + b"1" * 20 + b"2" * 40 + b"\x04abcd"
    values = built(0x0702, body).body.values
    assert (values["driver"], values["identity_card"], values["institution"]) == ("张三", "1" * 20, "abcd")


def test_a_speed_of_all_ones_is_unknown() -> None:
    body = bytearray(a_body())
    body[18:20] = b"\xff\xff"
    (fix,) = built(0x0200, bytes(body)).outcomes()
    assert isinstance(fix, Fix)
    assert fix.speed_mps is None


def test_packets_lost_and_doubled() -> None:
    body = b"\0\x14\x00" + b"".join(len(a_body()).to_bytes(2) + a_body() for _ in range(20))
    pieces = [body[at : at + 200] for at in range(0, len(body), 200)]

    def part(index: int, serial: int) -> Message:
        shape = (len(pieces), index + 1)
        plain = header.join(0x0704, pieces[index], version=2013, terminal="1", serial=serial, part=shape)
        return message_of(framing.wrap(plain).hex())

    reassembly = Reassembly()
    first = [reassembly.add(part(index, 10 + index)) for index in (0, 0, 2)]
    assert first == [None, None, None]
    assert reassembly.missing(part(0, 10)) == [2, 4]
    second = [reassembly.add(part(index, 50 + index)) for index in (3, 2, 1, 0)]
    assert [isinstance(found, Message) for found in second] == [False, False, False, True]
    assert reassembly.missing(part(0, 10)) == [2, 4]  # the first message still waits
