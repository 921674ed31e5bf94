"""Tables of addresses over HTTP: hand in, choose the columns, follow, review what is doubtful, download."""

import asyncio
import csv
import io
import json
import shutil
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query, Request, Response
from fastapi import Path as PathParameter
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.background import BackgroundTask

from command_center.geocode.corrections import forget, keep_name, keep_point
from command_center.geocode.jobs import RESULT, table_folder
from command_center.geocode.reach import EDIT, reaches_point
from command_center.imports.files import FILE_BODY, receive_upload
from command_center.paging import Cursor, Limit, cursor_of, row_id_of
from command_center.problems import RESPONSES, Conflict
from command_center.requests import Audit, AuditTrail, Conn, authenticate, origin_of, requires
from geocoding.batch import COLUMNS, to_excel
from geocoding.live import Keeper
from geocoding.sheets import UnreadableTable, rows_of
from geocoding.tables import column_at, find_columns
from gis_core.database import load_queries
from gis_core.errors import BadInput, NotFound, Text
from gis_core.identity.principal import Principal

LAST = 1 << 62
SAMPLES = 5
MOST_POINTS = 20_000
MOST_COLUMNS = 500
LONGEST_NAME = 500
_SQL = load_queries("command_center.geocode", "tables.sql")

router = APIRouter(tags=["地理编码 Geocoding"], responses=RESPONSES)
Editor = Annotated[Principal, requires(EDIT)]
Id = Annotated[int, PathParameter(ge=1, le=2**31 - 1)]
Status = Literal["accepted", "doubtful", "ambiguous", "not_found"]


class TableBusy(Conflict):
    slug = "geocode-table-busy"
    detail = Text("此表正在处理，请等它完成。", "This table is being worked on; wait until it is done.")


class TableNotDone(Conflict):
    slug = "geocode-table-not-done"
    detail = Text("此表还没有完成定位。", "This table has not been geocoded yet.")


class TableOut(BaseModel):
    """``state``: uploaded, queued, running, done, refused."""

    model_config = ConfigDict(extra="ignore")

    id: int
    file_name: str
    file_bytes: int
    header: list[str]
    samples: list[list[str]]
    total: int
    done: int
    state: Literal["uploaded", "queued", "running", "done", "refused"]
    address_column: str | None
    district_column: str | None
    refusal: dict[str, str] | None
    person: str
    person_en: str | None
    created_at: datetime


class StatusCount(BaseModel):
    status: Status
    rows: int
    decided: int


class TableDetail(TableOut):
    counts: list[StatusCount]
    proposed: dict[str, str]
    """Columns that look like the address and the district."""


class TablePage(BaseModel):
    tables: list[TableOut]
    next: str | None


class RowOut(BaseModel):
    row_number: int
    address: str
    district: str
    status: Status
    level: str
    matched: str
    confidence: float | None
    error_m: float | None
    lon: float | None
    lat: float | None
    candidates: list[dict[str, Any]]
    decision: Literal["candidate", "point", "nowhere"] | None
    decided_lon: float | None
    decided_lat: float | None
    decided_matched: str | None


class RowPage(BaseModel):
    rows: list[RowOut]
    next: str | None


class Columns(BaseModel):
    """Which columns hold what."""

    model_config = ConfigDict(extra="forbid")

    address_column: Annotated[str, Field(max_length=500)]
    district_column: Annotated[str | None, Field(max_length=500)] = None


class Decision(BaseModel):
    """``candidate``: one of those found (0 the first); ``point``: set on the map; ``nowhere``: none is known.

    With ``learn`` the point is kept as a correction, and another name of the road or place as an alias.
    """

    model_config = ConfigDict(extra="forbid")

    decision: Literal["candidate", "point", "nowhere"]
    candidate: Annotated[int, Field(ge=0, le=9)] = 0
    lon: Annotated[float | None, Field(ge=-180, le=180)] = None
    lat: Annotated[float | None, Field(ge=-90, le=90)] = None
    learn: bool = True


class Decided(BaseModel):
    """``alias``: the name that was learnt and what it stands for; ``learnt``: whether a point was kept."""

    learnt: bool
    alias: list[str] | None
    row: RowOut


def _whose(editor: Principal) -> dict[str, Any]:
    """Whose tables the caller sees: with the right for the whole city everybody's, else his own."""
    return {"person_id": editor.person_id, "everybody": editor.area_prefixes(EDIT) is None}


