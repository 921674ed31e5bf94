"""Oddities that captures of other receivers, clients and terminals have."""

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from ingest.decoding import nmea_records
from ingest.decoding.record import line_of
from ingest.jt808 import framing, header, location
from ingest.jt808 import message as messages
from ingest.jt808.fragments import MOST_BYTES, OVERHEAD, Reassembly
from ingest.jt808.message import Message
from tests.ingest.test_decode_command import GGA, RMC, lines
from tests.ingest.test_decoders import sentence
from tracking.fix import Fix

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
BODY = location.write(Fix(0, 120.0, 30.0), NOON)


def read(plain: bytes) -> Message:
    found = messages.read(framing.escape(plain + bytes([framing.checksum(plain)])))
    assert isinstance(found, Message)
    return found


def frame(body: bytes, properties: int = 0) -> bytes:
    plain = bytearray(header.join(0x0200, body, version=2013, terminal="17", serial=5))
    plain[2:4] = (int.from_bytes(plain[2:4]) | properties).to_bytes(2)
    return framing.wrap(bytes(plain))


def test_packets_that_all_carry_the_same_serial_are_joined() -> None:
    content = (40).to_bytes(2) + b"\0" + (len(BODY).to_bytes(2) + BODY) * 40
    reassembly, whole = Reassembly(), None
    for index, at in enumerate(range(0, len(content), 500), start=1):
        part = content[at : at + 500]
        whole = reassembly.add(
            read(header.join(0x0704, part, version=2013, terminal="1", serial=7, part=(3, index)))
        )
    assert isinstance(whole, Message)
    assert len(whole.body.locations) == 40


def test_a_header_of_2019_without_its_flag_is_told_by_its_length() -> None:
    found = read(b"\x02\x00" + len(BODY).to_bytes(2) + b"\x01" + bytes(9) + b"\x17\x00\x05" + BODY)
    assert (found.header.version, found.header.terminal[-2:], found.header.serial) == (2019, "17", 5)
    assert "2019_header_without_version_flag" in found.body.flags


@pytest.mark.parametrize("shape", ["{}", '"{}"', "2026-01-01 12:00:00 RX: {}", '{{"hex": "{}"}}', "0x{}"])
def test_hex_frames_are_found_in_lines_of_logs(shape: str) -> None:
    (line,) = lines("jt808", shape.format(frame(BODY).hex(" " if "RX" in shape else "\0").replace("\0", "")))
    assert (line["ok"], line["lon"], line["fix_time"]) == (True, 120.0, "2026-01-01T12:00:00Z")


def test_a_terminal_without_fix_may_have_no_time_but_one_with_a_fix_must() -> None:
    timeless = BODY[:22] + bytes(6)
    lost = timeless[:4] + bytes(4) + timeless[8:]
    assert lines("jt808", frame(lost))[0]["flags"] == ["no_fix", "no_time"]
    assert lines("jt808", frame(timeless))[0]["error"] == "bad_time"


def test_coordinates_that_a_plug_in_changed_are_marked() -> None:
    changed = BODY[:4] + (0x22).to_bytes(4) + BODY[8:]
    assert lines("jt808", frame(changed))[0]["flags"] == ["coordinates_encrypted"]


def nmea(data: bytes) -> list[dict[str, Any]]:
    records = nmea_records.read(io.BytesIO(data), reference_us=None, allow_missing_checksum=False)
    return [json.loads(line_of(record)) for record in records]


@pytest.mark.parametrize(
    "capture",
    [
        b"%b%b",
        b"\\s:r003669961,c:1120959341*5D\\%b\\g:1-2-73874,n:157036*4F\\%b",
        b"2026-01-01 12:00:01.123 [GPS] %b12:00:02,%b",
        b"!AIVDM,1,1,,B,177KQJ5000G?tO`K>RA1wUbN0TKH,0*5C\r\n%b$PUBX,00,1*2E\r\n%b",
        b"\xef\xbb\xbf%b\xb5\x62\x01\x07$%b",
    ],
)
def test_sentences_are_found_whatever_stands_around_them(capture: bytes) -> None:
    (line,) = nmea(capture % (sentence(RMC), sentence(GGA)))
    assert (line["ok"], line["satellites"], line["fix_time"]) == (True, 8, "2026-01-01T11:59:59.500000Z")


