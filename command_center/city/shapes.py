"""What several routes of the city share: texts, geometries and reasons as they come over HTTP."""

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from gis_core.history.edits import EDIT
from gis_core.identity.principal import Principal
from gis_core.identity.requests import requires

VIEW = "map.view"
Reader = Annotated[Principal, requires(VIEW)]
Editor = Annotated[Principal, requires(EDIT)]

Plain = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Reason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=2, max_length=500, pattern=r"^[^\x00]+$"),
    Field(description="为什么修改 / why"),
]
AreaCode = Annotated[str, StringConstraints(pattern=r"^(\d{6}|\d{9}|\d{12})$")]
Lon = Annotated[float, Field(ge=-180, le=180)]
Lat = Annotated[float, Field(ge=-90, le=90)]
MAX_POSITIONS = 100_000


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Geometry(BaseModel):
    """A GeoJSON geometry in degrees (CRS84), lon before lat."""

    model_config = ConfigDict(extra="ignore")

    type: Literal["Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon"]
    coordinates: list[Any]

    @field_validator("coordinates")
    @classmethod
    def check_positions(cls, value: list[Any]) -> list[Any]:
        """Only numbers in range, nested as deep as GeoJSON does; PostGIS judges the rest."""
        left = [(value, 0)]
        positions = 0
        while left:
            item, depth = left.pop()
            if depth > 4:
                raise ValueError("nested too deep")
            if item and all(isinstance(one, int | float) and not isinstance(one, bool) for one in item):
                positions += 1
                if len(item) < 2 or not (-180 <= item[0] <= 180 and -90 <= item[1] <= 90):
                    raise ValueError("lon must be within ±180 and lat within ±90")
                continue
            if not all(isinstance(one, list) for one in item):
                raise ValueError("positions are lists of numbers")
            left += [(one, depth + 1) for one in item]
        if not 0 < positions <= MAX_POSITIONS:
            raise ValueError(f"1 to {MAX_POSITIONS} positions")
        return value

    def text(self) -> str:
        return json.dumps({"type": self.type, "coordinates": self.coordinates})


class ReasonIn(Strict):
    reason: Reason
