"""Zones: timing areas, no-report zones and fences, with their times and approval papers."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal
from urllib.parse import quote

import shapely
from fastapi import APIRouter, Depends, File, Form, Header, Query, Request, Response, UploadFile
from pydantic import AwareDatetime, BaseModel, Field, StringConstraints
from sqlalchemy.exc import DBAPIError

from command_center.city.catalogue import Column, read_layer
from command_center.city.exports import MAX_ROWS, ExportTooLarge, Format, answer_file
from command_center.city.shapes import (
    VIEW,
    AreaCode,
    Editor,
    Geometry,
    Lat,
    Lon,
    Plain,
    Reader,
    Reason,
    ReasonIn,
    Strict,
)
from command_center.paging import Cursor, Limit, cursor_of, row_id_of
from command_center.requests import Audit, Conn
from gis_core.area_codes import area_prefix
from gis_core.components.errors import PlaceOutside, ShapeWrong
from gis_core.database import load_queries
from gis_core.errors import BadInput, DomainError, NotFound, Text
from gis_core.history import Record, current_edit, read_record, record_as
from gis_core.history.edits import EDIT
from gis_core.identity.principal import Principal
from gis_core.zones import ZoneRule, zone_active
from gis_core.zones.papers import MAX_BYTES, judge_paper, keep_paper, read_paper
from gis_core.zones.rules import TIMINGS

_SQL = load_queries("gis_core.zones")
router = APIRouter(tags=["区域规则 Zones"])

Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
Kind = Literal["timing_area", "no_report", "fence"]
IfMatch = Annotated[str | None, Header()]


class ZoneCodeTaken(DomainError):
    status, slug = 409, "zone-code-taken"
    title = Text("区域编码已被使用", "Zone code in use")
    detail = Text("区域编码 {code} 已被使用。", "The zone code {code} is in use.")


class ZoneIn(Strict):
    """``rule``: see GET /zones/{id}; ``area_code`` None: the finest area that holds all of the zone."""

    code: Code
    kind: Kind
    name: Plain
    name_en: Plain | None = None
    area_code: AreaCode | None = None
    rule: dict[str, Any] = Field(default_factory=dict)
    valid_from: AwareDatetime | None = None
    valid_to: AwareDatetime | None = None
    geometry: Geometry
    reason: Reason


class ZonePatch(Strict):
    """Only what is named is changed; ``valid_to`` null: open end."""

    name: Plain | None = None
    name_en: Plain | None = None
    rule: dict[str, Any] | None = None
    valid_from: AwareDatetime | None = None
    valid_to: AwareDatetime | None = None
    geometry: Geometry | None = None
    reason: Reason


class PaperOut(BaseModel):
    id: int
    title: str
    document_number: str | None
    issued_by: str | None
    issued_on: date | None
    file_name: str
    media_type: str
    size_bytes: int
    sha256: str
    uploaded_by: int
    uploaded_at: datetime


class PaperEvent(BaseModel):
    edit_id: int
    at: datetime
    actor: str
    reason: str | None
    operation: Literal["insert", "delete"]
    title: str
    document_number: str | None
    undoes_id: int | None
    undone_by: int | None


class ZoneOut(BaseModel):
    """``active``: whether it holds now."""

    edit_id: int | None = None
    active: bool
    zone: Record
    papers: list[PaperOut]


class ZoneHere(BaseModel):
    id: int
    code: str
    kind: Kind
    name: str
    name_en: str | None
    area_code: str
    rule: dict[str, Any]
    active: bool


class ZonesHere(BaseModel):
    """``timing``: the strictest of the timing areas there, null outside all; ``no_report``: whether
    reports are turned away at that moment."""

    time: datetime
    timing: Literal["core", "general", "outer"] | None
    no_report: bool
    zones: list[ZoneHere]


class ZoneRow(ZoneHere):
    """``valid``: within its dates at the time asked for; ``active``: and its rule holds at that time."""

    valid_from: datetime
    valid_to: datetime | None
    valid: bool
    papers: int
    area_m2: float
    geometry: dict[str, Any]


class ZonePage(BaseModel):
    time: datetime
    zones: list[ZoneRow]
    next: str | None


class ZoneFilter:
    """Which zones are asked for, and how they were at which moment."""

    def __init__(
        self,
        time: Annotated[AwareDatetime | None, Query(description="默认现在 / now by default")] = None,
        kind: Kind | None = None,
        area_code: AreaCode | None = None,
        q: Annotated[str | None, Query(max_length=100, description="编码或名称 / code or name")] = None,
        with_ended: bool = False,
        as_recorded: Annotated[
            bool, Query(description="按当时的边界与规则 / with the shapes and rules on record at that time")
        ] = False,
    ) -> None:
        self.at = time or datetime.now(UTC)
        self.values = {
            "at": self.at,
            "recorded_at": self.at if as_recorded else None,
            "kind": kind,
            "pattern": None if area_code is None else area_prefix(area_code) + "%",
            "text": q or None,
            "with_ended": with_ended,
        }

    async def read(self, conn: Conn, reader: Principal, *, after: int, max_rows: int) -> list[ZoneRow]:
        wanted = self.values | {"areas": reader.area_patterns(VIEW), "after": after, "max_rows": max_rows}
        rows = (await conn.execute(_SQL["zones"], wanted)).mappings()
        return [ZoneRow(**row, active=row["valid"] and self._holds(row["kind"], row["rule"])) for row in rows]

    def _holds(self, kind: str, rule: dict[str, Any]) -> bool:
        return zone_active(ZoneRule.stored(kind, rule), self.at)


Wanted = Annotated[ZoneFilter, Depends()]


@router.get("/zones", summary="区域规则列表 / Zones and what is in force")
async def list_zones(
    conn: Conn, reader: Reader, wanted: Wanted, limit: Limit = 500, cursor: Cursor = None
) -> ZonePage:
    """With their shapes, and which of them hold at a moment."""
    found = await wanted.read(conn, reader, after=row_id_of(cursor, start=0), max_rows=limit + 1)
    following = cursor_of(found[limit - 1].id) if len(found) > limit else None
    return ZonePage(time=wanted.at, zones=found[:limit], next=following)


_EXPORTED = (
    Column("valid_from", "time", "生效", "Valid from", False),
    Column("valid_to", "time", "失效", "Valid to", False),
    Column("active", "boolean", "当时执行", "In force then", False),
    Column("papers", "number", "批准文件数", "Papers", False),
)


@router.get("/zones/export", summary="导出区域规则 / Export zones", response_class=Response)
async def export_zones(
    conn: Conn,
    reader: Reader,
    audit: Audit,
    wanted: Wanted,
    form: Annotated[Format, Query(alias="format")] = "geojson",
    only_active: bool = False,
) -> Response:
    """What the list shows with the same filters, as a file; those that ended too where they are asked for."""
    found = await wanted.read(conn, reader, after=0, max_rows=MAX_ROWS + 1)
    if len(found) > MAX_ROWS:
        raise ExportTooLarge(max_rows=MAX_ROWS)
    layer = await read_layer(conn, "zone", reader)
    layer = replace(layer, columns=(*layer.columns, *_EXPORTED))
    rows = [
        zone.model_dump() | {"row_id": zone.id, "wkb": _wkb(zone.geometry)}
        for zone in found
        if zone.active or not only_active
    ]
    answer = await answer_file(layer, rows, form)
    filters = {key: str(value) for key, value in wanted.values.items() if value}
    await audit("layer.export", "layer", "zone", {"format": form, "rows": len(rows), "filter": filters})
    return answer


def _wkb(geometry: dict[str, Any]) -> bytes:
    content: bytes = shapely.to_wkb(shapely.from_geojson(json.dumps(geometry)))
    return content


@router.get("/zones/at", summary="某处某时的区域规则 / Zones at a place and time")
async def list_zones_at(
    conn: Conn,
    reader: Reader,
    lon: Lon,
    lat: Lat,
    time: Annotated[AwareDatetime | None, Query(description="默认现在 / now by default")] = None,
) -> ZonesHere:
    at = time or datetime.now(UTC)
    rows = (await conn.execute(_SQL["zones_at"], {"lon": lon, "lat": lat, "at": at})).mappings()
    zones = [
        ZoneHere(**row, active=zone_active(ZoneRule.stored(row["kind"], row["rule"]), at)) for row in rows
    ]
    timings = {zone.rule.get("timing") for zone in zones if zone.kind == "timing_area"}
    return ZonesHere(
        time=at,
        timing=next((timing for timing in TIMINGS if timing in timings), None),
        no_report=any(zone.active for zone in zones if zone.kind == "no_report"),
        zones=zones,
    )


@router.get("/zones/{zone_id}", summary="区域详情 / One zone")
async def get_zone(zone_id: int, response: Response, conn: Conn, reader: Reader) -> ZoneOut:
    """``rule``: ``timing`` core|general|outer; or ``windows`` [{days [1..7], from, to}], ``dates``
    [{from, to}], ``except`` [day] in times of China; a fence also ``keep`` inside|outside, ``max_kmh``,
    ``kinds``."""
    zone = await _read(conn, zone_id)
    reader.require_in("map.view", zone.area_code or "-")
    return await _shown(conn, response, zone)


@router.post("/zones", summary="新建区域规则 / Add a zone", status_code=201)
async def add_zone(body: ZoneIn, response: Response, conn: Conn, editor: Editor, audit: Audit) -> ZoneOut:
    ZoneRule.parse(body.kind, body.rule)
    start = body.valid_from or datetime.now(UTC)
    _require_order(start, body.valid_to)
    area_code = body.area_code or await _area_of(conn, body.geometry)
    editor.require_in(EDIT, area_code)
    await record_as(conn, editor, body.reason)
    values = body.model_dump(exclude={"geometry", "reason", "rule"}) | {
        "rule": json.dumps(body.rule, ensure_ascii=False),
        "geometry": body.geometry.text(),
        "area_code": area_code,
        "valid_from": start,
    }
    zone_id = await conn.scalar(_SQL["insert_zone"], values)
    if zone_id is None:
        raise ZoneCodeTaken(code=body.code)
    return await _done(conn, response, audit, "zone.create", int(zone_id), body.reason)


@router.patch(
    "/zones/{zone_id}",
    summary="修改区域规则 / Change a zone",
    responses={412: {"description": "数据已被他人更改 / Changed meanwhile"}},
)
async def patch_zone(
    zone_id: int,
    body: ZonePatch,
    response: Response,
    conn: Conn,
    editor: Editor,
    audit: Audit,
    if_match: IfMatch = None,
) -> ZoneOut:
    before = (await conn.execute(_SQL["lock_zone"], {"id": zone_id})).mappings().one_or_none()
    zone = await _read(conn, zone_id)
    assert before is not None
    editor.require_in(EDIT, before["area_code"])
    zone.require_unchanged(if_match)
    named = body.model_dump(exclude_unset=True, exclude={"reason", "geometry"})
    may_be_empty = ("name_en", "valid_to")
    given = {key: value for key, value in named.items() if value is not None or key in may_be_empty}
    values = {**before, **given}
    ZoneRule.parse(before["kind"], values["rule"])
    _require_order(values["valid_from"], values["valid_to"])
    values["geometry"] = None
    if body.geometry is not None:
        values["geometry"] = body.geometry.text()
        values["area_code"] = await _area_of(conn, body.geometry)
        editor.require_in(EDIT, values["area_code"])
    await record_as(conn, editor, body.reason)
    values["rule"] = json.dumps(values["rule"], ensure_ascii=False)
    await conn.execute(_SQL["update_zone"], values)
    return await _done(conn, response, audit, "zone.change", zone_id, body.reason)


@router.post("/zones/{zone_id}/close", summary="停用区域规则 / End a zone")
async def close_zone(
    zone_id: int, body: ReasonIn, response: Response, conn: Conn, editor: Editor, audit: Audit
) -> ZoneOut:
    """It holds no more from now on; the zone and its papers stay on record."""
    editor.require_in(EDIT, (await _read(conn, zone_id)).area_code or "-")
    await record_as(conn, editor, body.reason)
    await conn.execute(_SQL["end_zone"], {"id": zone_id})
    return await _done(conn, response, audit, "zone.close", zone_id, body.reason)


@router.post("/zones/{zone_id}/papers", summary="上传批准文件 / Add an approval paper", status_code=201)
async def add_paper(
    zone_id: int,
    request: Request,
    conn: Conn,
    editor: Editor,
    audit: Audit,
    file: Annotated[UploadFile, File(description="PDF、OFD、PNG、JPEG，20 MB 以内 / up to 20 MB")],
    title: Annotated[Plain, Form()],
    reason: Annotated[Reason, Form()],
    document_number: Annotated[Plain | None, Form()] = None,
    issued_by: Annotated[Plain | None, Form()] = None,
    issued_on: Annotated[date | None, Form()] = None,
) -> list[PaperOut]:
    """The file is known by its SHA-256; the same one twice is one paper."""
    editor.require_in(EDIT, (await _read(conn, zone_id)).area_code or "-")
    name = (file.filename or "paper").replace("\\", "/").rpartition("/")[2][:200]
    content = await file.read(MAX_BYTES + 1)
    paper = judge_paper(name, content)
    await asyncio.to_thread(keep_paper, request.app.state.data_dir, paper, content)
    values = {
        "zone_id": zone_id,
        "title": title,
        "document_number": document_number,
        "issued_by": issued_by,
        "issued_on": issued_on,
        "file_name": name,
        "media_type": paper.media_type,
        "size_bytes": paper.size_bytes,
        "sha256": paper.sha256,
        "uploaded_by": editor.person_id,
    }
    await record_as(conn, editor, reason)
    await conn.execute(_SQL["insert_paper"], values)
    papers = await _papers(conn, zone_id)
    await audit("zone.paper", "zone", zone_id, {"sha256": paper.sha256, "file": name, "reason": reason})
    return papers


@router.get("/zones/{zone_id}/papers/history", summary="批准文件的变更 / Papers that came and went")
async def get_paper_history(zone_id: int, conn: Conn, editor: Editor) -> list[PaperEvent]:
    """Newest first; each is undone by its edit."""
    editor.require_in(EDIT, (await _read(conn, zone_id)).area_code or "-")
    rows = (await conn.execute(_SQL["paper_events"], {"zone_id": zone_id})).mappings()
    return [PaperEvent(**row) for row in rows]


@router.get("/zones/{zone_id}/papers/{paper_id}", summary="下载批准文件 / One approval paper")
async def get_paper(zone_id: int, paper_id: int, request: Request, conn: Conn, reader: Reader) -> Response:
    reader.require_in("map.view", (await _read(conn, zone_id)).area_code or "-")
    row = (await conn.execute(_SQL["paper"], {"zone_id": zone_id, "id": paper_id})).mappings().one_or_none()
    if row is None:
        raise NotFound(key=paper_id, kind="paper", kind_zh="批准文件")
    content = await asyncio.to_thread(read_paper, request.app.state.data_dir, row["sha256"])
    named = f"attachment; filename*=UTF-8''{quote(row['file_name'])}"
    return Response(content, media_type=row["media_type"], headers={"Content-Disposition": named})


@router.delete("/zones/{zone_id}/papers/{paper_id}", summary="移除批准文件 / Remove a paper", status_code=204)
async def delete_paper(
    zone_id: int, paper_id: int, conn: Conn, editor: Editor, audit: Audit, reason: Annotated[Reason, Query()]
) -> None:
    """The record goes and can be brought back by an undo; the file stays in the data folder."""
    editor.require_in(EDIT, (await _read(conn, zone_id)).area_code or "-")
    row = (await conn.execute(_SQL["paper"], {"zone_id": zone_id, "id": paper_id})).mappings().one_or_none()
    if row is None:
        raise NotFound(key=paper_id, kind="paper", kind_zh="批准文件")
    await record_as(conn, editor, reason)
    await conn.execute(_SQL["delete_paper"], {"zone_id": zone_id, "id": paper_id})
    detail = {"sha256": row["sha256"], "file": row["file_name"], "reason": reason}
    await audit("zone.paper_delete", "zone", zone_id, detail)


def _require_order(start: datetime, end: datetime | None) -> None:
    if end is not None and end <= start:
        raise BadInput(field="valid_to", reason_zh="须晚于 valid_from", reason="must be after valid_from")


async def _area_of(conn: Conn, geometry: Geometry) -> str:
    try:
        async with conn.begin_nested():
            row = (await conn.execute(_SQL["zone_place"], {"geometry": geometry.text()})).mappings().one()
    except DBAPIError as error:
        raise ShapeWrong(reason_zh="不是有效的 GeoJSON 几何", reason="not a GeoJSON geometry") from error
    if row["empty"] or row["dimension"] != 2:
        raise ShapeWrong(reason_zh="应为面", reason="it must be a polygon")
    if row["reason"] != "Valid Geometry":
        raise ShapeWrong(reason_zh=row["reason"], reason=row["reason"])
    if row["area_code"] is None:
        raise PlaceOutside
    return str(row["area_code"])


async def _read(conn: Conn, zone_id: int) -> Record:
    zone = await read_record(conn, "zone", zone_id)
    if zone is None:
        raise NotFound(key=zone_id, kind="zone", kind_zh="区域规则")
    return zone


async def _papers(conn: Conn, zone_id: int) -> list[PaperOut]:
    return [PaperOut(**row) for row in (await conn.execute(_SQL["papers"], {"zone_id": zone_id})).mappings()]


async def _shown(conn: Conn, response: Response, zone: Record, edit_id: int | None = None) -> ZoneOut:
    response.headers["ETag"] = zone.etag
    now = datetime.now(UTC)
    start = datetime.fromisoformat(zone.properties["valid_from"])
    end = zone.properties["valid_to"]
    valid = start <= now and (end is None or datetime.fromisoformat(end) > now)
    rule = ZoneRule.stored(zone.properties["kind"], zone.properties["rule"])
    papers = await _papers(conn, zone.id)
    return ZoneOut(edit_id=edit_id, active=valid and zone_active(rule, now), zone=zone, papers=papers)


async def _done(
    conn: Conn, response: Response, audit: Audit, action: str, zone_id: int, reason: str
) -> ZoneOut:
    await conn.execute(_SQL["bump_zones"])
    edit_id = await current_edit(conn)
    shown = await _shown(conn, response, await _read(conn, zone_id), edit_id)
    await audit(action, "zone", zone_id, {"reason": reason, "edit": edit_id})
    return shown
