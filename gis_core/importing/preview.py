"""How a layer lies on the map under each reading of its numbers, so that a person can see and decide."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import numpy as np
import psycopg
import shapely
from numpy.typing import NDArray

from gis_core.importing.archives import holds_osm
from gis_core.importing.datum_evidence import Evidence, Finding, Links, Reference, things_named, weigh
from gis_core.importing.datum_reference import reference_for
from gis_core.importing.errors import ImportRefused, UnknownFormat
from gis_core.importing.features import Features
from gis_core.importing.geometry_repair import flatten
from gis_core.importing.placing import crs_label, crs_of, place
from gis_core.importing.request import ImportRequest
from gis_core.importing.settling import SAMPLE, evidence_names
from gis_core.importing.sources import TableOptions, choose_layer, is_osm, open_layers, require_readable

MAX_SHOWN = 400
MAX_COORDINATES = 20_000
"""Of one reading; shapes beyond it are left out."""
MAX_READINGS = 6
MAX_LINKS = 200
_DETAIL = 5_000
"""Shapes are simplified to this part of the whole extent: finer than a screen shows."""
_NAMED_TOLERANCE_DEGREES = 5e-5
_DECIMALS = 6


def preview_file(request: ImportRequest, database_url: str) -> dict[str, Any]:
    """Some features of a layer in each plausible reading, lon/lat, with lines to the roads they name.

    Raises ImportRefused where the file cannot be read, has several layers and none is said, or is of
    OpenStreetMap, which leaves nothing to decide.
    """
    require_readable(request.path)
    if is_osm(request.path) or holds_osm(request.path):
        raise UnknownFormat(file=request.name)
    with TemporaryDirectory(prefix="wanmi-look-") as folder, psycopg.connect(database_url) as connection:
        options = TableOptions(request.encoding, request.lon_field, request.lat_field)
        layers = open_layers(request.path, Path(folder), options)
        layer = choose_layer(layers, request.layer, request.name)
        declared = crs_of(request.srid) if request.srid is not None else layer.crs
        sample = layer.spread_sample(SAMPLE)
        reference = reference_for(connection, sample, source=request.source_name)
        evidence = weigh(sample, declared, reference, names=evidence_names(layer, request.name))
    if evidence is None:
        return {"sampled": len(sample), "size": layer.size, "shown": 0, "readings": []}
    shown = _some(sample, things_named(sample, reference))
    linked = things_named(shown, reference)
    readings = [_reading(one, shown, linked) for one in _plausible(evidence)]
    return {
        "sampled": len(sample),
        "size": layer.size,
        "shown": len(shown),
        "readings": readings,
        "named": _named(linked, reference),
    }


def preview_or_refuse(
    request: ImportRequest, database_url: str
) -> tuple[dict[str, Any], dict[str, str] | None]:
    """As ``preview_file``, with a refusal as data: for use in another process."""
    try:
        return preview_file(request, database_url), None
    except ImportRefused as error:
        return {}, {"slug": error.slug, "zh": error.text.zh, "en": error.text.en}


def _plausible(evidence: Evidence) -> list[Finding]:
    """Readings that put most features into China, the likeliest if there are many, in the table's order."""
    possible = [one for one in evidence.findings if one.in_china >= 0.5]
    proposed = [one for one in possible if one.reading == evidence.proposal]
    others = [one for one in possible if one.reading != evidence.proposal]
    others.sort(key=lambda one: -(one.known_area_share or 0))
    kept = {id(one) for one in (proposed + others)[:MAX_READINGS]}
    return [one for one in possible if id(one) in kept]


def _some(sample: Features, linked: Links) -> Features:
    """Features for the map, flat, not more than it shows at once: up to a half that name a road, because
    they show a shift best, and the others evenly from all."""
    shapes, usable, _ = flatten(sample.shapes, sample.ids)
    telling = np.zeros(len(sample), dtype=bool)
    telling[[at for at, _ in linked.roads]] = True
    usable &= _evenly(usable & telling, MAX_SHOWN // 2) | _evenly(usable & ~telling, MAX_SHOWN // 2)
    features = Features(sample.ids, shapes, sample.fields).where(usable)
    if len(features):
        west, south, east, north = shapely.total_bounds(features.shapes)
        extended = shapely.get_dimensions(features.shapes) > 0
        tolerance = max(east - west, north - south) / _DETAIL
        features.shapes[extended] = shapely.simplify(features.shapes[extended], tolerance)
    within = np.cumsum(shapely.get_num_coordinates(features.shapes)) <= MAX_COORDINATES
    if len(within):
        within[0] = True
    return features.where(within)


def _evenly(mask: NDArray[np.bool_], most: int) -> NDArray[np.bool_]:
    """At most so many of the features of ``mask``."""
    at = np.flatnonzero(mask)
    chosen = np.zeros(len(mask), dtype=bool)
    chosen[at[np.linspace(0, len(at) - 1, min(most, len(at))).astype(int)]] = True
    return chosen


def _reading(finding: Finding, shown: Features, linked: Links) -> dict[str, Any]:
    crs, datum = finding.reading
    shapes, accepted, _ = place(shown.shapes, crs, datum, shown.ids)
    west, south, east, north = shapely.total_bounds(shapes[accepted])
    roads = [(at, road) for at, road in linked.roads if accepted[at]][:MAX_LINKS]
    lines = _shortest(shapes, roads)
    return {
        "crs": crs_label(crs),
        "srid": crs.to_epsg(min_confidence=25),
        "datum": datum,
        "bbox": [west, south, east, north] if accepted.any() else None,
        "features": _collection(shapes[accepted], [{"id": str(one)} for one in shown.ids[accepted]]),
        "to_roads": _collection(lines, [{} for _ in lines]),
    }


def _shortest(shapes: NDArray[Any], roads: list[tuple[int, Any]]) -> NDArray[Any]:
    """From each feature the shortest way to the road it names."""
    if not roads:
        return np.zeros(0, dtype=object)
    ours = shapes[[at for at, _ in roads]]
    theirs = np.array([road for _, road in roads], dtype=object)
    lines = shapely.shortest_line(shapely.point_on_surface(ours), theirs)
    return np.asarray(lines[~shapely.is_missing(lines)])


def _named(linked: Links, reference: Reference) -> dict[str, Any]:
    """The roads and areas of the database that the shown features name."""
    names = {id(shape): name for found in (reference.roads, reference.areas) for name, shape in found.items()}
    things = list({id(shape): shape for _, shape in [*linked.roads, *linked.areas]}.values())
    shapes = np.array([*things, None], dtype=object)[:-1]
    shapes = shapely.simplify(shapes, _NAMED_TOLERANCE_DEGREES)
    kept = np.cumsum(shapely.get_num_coordinates(shapes)) <= MAX_COORDINATES
    told = [{"name": names[id(thing)]} for thing, inside in zip(things, kept, strict=True) if inside]
    return _collection(shapes[kept], told)


def _collection(shapes: NDArray[Any], told: list[dict[str, Any]]) -> dict[str, Any]:
    """GeoJSON, rounded to a decimetre: a picture, not data."""
    plain = shapely.transform(shapes, lambda points: points.round(_DECIMALS))
    features = [
        {"type": "Feature", "geometry": msgspec.Raw(text.encode()), "properties": properties}
        for text, properties in zip(shapely.to_geojson(plain), told, strict=True)
    ]
    return msgspec.json.decode(msgspec.json.encode({"type": "FeatureCollection", "features": features}))  # type: ignore[no-any-return]
