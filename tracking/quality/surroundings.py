"""How far a place is from where any device of a file has been otherwise: receivers err to places where
nobody drives."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from tracking.quality.track import EARTH_RADIUS_M, Track

_SAMPLE, _NEAREST = 400, 24
_OWN_US = 30 * 60 * 1_000_000
"""A device's own fixes so near in time say nothing about where it goes otherwise."""


class Surroundings:
    """The fixes of all tracks of a file; the index is made when it is first asked for."""

    def __init__(self, tracks: Sequence[Track]) -> None:
        self._tracks = tracks
        self._usual: dict[int, float] = {}

    def lonely_m(
        self, device: int, track: Track, first: NDArray[np.intp], last: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        """Metres from each fix ``first`` of a device's track to the nearest fix of the file, those of
        the device between ``first`` and ``last`` left out."""
        since = np.minimum(track.told_us[first], track.told_us[last])
        until = np.maximum(track.told_us[first], track.told_us[last])
        return self._nearest(device, _on_sphere(track.lon[first], track.lat[first]), since, until)

    def usual_m(self, device: int) -> float:
        """The same, of nine tenths of the device's fixes, its own of half an hour around left out."""
        if device not in self._usual:
            track = self._tracks[device]
            rows = np.unique(np.linspace(0, len(track) - 1, min(len(track), _SAMPLE)).astype(np.intp))
            places = _on_sphere(track.lon[rows], track.lat[rows])
            known = np.isfinite(places).all(axis=1)
            moments = track.told_us[rows][known]
            found = self._nearest(device, places[known], moments - _OWN_US, moments + _OWN_US)
            self._usual[device] = float(np.percentile(found, 90)) if len(found) else np.inf
        return self._usual[device]

    def _nearest(
        self,
        device: int,
        places: NDArray[np.float64],
        since_us: NDArray[np.int64],
        until_us: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        tree, owner, told_us = self._index
        if not len(places):
            return np.zeros(0)
        apart, index = tree.query(places, k=min(_NEAREST, len(owner)))
        apart, index = apart.reshape(len(places), -1), index.reshape(len(places), -1)
        own = (owner[index] == device) & (told_us[index] >= since_us[:, None])
        own &= told_us[index] <= until_us[:, None]
        others = np.where(own, np.inf, apart).min(axis=1)
        return np.asarray(np.where(np.isinf(others), apart[:, -1], others), dtype=np.float64)

    @cached_property
    def _index(self) -> tuple[cKDTree, NDArray[np.int32], NDArray[np.int64]]:
        """The tree, and the device and told time of each of its fixes."""
        lengths = [len(track) for track in self._tracks]
        owner = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
        told_us = np.concatenate([track.told_us for track in self._tracks])
        places = np.concatenate([_on_sphere(track.lon, track.lat) for track in self._tracks])
        known = np.isfinite(places).all(axis=1)
        return cKDTree(places[known], balanced_tree=False), owner[known], told_us[known]


def _on_sphere(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Metres from the centre of the earth on three axes."""
    with np.errstate(invalid="ignore"):
        east, north = np.radians(lon), np.radians(lat)
        flat = np.cos(north)
        places = np.column_stack((flat * np.cos(east), flat * np.sin(east), np.sin(north)))
    return np.asarray(places * EARTH_RADIUS_M, dtype=np.float64)
