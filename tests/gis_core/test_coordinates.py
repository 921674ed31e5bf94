"""Datums and zones against published vectors, and laws that hold everywhere in China."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from gis_core import coordinates
from gis_core.coordinates import (
    bd09_from_wgs84,
    cgcs2000_zone_srid,
    gcj02_from_bd09,
    gcj02_from_wgs84,
    storage_from_crs,
    wgs84_from_bd09,
    wgs84_from_gcj02,
    zone_number,
)

VECTORS = {
    "Beijing": (
        (116.377817, 39.911954),
        (116.38404722456, 39.91334545536),
        (116.39045471311, 39.91957556597),
    ),
    "Shanghai": (
        (121.5272106, 31.1774276),
        (121.53154185922, 31.17530398365),
        (121.53801568644, 31.18132860687),
    ),
    "Shenzhen": (
        (113.912316, 22.543847),
        (113.91717648084, 22.54079613169),
        (113.92368472927, 22.54666743775),
    ),
}
CM_DEG = 1e-2 / 111_320
TO_ZONE = Transformer.from_crs(4326, 4549, always_xy=True)
in_china = st.tuples(st.floats(74, 135), st.floats(18, 53.5))


@pytest.mark.parametrize("city", VECTORS)
def test_published_vectors(city: str) -> None:
    wgs84, gcj02, bd09 = VECTORS[city]
    # The Beijing BD-09 vector is rounded to 1.5 mm.
    assert np.allclose(gcj02_from_wgs84(*wgs84), gcj02, rtol=0, atol=1e-10)
    assert np.allclose(bd09_from_wgs84(*wgs84), bd09, rtol=0, atol=2e-8)
    assert np.allclose(wgs84_from_gcj02(*gcj02), wgs84, rtol=0, atol=1e-10)
    assert np.allclose(wgs84_from_bd09(*bd09), wgs84, rtol=0, atol=2e-8)
    assert np.allclose(gcj02_from_bd09(*bd09), gcj02, rtol=0, atol=2e-8)


@given(in_china)
def test_inverses_return_within_a_centimetre(point: tuple[float, float]) -> None:
    assert np.allclose(wgs84_from_gcj02(*gcj02_from_wgs84(*point)), point, rtol=0, atol=CM_DEG)
    assert np.allclose(wgs84_from_bd09(*bd09_from_wgs84(*point)), point, rtol=0, atol=CM_DEG)


@given(in_china)
def test_the_shift_has_the_known_size(point: tuple[float, float]) -> None:
    lon, lat = gcj02_from_wgs84(*point)
    east_m = (lon - point[0]) * 111_320 * np.cos(np.radians(point[1]))
    north_m = (lat - point[1]) * 111_320
    assert 30 < np.hypot(east_m, north_m) < 720


@given(st.floats(-180, 71.9) | st.floats(137.9, 180), st.floats(-90, 90))
def test_outside_china_nothing_moves(lon: float, lat: float) -> None:
    for function in (gcj02_from_wgs84, wgs84_from_gcj02, bd09_from_wgs84, wgs84_from_bd09):
        assert tuple(map(float, function(lon, lat))) == (lon, lat)


def test_the_edge_of_the_box_terminates() -> None:
    west, south, east, north = coordinates.CHINA_BOX
    lon = np.array([west, east, east - 1e-6, west + 1e-6])
    lat = np.array([south, north, north - 1e-6, south + 1e-6])
    assert np.isfinite(wgs84_from_gcj02(lon, lat)).all()


def test_empty_and_nan_pass_through() -> None:
    assert wgs84_from_gcj02([], [])[0].size == 0
    assert np.isnan(wgs84_from_gcj02([np.nan], [31.0])[0][0])


@pytest.mark.parametrize(
    ("lon", "prefixed", "srid"),
    [
        (120.0, False, 4549),
        (121.47, False, 4549),
        (120.0, True, 4528),
        (75.0, False, 4534),
        (135.0, False, 4554),
    ],
)
def test_zone_of_a_longitude(lon: float, prefixed: bool, srid: int) -> None:
    assert cgcs2000_zone_srid(lon, prefixed=prefixed) == srid


def test_no_zone_abroad() -> None:
    with pytest.raises(ValueError, match="no CGCS2000"):
        cgcs2000_zone_srid(13.4)


@settings(deadline=None)  # the first call builds the projections
@given(st.floats(118.6, 121.4), st.floats(18, 53))
def test_zone_with_and_without_prefix_are_one_place(lon: float, lat: float) -> None:
    east_m, north_m = TO_ZONE.transform(lon, lat)
    plain = storage_from_crs(4549, [east_m], [north_m])
    prefixed = storage_from_crs(4528, [east_m + 40e6], [north_m])
    assert zone_number(4528) == 40
    assert np.allclose(plain, [[lon], [lat]], rtol=0, atol=CM_DEG)
    assert np.allclose(prefixed, plain, rtol=0, atol=CM_DEG)