async def _table(conn: AsyncConnection, editor: Principal, table_id: int) -> dict[str, Any]:
    row = (await conn.execute(_SQL["table"], _whose(editor) | {"id": table_id})).mappings().one_or_none()
    if row is None:
        raise NotFound(key=table_id, kind_zh="地址表", kind="address table")
    return dict(row)


def _look(path: Path) -> tuple[list[str], list[list[str]], int]:
    """Header, first rows, and how many rows there are. Raises UnreadableTable."""
    lines = rows_of(path)
    header = [name.strip().lstrip("\ufeff")[:LONGEST_NAME] for name in next(lines, [])]
    if not header:
        raise UnreadableTable.of(path, "文件是空的，没有表头", "the file is empty, there is no header row")
    if len(header) > MOST_COLUMNS:
        raise UnreadableTable.of(path, f"列数超过 {MOST_COLUMNS}", f"has more than {MOST_COLUMNS} columns")
    samples = [[cell[:200] for cell in row] for row in islice(lines, SAMPLES)]
    return header, samples, len(samples) + sum(1 for _ in lines)


@router.post(
    "/geocode/tables",
    status_code=201,
    summary="上传地址表 / Hand in a table of addresses",
    openapi_extra=FILE_BODY,
)
async def hand_in(request: Request) -> TableDetail:
    """CSV in any encoding, or Excel. Needs the permission ``city.edit``."""
    state = request.app.state
    editor = await authenticate(request)
    editor.require(EDIT)
    upload = await receive_upload(request, state.data_dir)
    try:
        header, samples, total = await asyncio.to_thread(_look, upload.path)
        async with state.engine.begin() as conn:
            values = {
                "person_id": editor.person_id, "file_name": upload.name, "file_bytes": upload.size,
                "header": _plain(header), "samples": _plain(samples), "total": total,
            }  # fmt: skip
            table_id = int(await conn.scalar(_SQL["table_add"], values) or 0)
            folder = table_folder(state.data_dir, table_id)
            shutil.rmtree(folder, ignore_errors=True)
            folder.parent.mkdir(parents=True, exist_ok=True)
            upload.folder.rename(folder)
            audit = AuditTrail(conn, state.keyring, editor, origin_of(request))
            told = {"file": upload.name, "sha256": upload.sha256}
            await audit("geocode.upload", "geocode_table", table_id, told)
            return await _detail(conn, editor, table_id)
    finally:
        shutil.rmtree(upload.folder, ignore_errors=True)


