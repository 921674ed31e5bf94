"""Vector tiles and TileJSON over HTTP."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from tiles.catalogue import TileReader
from tiles.store import TileStore
from tiles.tile_matrix import Tile

MEDIA_TYPE = "application/vnd.mapbox-vector-tile"
COMPRESS_FROM_BYTES = 1024
FIELD_TYPES = {"area_m2": "Number", "height_m": "Number", "oneway": "Boolean"}


def tile_router(
    reader: Callable[..., TileReader | Awaitable[TileReader]], store: Callable[..., TileStore]
) -> APIRouter:
    """Routes under ``/tiles``; ``reader`` and ``store`` are FastAPI dependencies.

    ``{layers}`` is one key of the catalogue or several with commas: a tile then holds them all.
    """
    router = APIRouter(prefix="/tiles", tags=["瓦片 Tiles"])
    ask_reader, ask_store = Depends(reader), Depends(store)

    @router.get(
        "/{layers}/{z}/{x}/{y}.mvt",
        summary="矢量瓦片 / Vector tile",
        response_class=Response,
        responses={
            200: {"content": {MEDIA_TYPE: {}}, "description": "Mapbox vector tile 2.1"},
            204: {"description": "Nothing lies in this tile"},
            304: {"description": "Unchanged since the given ETag"},
            404: {"description": "No such layer or tile"},
        },
    )
    async def get_tile(
        layers: str,
        z: int,
        x: int,
        y: int,
        request: Request,
        who: Annotated[TileReader, ask_reader],
        tiles: Annotated[TileStore, ask_store],
        v: str | None = None,
    ) -> Response:
        """One tile. With ``v`` as TileJSON gives it, the answer may be kept for a day; without, it is
        asked for again each time and usually found unchanged."""
        selection = await tiles.select(layers.split(","), who)
        version = selection.version
        headers = {
            "ETag": f'"{version}"',
            "Cache-Control": (
                "private, max-age=86400, immutable" if v == version else "private, max-age=0, must-revalidate"
            ),
            "Vary": "Cookie, Authorization, Accept-Encoding",
        }
        if f'"{version}"' in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        tile = Tile(z, x, y)
        content = await tiles.tile(selection, tile)
        if not content:
            return Response(status_code=204, headers=headers)
        if len(content) >= COMPRESS_FROM_BYTES and "gzip" in request.headers.get("accept-encoding", ""):
            content = await tiles.compressed(selection, tile, content)
            headers["Content-Encoding"] = "gzip"
        return Response(content, media_type=MEDIA_TYPE, headers=headers)

    @router.get("/{layers}.json", summary="瓦片说明 / TileJSON")
    async def get_tilejson(
        layers: str,
        request: Request,
        response: Response,
        who: Annotated[TileReader, ask_reader],
        tiles: Annotated[TileStore, ask_store],
    ) -> dict[str, Any]:
        """TileJSON 3.0.0 of one layer or several; its tile address changes with the data."""
        selection = await tiles.select(layers.split(","), who)
        response.headers["Cache-Control"] = "private, no-cache"
        found = [b for b in [await tiles.bounds(layer) for layer, _ in selection.parts] if b]
        document: dict[str, Any] = {
            "tilejson": "3.0.0",
            "name": layers,
            "scheme": "xyz",
            "tiles": [f"{request.base_url}tiles/{layers}/{{z}}/{{x}}/{{y}}.mvt?v={selection.version}"],
            "minzoom": selection.min_zoom,
            "maxzoom": selection.max_zoom,
            "vector_layers": [
                {
                    "id": layer.key,
                    "description": layer.title,
                    "minzoom": layer.min_zoom,
                    "maxzoom": layer.max_zoom,
                    "fields": {name: FIELD_TYPES.get(name, "String") for name in layer.properties},
                }
                for layer, _ in selection.parts
            ],
        }
        if found:
            document["bounds"] = [
                min(b.west for b in found),
                min(b.south for b in found),
                max(b.east for b in found),
                max(b.north for b in found),
            ]
        return document

    return router
