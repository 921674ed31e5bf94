"""Points transformed a second by one core, each way, beside numpy's sines of the same arrays in the same run.

A shift of GCJ-02 is made of sines: ``sin`` of one array is the floor that no such transform can go below, and
how many of them a transform is worth tells it apart from the machine.
"""

import time
from typing import Any

import numpy as np

from gis_core.transforms import system_of, transform_points

POINTS = 1_000_000
ROUNDS = 3
WAYS = (
    ("wgs84", "gcj02"),
    ("gcj02", "wgs84"),
    ("gcj02", "bd09"),
    ("bd09", "gcj02"),
    ("wgs84", "bd09"),
    ("bd09", "wgs84"),
    ("cgcs2000", "epsg:4549"),
    ("epsg:4549", "cgcs2000"),
    ("cgcs2000", "epsg:4528"),
    ("epsg:4528", "cgcs2000"),
    ("wgs84", "epsg:3857"),
    ("epsg:3857", "wgs84"),
)


def measure(points: int = POINTS) -> dict[str, Any]:
    """Points a CPU second, best of three, over the 3° zone of 120° E; ``inverse_error_m``: there and back."""
    random = np.random.default_rng(7)
    lon, lat = random.uniform(118.6, 121.4, points), random.uniform(22.0, 40.0, points)
    ceiling = points / min(_took(lambda: np.sin(lon)) for _ in range(ROUNDS))
    figures: dict[str, Any] = {"points": points, "sin_per_s": ceiling}
    for source, target in WAYS:
        here, there = system_of(source), system_of(target)
        x, y = transform_points(lon, lat, system_of("wgs84"), here)
        took = min(
            _took(lambda x=x, y=y, here=here, there=there: transform_points(x, y, here, there))
            for _ in range(ROUNDS)
        )
        back = transform_points(*transform_points(x, y, here, there), there, here)
        unit = 111_320.0 if here.plain else 1.0
        error = float(np.hypot(back[0] - x, back[1] - y).max()) * unit
        figures[f"{source} → {target}"] = {"per_s": points / took, "there_and_back_m": error}
    return figures


def _took(work: Any) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def report(figures: dict[str, Any]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [
        ("numpy sin (ceiling), points/s a core", f"{figures['sin_per_s'] / 1e6:,.1f} M", "")
    ]
    for name, one in figures.items():
        if isinstance(one, dict):
            told = f"{one['there_and_back_m']:.1e} m"
            sines = figures["sin_per_s"] / one["per_s"]
            rows.append((name, f"{one['per_s'] / 1e6:,.2f} M = 1/{sines:,.0f}", told))
    return rows