def _plain(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\\u0000", "")


@router.get("/geocode/tables", summary="地址表列表 / Tables handed in")
async def list_tables(conn: Conn, editor: Editor, limit: Limit = 50, cursor: Cursor = None) -> TablePage:
    """Newest first; one's own, or everybody's with the right for the whole city."""
    values = _whose(editor) | {"before": row_id_of(cursor, start=LAST), "max_rows": limit + 1}
    rows = [dict(row) for row in (await conn.execute(_SQL["tables"], values)).mappings()]
    following = cursor_of(rows[limit - 1]["id"]) if len(rows) > limit else None
    return TablePage(tables=[TableOut(**row) for row in rows[:limit]], next=following)


@router.get("/geocode/tables/{table_id}", summary="地址表进度与统计 / One table, its progress and counts")
async def get_table(table_id: Id, conn: Conn, editor: Editor) -> TableDetail:
    return await _detail(conn, editor, table_id)


async def _detail(conn: AsyncConnection, editor: Principal, table_id: int) -> TableDetail:
    row = await _table(conn, editor, table_id)
    counts = [StatusCount(**one) for one in (await conn.execute(_SQL["counts"], {"id": table_id})).mappings()]
    found = find_columns(row["header"], {})
    proposed = {key: row["header"][at] for key, at in found.items() if key in ("address", "district")}
    return TableDetail(**row, counts=counts, proposed=proposed)


@router.post("/geocode/tables/{table_id}/run", status_code=202, summary="开始定位 / Geocode the table")
async def run_table(
    table_id: Id, body: Columns, request: Request, conn: Conn, editor: Editor, audit: Audit
) -> TableDetail:
    """Also again, with other columns: what was decided by hand is then forgotten, but stays learnt."""
    row = await _table(conn, editor, table_id)
    if await conn.scalar(_SQL["table_lock"], {"id": table_id}) in ("queued", "running"):
        raise TableBusy
    for column in (body.address_column, body.district_column):
        if column is not None:
            column_at(row["header"], column)
    values = {"id": table_id, "areas": editor.area_patterns(EDIT), **body.model_dump()}
    await conn.execute(_SQL["table_queue"], values)
    await request.app.state.jobs.configure_task("geocode:locate_table").defer_async(table_id=table_id)
    await audit("geocode.run", "geocode_table", table_id, body.model_dump())
    return await _detail(conn, editor, table_id)


@router.get("/geocode/tables/{table_id}/rows", summary="逐行结果 / Rows and what was found")
async def get_rows(
    table_id: Id, conn: Conn, editor: Editor,
    status: Annotated[Status | None, Query()] = None,
    undecided: Annotated[bool, Query(description="只要待处理的 / only what awaits a decision")] = False,
    limit: Limit = 100, cursor: Cursor = None,
) -> RowPage:  # fmt: skip
    await _table(conn, editor, table_id)
    values = {
        "id": table_id, "status": status, "undecided": undecided, "after": row_id_of(cursor, start=0),
        "max_rows": limit + 1,
    }  # fmt: skip
    rows = [RowOut(**row) for row in (await conn.execute(_SQL["rows"], values)).mappings()]
    following = cursor_of(rows[limit - 1].row_number) if len(rows) > limit else None
    return RowPage(rows=rows[:limit], next=following)


@router.get("/geocode/tables/{table_id}/points", summary="结果点位 / Points for the map (GeoJSON)")
async def get_points(table_id: Id, conn: Conn, editor: Editor) -> dict[str, Any]:
    """At most 20,000, evenly taken from the table."""
    row = await _table(conn, editor, table_id)
    values = {"id": table_id, "total": row["total"], "most": MOST_POINTS}
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "id": number,
                "geometry": {"type": "Point", "coordinates": [lon, lat]},
                "properties": {"status": status},
            }
            for number, lon, lat, status in await conn.execute(_SQL["points"], values)
        ],
    }


@router.post("/geocode/tables/{table_id}/rows/{row_number}/decision", summary="处理一行 / Decide a row")
async def decide(
    table_id: Id, row_number: Id, request: Request, conn: Conn, editor: Editor, audit: Audit,
    body: Annotated[Decision, Body()],
) -> Decided:  # fmt: skip
    """The table's download carries the decision; what was learnt serves every later question."""
    await _table(conn, editor, table_id)
    values = {"id": table_id, "row_number": row_number}
    row = await _row(conn, values)
    lon, lat, matched = _chosen(row, body)
    learnt, alias = False, None
    if body.learn and lon is not None and lat is not None and await reaches_point(conn, editor, lon, lat):
        keeper: Keeper = request.app.state.gazetteer
        gazetteer = keeper.state.gazetteer
        if body.decision == "candidate":
            alias = await keep_name(conn, gazetteer, row["address"], matched, editor.person_id)
        try:
            await keep_point(conn, gazetteer, row["address"], row["district"], lon, lat)
            learnt = True
        except BadInput:
            # A text that names nothing has its point in the table, but teaches the gazetteer nothing.
            learnt = False
    decided = {"decision": body.decision, "person_id": editor.person_id, "lon": lon, "lat": lat}
    await conn.execute(_SQL["row_decide"], values | decided | {"matched": matched})
    told = {"row": row_number, "decision": body.decision, "lon": lon, "lat": lat, "learnt": learnt}
    await audit("geocode.decide", "geocode_table", table_id, told)
    decided_row = RowOut(**await _row(conn, values))
    return Decided(learnt=learnt, alias=list(alias) if alias else None, row=decided_row)


async def _row(conn: AsyncConnection, values: dict[str, Any]) -> dict[str, Any]:
    row = (await conn.execute(_SQL["row_lock"], values)).mappings().one_or_none()
    if row is None:
        raise NotFound(key=values["row_number"], kind_zh="行", kind="row")
    return dict(row)