def test_a_sentence_in_a_comment_is_none() -> None:
    told = b"# first was: " + sentence(RMC) + sentence(GGA) + b"# last was: " + sentence(RMC).strip()
    (line,) = nmea(told)
    assert line["extras"]["sentences"] == ["GNGGA"]


@pytest.mark.parametrize(
    ("mode", "flag"), [("E", "estimated"), ("M", "manual"), ("S", "simulated"), ("D", "differential")]
)
def test_the_mode_letter_tells_how_the_position_came_about(mode: str, flag: str) -> None:
    (line,) = nmea(sentence(RMC.removesuffix("A,V") + f"{mode},V"))
    assert line["flags"] == [flag]


def test_dates_that_cannot_be_are_marked() -> None:
    (old,) = nmea(sentence(RMC.replace("010126", "220899")))
    (ahead,) = nmea(sentence(RMC.replace("010126", "010179")))
    assert (old["flags"], ahead["flags"]) == (["old_date"], ["future_date"])


PLACE = '"lon":120,"lat":30'


@pytest.mark.parametrize(
    "moment",
    ["1767268800", '"1767268800"', "1767268800000", '"1767268800000"', '"2026-01-01T20:00:00+08:00"'],
)
def test_times_as_clients_write_them(moment: str) -> None:
    own = lines("json", f'{{"time":{moment},{PLACE}}}')
    theirs = lines("owntracks", f'{{"_type":"location","tst":{moment},{PLACE}}}')
    assert {line["fix_time"] for line in own + theirs} == {"2026-01-01T12:00:00Z"}


def test_numbers_as_text_and_members_that_cannot_be_read() -> None:
    told = '"tst":1767268800,"lon":"120.5","lat":"30.5","vel":"36","acc":{},"batt":"full","alt":[1],"cog":90'
    (line,) = lines("owntracks", f'{{"_type":"location",{told}}}')
    assert (line["ok"], line["lon"], line["speed_mps"], line["course_deg"]) == (True, 120.5, 10.0, 90.0)
    assert (line["accuracy_m"], line["battery"], line["altitude_m"]) == (None, None, None)
    for lon in ('"nan"', '"1e400"', "true", "[]", '""'):
        assert not lines("owntracks", f'{{"_type":"location","tst":1,"lat":30,"lon":{lon}}}')[0]["ok"]


def test_a_refused_line_keeps_the_place_it_told() -> None:
    (line,) = lines("json", f'{{"time":"yesterday",{PLACE}}}')
    assert (line["ok"], line["error"], line["lon"], line["lat"]) == (False, "bad_time", 120.0, 30.0)


def test_topic_before_the_payload_and_a_byte_order_mark() -> None:
    body = f'{{"_type":"location","tst":1767268800,{PLACE}}}'
    found = lines("owntracks", f"owntracks/li/phone {body}\nowntracks/li/phone\n\ufeff{body}")
    assert [(line["kind"], line["device"]) for line in found] == [
        ("location", "phone"),
        ("cleared", "phone"),
        ("location", None),
    ]


def test_a_request_as_servers_log_it() -> None:
    (line,) = lines("osmand", "GET /?id=7&lat=30&lon=120&timestamp=1767268800 HTTP/1.1")
    assert (line["device"], line["fix_time"]) == ("7", "2026-01-01T12:00:00Z")


def test_empty_packets_without_end_are_bounded() -> None:
    reassembly = Reassembly()
    for index in range(1, 20_000):
        part = header.join(0x0704, b"", version=2013, terminal="1", serial=index, part=(65_535, index))
        last = read(part)
        reassembly.add(last)
    kept = 65_535 - len(reassembly.missing(last))
    assert kept <= MOST_BYTES / OVERHEAD


def test_hex_with_chinese_remarks_is_text() -> None:
    refused, taken = lines("jt808", f"# 粤B 车载终端 {'7e'}\n{frame(BODY).hex()}\n")
    assert (refused["ok"], taken["ok"]) == (False, True)


def test_what_fuzzing_found() -> None:
    assert [line["error"] for line in lines("json", "[[], [1]]")] == ["bad_field", "bad_field"]
    (told,) = lines("osmand", "id=1&lat=%1c30&lon=120&timestamp=%1c1767268800&speed=%1c1")
    assert (told["lat"], told["fix_time"]) == (30.0, "2026-01-01T12:00:00Z")
    (line,) = nmea(sentence("GPZDA,222449,25,10025162124,1607,,") + sentence(GGA))
    assert line["flags"] == ["no_date"]
