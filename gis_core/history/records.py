"""One row of a table that keeps history, as it is or as it was."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from gis_core.database import load_queries
from gis_core.errors import DomainError, Text

_SQL = load_queries("gis_core.history")


class RecordChanged(DomainError):
    status, slug = 412, "changed-meanwhile"
    title = Text("数据已被他人更改", "Changed meanwhile")
    detail = Text(
        "您看到的数据已被他人更改，请刷新后再试。",
        "Somebody else changed this since you read it; reload first.",
    )


@dataclass(frozen=True, slots=True)
class Record:
    """``geometry``: GeoJSON in degrees, lon before lat; ``area_code``: of the row, or where it lies."""

    id: int
    properties: dict[str, Any]
    geometry: dict[str, Any] | None
    area_code: str | None
    mark: str
    """Changes with every change of the row; the page sends it back as ``If-Match``."""

    @property
    def etag(self) -> str:
        return f'"{self.mark}"'

    def require_unchanged(self, if_match: str | None) -> None:
        """Raise RecordChanged when the caller read an older row than this."""
        if if_match is not None and if_match not in ("*", self.etag, f"W/{self.etag}"):
            raise RecordChanged


async def read_record(conn: AsyncConnection, relation: str, row_id: int) -> Record | None:
    """The row as it is in this transaction; None where there is none."""
    return await _record(conn, "row_now", relation, {"id": row_id})


async def read_record_as_of(
    conn: AsyncConnection, relation: str, row_id: int, moment: datetime
) -> Record | None:
    """The row as it was at ``moment``; None where it was not (yet, or any more)."""
    return await _record(conn, "row_as_of", relation, {"id": row_id, "moment": moment})


async def _record(conn: AsyncConnection, query: str, relation: str, values: dict[str, Any]) -> Record | None:
    row = (await conn.execute(_SQL[query], {"relation": relation, **values})).mappings().one_or_none()
    if row is None:
        return None
    content = row["content"]
    area = content.get("area_code") or content.get("community_code")
    if relation == "area":
        area = content["code"]
    return Record(values["id"], content, row["geometry"], area or row["lies_in"], row["mark"])
