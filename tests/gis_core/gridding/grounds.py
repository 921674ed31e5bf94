"""Made-up ground to divide, in metres of the zone of 120° E."""

from typing import Any

import numpy as np
import shapely

from gis_core.gridding.ground import Ground, Projection

ORIGIN = np.array([500_000.0, 3_376_000.0])


def ground(
    homes: list[Any], roads: list[tuple[int, list[tuple[float, float]]]] = [], water: list[Any] = [],  # noqa: B006
    buildings: list[Any] = [],  # noqa: B006
) -> Ground:  # fmt: skip
    """Coordinates count from ``ORIGIN``; ``roads`` are (rank, line)."""

    def placed(shapes: list[Any]) -> Any:
        moved = [shapely.transform(shape, lambda xy: xy + ORIGIN) for shape in shapes]
        return np.array(moved, dtype=object)

    return Ground(
        homes=placed(homes),
        home_codes=[f"990102001{number:03d}" for number in range(1, len(homes) + 1)],
        roads=placed([shapely.LineString(line) for _, line in roads]),
        road_rank=np.array([rank for rank, _ in roads], dtype=np.int64),
        water=placed(water),
        buildings=placed(buildings),
        projection=Projection.at(120.0),
    )