@router.delete(
    "/geocode/tables/{table_id}/rows/{row_number}/decision",
    summary="撤销处理 / Take a decision back",
)
async def take_back(
    table_id: Id, row_number: Id, request: Request, conn: Conn, editor: Editor, audit: Audit
) -> RowOut:
    """What was learnt from it goes too."""
    await _table(conn, editor, table_id)
    values = {"id": table_id, "row_number": row_number}
    row = await _row(conn, values)
    if row["decision"] is None:
        raise NotFound(key=row_number, kind_zh="处理", kind="decision")
    keeper: Keeper = request.app.state.gazetteer
    await forget(conn, keeper.state.gazetteer, row["address"], row["decided_matched"] or "")
    await conn.execute(_SQL["row_undecide"], values)
    await audit("geocode.undecide", "geocode_table", table_id, {"row": row_number})
    return RowOut(**await _row(conn, values))


def _chosen(row: dict[str, Any], body: Decision) -> tuple[float | None, float | None, str]:
    if body.decision == "nowhere":
        return None, None, ""
    if body.decision == "point":
        if body.lon is None or body.lat is None:
            raise BadInput(field="lon, lat", reason_zh="请给出点位", reason="give the point")
        return body.lon, body.lat, str(row["matched"])
    first = {"lon": row["lon"], "lat": row["lat"], "matched": row["matched"]}
    found = [first, *row["candidates"]] if row["lon"] is not None else row["candidates"]
    if body.candidate >= len(found):
        raise BadInput(field="candidate", reason_zh="没有这个候选", reason="there is no such candidate")
    one = found[body.candidate]
    return one["lon"], one["lat"], str(one["matched"])


@router.get(
    "/geocode/tables/{table_id}/result.{suffix}",
    summary="下载结果 / Download the result",
    response_class=StreamingResponse,
)
async def get_result(
    table_id: Id, suffix: Literal["csv", "xlsx"], request: Request, conn: Conn, editor: Editor, audit: Audit
) -> Response:
    """The rows as they came, with the columns of ``wanmi geocode batch``; decided rows as decided."""
    table = await _table(conn, editor, table_id)
    path = table_folder(request.app.state.data_dir, table_id) / RESULT
    if table["state"] != "done" or not path.is_file():
        raise TableNotDone
    decided = {row.row_number: row for row in await conn.execute(_SQL["decided"], {"id": table_id})}
    await audit("geocode.download", "geocode_table", table_id, {"rows": table["total"]})
    name = f"{Path(table['file_name']).stem}-located.{suffix}"
    if suffix == "xlsx":
        middle = path.with_name(f"download-{editor.person_id}.csv")
        book = middle.with_suffix(".xlsx")

        def write() -> None:
            middle.write_text("".join(_lines(path, decided)), encoding="utf-8")
            to_excel(middle, book)
            middle.unlink()

        await asyncio.to_thread(write)
        return FileResponse(book, filename=name, background=BackgroundTask(book.unlink, missing_ok=True))
    disposition = FileResponse(path, filename=name).headers["content-disposition"]
    body = _marked(_lines(path, decided))
    return StreamingResponse(body, media_type="text/csv", headers={"Content-Disposition": disposition})


def _marked(lines: Iterator[str]) -> Iterator[str]:
    """With the mark by which Excel takes the file for UTF-8."""
    yield "\ufeff"
    yield from lines


def _lines(path: Path, decided: dict[int, Any]) -> Iterator[str]:
    """Lines of the result, those somebody decided replaced."""
    at = {name: -len(COLUMNS) + place for place, name in enumerate(COLUMNS)}
    with path.open(encoding="utf-8", newline="") as stream:
        for number, row in enumerate(csv.reader(stream)):
            made = decided.get(number)
            if made is not None:
                nowhere = made.decision == "nowhere"
                row[at["lon"]] = "" if nowhere else f"{made.lon:.7f}"
                row[at["lat"]] = "" if nowhere else f"{made.lat:.7f}"
                row[at["matched"]] = made.matched
                row[at["status"]] = "not_found" if nowhere else "accepted"
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerow(row)
            yield text.getvalue()


@router.delete("/geocode/tables/{table_id}", status_code=204, summary="删除地址表 / Clear a table away")
async def clear_away(table_id: Id, request: Request, conn: Conn, editor: Editor, audit: Audit) -> None:
    """What was learnt from it stays."""
    await _table(conn, editor, table_id)
    if await conn.scalar(_SQL["table_delete"], {"id": table_id}) is None:
        raise TableBusy
    await audit("geocode.clear", "geocode_table", table_id)
    await asyncio.to_thread(
        shutil.rmtree, table_folder(request.app.state.data_dir, table_id), ignore_errors=True
    )
