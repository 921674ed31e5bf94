"""What the simulated devices write is what our decoders read."""

import pytest

from ingest import json_fix, nmea, owntracks
from ingest.simulator import messages
from ingest.simulator.messages import Sample
from tracking.fix import ConnectionStatus, Fix

NOON = Sample(1_770_000_000.25, 120.0123456, 30.4987654, 8.25, 271.5, 5.2, 17, 83)


def test_owntracks() -> None:
    (fix,) = owntracks.decode(messages.owntracks("inspector", "ins0001", NOON).payload, received_us=None)
    assert isinstance(fix, Fix)
    assert fix.lon == pytest.approx(NOON.lon, abs=1e-6)
    assert fix.lat == pytest.approx(NOON.lat, abs=1e-6)
    assert fix.speed_mps == pytest.approx(8.25, abs=0.2)
    assert fix.battery_pct == 83


def test_own_json_one_and_many() -> None:
    (fix,) = json_fix.decode_fix(messages.own_json("veh0001", [NOON]).payload)
    assert isinstance(fix, Fix)
    assert fix.course_deg == pytest.approx(271.5)
    assert len(json_fix.decode_fix(messages.own_json("veh0001", [NOON] * 3).payload)) == 3


@pytest.mark.parametrize(
    ("lon", "lat"), [(120.0123456, 30.4987654), (-0.00001, -33.9999999), (179.999999, 0.5)]
)
def test_nmea_keeps_the_place_to_a_metre(lon: float, lat: float) -> None:
    sample = NOON._replace(lon=lon, lat=lat)
    later = sample._replace(time=sample.time + 10)
    first, second = nmea.decode(messages.nmea("veh0061", [sample, later]).payload, received_us=None)
    assert isinstance(first, Fix)
    assert isinstance(second, Fix)
    assert first.lon == pytest.approx(lon, abs=1e-5)
    assert first.lat == pytest.approx(lat, abs=1e-5)
    assert first.speed_mps == pytest.approx(8.25, abs=0.01)
    assert second.fix_time_us - first.fix_time_us == 10_000_000


def test_status() -> None:
    assert json_fix.decode_status(messages.status("ins0001", online=False).payload) == [
        ConnectionStatus(False)
    ]
