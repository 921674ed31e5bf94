"""The rows of a layer: browsing, figures, files, and editing by hand."""

from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Header, Query, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError

from command_center.city import components_routes as component_routes
from command_center.city import zones_routes as zone_routes
from command_center.city.catalogue import CityLayer, no_feature, read_layer
from command_center.city.editing import add_row, area_of, change_row, delete_row
from command_center.city.exports import MAX_ROWS, ExportTooLarge, Format, answer_file
from command_center.city.features import FeatureQuery, bbox_of
from command_center.city.ordering import order_of, place_of
from command_center.city.shapes import Editor, Geometry, Reader, Reason, ReasonIn, Strict
from command_center.paging import Limit, LongCursor
from command_center.requests import Audit, Conn
from gis_core.history import Record, current_edit, read_record, record_as
from gis_core.history.edits import EDIT
from gis_core.identity.principal import Principal

Model = TypeVar("Model", bound=BaseModel)
router = APIRouter(tags=["图层数据 Layers"])

BboxText = Annotated[str | None, Query(alias="bbox", max_length=100, description="西,南,东,北 / w,s,e,n")]
Filters = Annotated[
    list[str] | None, Query(alias="filter", description="属性 运算符 值，如 state=broken / property=value")
]
IfMatch = Annotated[str | None, Header()]
CHANGED: dict[int | str, dict[str, Any]] = {412: {"description": "数据已被他人更改 / Changed meanwhile"}}


class FeaturePage(BaseModel):
    """A GeoJSON FeatureCollection; ``matched`` only where it was asked for."""

    type: str = "FeatureCollection"
    features: list[dict[str, Any]]
    next: str | None
    matched: int | None


class FeatureIn(Strict):
    geometry: Geometry
    properties: dict[str, Any] = Field(default_factory=dict, max_length=100)
    reason: Reason


class FeaturePatch(Strict):
    """Only what is named is changed."""

    geometry: Geometry | None = None
    properties: dict[str, Any] = Field(default_factory=dict, max_length=100)
    reason: Reason


class FeatureEdit(BaseModel):
    """``edit_id``: None when nothing was different; ``feature``: None once it is gone."""

    edit_id: int | None
    feature: Record | None


class LayerFigures(BaseModel):
    count: int
    bbox: list[float] | None
    length_m: float | None
    area_m2: float | None
    numbers: dict[str, dict[str, float | None]]
    groups: list[dict[str, Any]]


@router.get("/layers/{key}/features", summary="图层要素表 / Features of a layer")
async def list_features(
    key: str,
    conn: Conn,
    reader: Reader,
    bbox: BboxText = None,
    filters: Filters = None,
    count: bool = False,
    limit: Limit = 100,
    order_by: Annotated[
        str | None, Query(max_length=64, description="按此属性排序，前加 - 为降序 / -property: descending")
    ] = None,
    cursor: LongCursor = None,
) -> FeaturePage:
    """In the order of ids, or of a column that the catalogue calls ``sortable``; empty values come last."""
    layer = await read_layer(conn, key, reader)
    query = FeatureQuery(layer, layer.areas_for(reader), bbox_of(bbox), filters or [])
    order = order_of(layer, order_by)
    found = await query.page(conn, order, after=place_of(order, cursor), limit=limit + 1)
    following = order.cursor(found[limit - 1]) if len(found) > limit else None
    matched = await query.count(conn) if count else None
    return FeaturePage(features=found[:limit], next=following, matched=matched)


@router.get("/layers/{key}/statistics", summary="图层统计 / Figures of a layer")
async def get_figures(
    key: str,
    conn: Conn,
    reader: Reader,
    by: Annotated[str | None, Query(max_length=64, description="按此属性分组 / group by")] = None,
    bbox: BboxText = None,
    filters: Filters = None,
) -> LayerFigures:
    layer = await read_layer(conn, key, reader)
    query = FeatureQuery(layer, layer.areas_for(reader), bbox_of(bbox), filters or [])
    return LayerFigures(**await query.figures(conn, by))


@router.get("/layers/{key}/export", summary="导出图层 / Export a layer", response_class=Response)
async def export_layer(
    key: str,
    conn: Conn,
    reader: Reader,
    audit: Audit,
    wanted: Annotated[Format, Query(alias="format")] = "geojson",
    bbox: BboxText = None,
    filters: Filters = None,
) -> Response:
    """What the reader may see, in degrees; CSV with byte order mark for Excel."""
    layer = await read_layer(conn, key, reader)
    query = FeatureQuery(layer, layer.areas_for(reader), bbox_of(bbox), filters or [])
    rows = await query.rows(conn, limit=MAX_ROWS + 1)
    if len(rows) > MAX_ROWS:
        raise ExportTooLarge(max_rows=MAX_ROWS)
    answer = await answer_file(layer, rows, wanted)
    await audit("layer.export", "layer", key, {"format": wanted, "rows": len(rows), "filter": filters})
    return answer


@router.get("/layers/{key}/features/{feature_id}", summary="要素详情 / One feature")
async def get_feature(key: str, feature_id: int, response: Response, conn: Conn, reader: Reader) -> Record:
    """All columns of the table behind the layer, and the ETag that a change wants back."""
    layer = await read_layer(conn, key, reader)
    record = await read_record(conn, layer.table, feature_id)
    if record is None:
        raise no_feature(layer, feature_id)
    if layer.scoped:
        reader.require_in(layer.permission, record.area_code or "-")
    response.headers["ETag"] = record.etag
    return record


