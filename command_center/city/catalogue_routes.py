"""The catalogue of layers, and how they are drawn: everybody's default and each person's own."""

import json
from typing import Any, Literal

from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field

from command_center.city.catalogue import CityLayer, read_layer, read_layers
from command_center.city.shapes import Editor, Reader, Reason, Strict
from command_center.requests import Audit, Conn
from gis_core.database import load_queries
from gis_core.errors import OutOfScope
from gis_core.history.edits import EDIT

_SQL = load_queries("command_center.city")
_MAX_STYLE = 20_000
router = APIRouter(tags=["图层目录 Layer catalogue"])


class ColumnOut(BaseModel):
    """``sortable``: lists may be put in its order."""

    name: str
    kind: Literal["text", "number", "boolean", "date", "time", "json"]
    title: str
    title_en: str
    sortable: bool


class LayerEntry(BaseModel):
    """A row of the catalogue; its tiles are under ``/tiles/{key}``. ``version`` changes with the data.

    ``editable``: its features are added, changed and taken away by hand, by whoever may edit the city.
    ``own_style``: the caller's own, which goes before ``style``.
    """

    key: str
    title: str
    title_en: str
    geometry: Literal["point", "line", "polygon"]
    min_zoom: int
    max_zoom: int
    properties: list[str]
    columns: list[ColumnOut]
    scoped: bool
    editable: bool
    style: dict[str, Any]
    own_style: dict[str, Any] | None
    version: str


class OwnStyleIn(Strict):
    style: dict[str, Any] = Field(max_length=50)


class StyleIn(OwnStyleIn):
    reason: Reason


def _entry(layer: CityLayer) -> LayerEntry:
    return LayerEntry.model_validate(layer, from_attributes=True)


@router.get("/layers", summary="图层目录 / Layer catalogue")
async def list_layers(conn: Conn, reader: Reader) -> list[LayerEntry]:
    """The layers the caller may see, in drawing order."""
    return [_entry(layer) for layer in await read_layers(conn, reader)]


@router.put("/layers/{key}/style", summary="图层样式 / Style of a layer")
async def set_style(key: str, body: StyleIn, conn: Conn, editor: Editor, audit: Audit) -> dict[str, Any]:
    """Legend and style as the pages draw it; it is everybody's, so the grant must be the whole city's."""
    await read_layer(conn, key, editor)
    if editor.area_patterns(EDIT) is not None:
        raise OutOfScope(area_code="*")
    await conn.execute(_SQL["set_style"], {"key": key, "style": _checked(body.style)})
    await conn.execute(_SQL["bump_key"], {"key": key})
    await audit("layer.style", "layer", key, {"reason": body.reason})
    return body.style


@router.put("/layers/{key}/own-style", summary="本人的图层样式 / One's own style of a layer")
async def set_own_style(
    key: str, body: OwnStyleIn, conn: Conn, reader: Reader, audit: Audit
) -> dict[str, Any]:
    """How the layer looks on the caller's pages, whoever else draws it otherwise."""
    await read_layer(conn, key, reader)
    values = {"person_id": reader.person_id, "key": key, "style": _checked(body.style)}
    await conn.execute(_SQL["set_own_style"], values)
    await audit("layer.own_style", "layer", key, {})
    return body.style


@router.delete("/layers/{key}/own-style", summary="恢复默认样式 / Back to the default style", status_code=204)
async def forget_own_style(key: str, conn: Conn, reader: Reader, audit: Audit) -> None:
    await read_layer(conn, key, reader)
    await conn.execute(_SQL["forget_own_style"], {"person_id": reader.person_id, "key": key})
    await audit("layer.own_style", "layer", key, {"style": None})


def _checked(style: dict[str, Any]) -> str:
    """As JSON. Raises RequestValidationError where it is too long."""
    text = json.dumps(style, ensure_ascii=False)
    if len(text) > _MAX_STYLE or "\\u0000" in text:
        problem = {
            "type": "string_too_long", "loc": ("body", "style"), "ctx": {"max_length": _MAX_STYLE},
            "msg": f"should have at most {_MAX_STYLE} characters",
        }  # fmt: skip
        raise RequestValidationError([problem])
    return text
