"""Transforming points that a program or a page has at hand."""

import asyncio
from typing import Annotated

import numpy as np
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from command_center.requests import requires
from gis_core.errors import BadInput
from gis_core.transforms import system_of, transform_points

MAX_POINTS = 100_000
MAX_BODY_BYTES = 8 << 20
SystemName = Annotated[str, Field(max_length=32, examples=["gcj02", "epsg:4549"])]
Values = Annotated[list[float | None], Field(max_length=MAX_POINTS)]

router = APIRouter(tags=["坐标 Coordinates"], dependencies=[requires("map.view")])


class Points(BaseModel):
    """Parallel arrays, x (east, longitude) first in every system; at most 100,000 points."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    source: SystemName = Field(alias="from")
    target: SystemName = Field(alias="to")
    x: Values
    y: Values


class Transformed(BaseModel):
    """The same points; null where there was none, or where the target system has no place for it."""

    x: list[float | None]
    y: list[float | None]


@router.post("/transform", summary="坐标转换 / Transform coordinates")
async def transform(body: Points) -> Transformed:
    """Between wgs84, cgcs2000, gcj02, bd09 and every system of the EPSG registry (``epsg:4549``)."""
    if len(body.x) != len(body.y):
        raise BadInput(field="y", reason_zh="须与 x 等长", reason="must be as long as x")
    source, target = system_of(body.source), system_of(body.target)

    def work() -> Transformed:
        x, y = np.array(body.x, dtype=np.float64), np.array(body.y, dtype=np.float64)
        east, north = transform_points(x, y, source, target)
        lost = ~(np.isfinite(east) & np.isfinite(north))
        return Transformed(x=_listed(east, lost), y=_listed(north, lost))

    return await asyncio.to_thread(work)


def _listed(values: np.ndarray, lost: np.ndarray) -> list[float | None]:
    found: list[float | None] = values.tolist()
    for at in np.flatnonzero(lost):
        found[at] = None
    return found