@router.post("/layers/{key}/features", summary="新建要素 / Add a feature", status_code=201)
async def add_feature(
    key: str, body: FeatureIn, response: Response, conn: Conn, editor: Editor, audit: Audit
) -> FeatureEdit:
    layer = await _editable(conn, key, editor)
    given = {**body.properties, "geometry": body.geometry, "reason": body.reason}
    if layer.table == "component":
        made = await component_routes.add_component(
            _checked(component_routes.ComponentIn, given), response, conn, editor, audit
        )
        return FeatureEdit(edit_id=made.edit_id, feature=made.component)
    if layer.table == "zone":
        zone = await zone_routes.add_zone(_checked(zone_routes.ZoneIn, given), response, conn, editor, audit)
        return FeatureEdit(edit_id=zone.edit_id, feature=zone.zone)
    area = await area_of(conn, layer, body.geometry)
    editor.require_in(EDIT, area)
    await record_as(conn, editor, body.reason)
    feature_id = await add_row(conn, layer, body.geometry, body.properties, area)
    return await _done(conn, response, audit, layer, "feature.create", feature_id, body.reason)


@router.patch("/layers/{key}/features/{feature_id}", summary="修改要素 / Change a feature", responses=CHANGED)
async def patch_feature(
    key: str,
    feature_id: int,
    body: FeaturePatch,
    response: Response,
    conn: Conn,
    editor: Editor,
    audit: Audit,
    if_match: IfMatch = None,
) -> FeatureEdit:
    layer = await _editable(conn, key, editor)
    given = {**body.properties, "reason": body.reason}
    if layer.table == "component":
        if body.geometry is not None:
            move = component_routes.MoveIn(geometry=body.geometry, reason=body.reason)
            made = await component_routes.move_component(
                feature_id, move, response, conn, editor, audit, if_match
            )
            if_match = None
        if body.properties or body.geometry is None:
            patch = _checked(component_routes.ComponentPatch, given)
            made = await component_routes.patch_component(
                feature_id, patch, response, conn, editor, audit, if_match
            )
        return FeatureEdit(edit_id=made.edit_id, feature=made.component)
    if layer.table == "zone":
        if body.geometry is not None:
            given["geometry"] = body.geometry
        zone = await zone_routes.patch_zone(
            feature_id, _checked(zone_routes.ZonePatch, given), response, conn, editor, audit, if_match
        )
        return FeatureEdit(edit_id=zone.edit_id, feature=zone.zone)
    await _begin(conn, layer, editor, feature_id, body.reason, if_match)
    area = None
    if body.geometry is not None:
        area = await area_of(conn, layer, body.geometry)
        editor.require_in(EDIT, area)
    await change_row(conn, layer, feature_id, body.properties, body.geometry, area)
    return await _done(conn, response, audit, layer, "feature.change", feature_id, body.reason)


@router.delete(
    "/layers/{key}/features/{feature_id}", summary="删除要素 / Delete a feature", responses=CHANGED
)
async def delete_feature(
    key: str,
    feature_id: int,
    body: ReasonIn,
    response: Response,
    conn: Conn,
    editor: Editor,
    audit: Audit,
    if_match: IfMatch = None,
) -> FeatureEdit:
    """A component is retired and a zone ended, which keeps their codes; others go, and can be undone."""
    layer = await _editable(conn, key, editor)
    if layer.table == "component":
        retire = component_routes.RetireIn(reason=body.reason)
        made = await component_routes.retire_component(
            feature_id, retire, response, conn, editor, audit, if_match
        )
        return FeatureEdit(edit_id=made.edit_id, feature=made.component)
    if layer.table == "zone":
        zone = await zone_routes.close_zone(feature_id, body, response, conn, editor, audit)
        return FeatureEdit(edit_id=zone.edit_id, feature=zone.zone)
    await _begin(conn, layer, editor, feature_id, body.reason, if_match)
    await delete_row(conn, layer, feature_id)
    return await _done(conn, response, audit, layer, "feature.delete", feature_id, body.reason)


def _checked(model: type[Model], given: dict[str, Any]) -> Model:
    """What the layer's own route takes. Raises RequestValidationError, which names the property."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        found = [{**one, "loc": ("body", "properties", *one["loc"])} for one in error.errors()]
        raise RequestValidationError(found) from error


async def _editable(conn: Conn, key: str, editor: Principal) -> CityLayer:
    layer = await read_layer(conn, key, editor)
    layer.require_editable()
    return layer


async def _begin(
    conn: Conn, layer: CityLayer, editor: Principal, feature_id: int, reason: str, if_match: str | None
) -> None:
    record = await read_record(conn, layer.table, feature_id)
    if record is None:
        raise no_feature(layer, feature_id)
    editor.require_in(EDIT, record.area_code or "-")
    record.require_unchanged(if_match)
    await record_as(conn, editor, reason)


async def _done(
    conn: Conn, response: Response, audit: Audit, layer: CityLayer, action: str, feature_id: int, reason: str
) -> FeatureEdit:
    record = await read_record(conn, layer.table, feature_id)
    edit_id = await current_edit(conn)
    if record is not None:
        response.headers["ETag"] = record.etag
    await audit(action, layer.table, feature_id, {"reason": reason, "edit": edit_id})
    return FeatureEdit(edit_id=edit_id, feature=record)
