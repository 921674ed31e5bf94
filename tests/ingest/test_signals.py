"""Alarms and ignition of every protocol come through as the same bits."""

import json
from collections.abc import Sequence

import pytest

from ingest import json_fix, osmand, owntracks
from tracking.batch import from_fixes
from tracking.fix import Fix
from tracking.signals import ACC_OFF, ACC_ON, BITS, SIGNAL_TEXTS, SOS, names, of_jt808


def signals(outcomes: Sequence[object]) -> list[str]:
    (fix,) = outcomes
    assert isinstance(fix, Fix)
    return names(fix.signals)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"sos": True}, ["sos"]),
        (
            {"sos": 1, "alarms": ["power_lost", "nonsense"], "ignition": False},
            ["sos", "power_lost", "acc_off"],
        ),
        ({"sos": {"odd": 1}, "alarms": 7, "ignition": "perhaps"}, []),
        ({}, []),
    ],
)
def test_own_json(members: dict[str, object], expected: list[str]) -> None:
    payload = json.dumps({"time": 1_700_000_000, "lon": 120.1, "lat": 30.1, **members}).encode()
    assert signals(json_fix.decode_fix(payload)) == expected


def test_owntracks() -> None:
    body = {"_type": "location", "tst": 1_700_000_000, "lon": 1.0, "lat": 2.0, "bs": 2, "alarm": "sos"}
    assert signals(owntracks.decode(json.dumps(body).encode(), received_us=None)) == ["sos", "charging"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("alarm=sos,powerCut&ignition=true", ["sos", "power_lost", "acc_on"]),
        ("alarm=lowBattery&acc=0", ["low_voltage", "acc_off"]),
        ("alarm=&sos=maybe", []),
    ],
)
def test_osmand(query: str, expected: list[str]) -> None:
    payload = f"id=d1&lat=30&lon=120&timestamp=1700000000&{query}".encode()
    assert signals(osmand.fixes(payload, None, "kn")) == expected


def test_jt808_double_words() -> None:
    assert names(of_jt808(0x8000_0101, 0x0000_3C13)) == [
        *("sos", "power_lost", "illegal_door", "acc_on", "out_of_service", "oil_cut", "circuit_cut"),
        *("doors_locked", "door_open"),
    ]
    assert of_jt808(0, 0) == ACC_OFF
    assert SIGNAL_TEXTS.keys() == BITS.keys()


def test_an_alarm_at_the_same_second_and_place_is_no_repeat_but_ignition_is() -> None:
    fixes = [Fix(1, 120.0, 30.0, signals=told) for told in (0, ACC_ON, SOS, SOS | ACC_ON)]
    content = from_fixes(fixes, [0] * 4, [1] * 4, [1] * 4).content.tolist()
    assert content[0] == content[1] != content[2] == content[3]
