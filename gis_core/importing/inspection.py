"""A first look at a file: layers, fields, samples, and a proposal for how to import each layer."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
from psycopg import Connection

from gis_core.importing.archives import holds_osm
from gis_core.importing.errors import ImportRefused
from gis_core.importing.features import Features
from gis_core.importing.mapping import fields_like_ids
from gis_core.importing.osm import OSM_TARGETS
from gis_core.importing.placing import crs_label, crs_of, require_crs
from gis_core.importing.remembered import read_options
from gis_core.importing.request import ImportRequest
from gis_core.importing.settling import gather_evidence
from gis_core.importing.sources import Layer, TableOptions, is_osm, open_layers, require_readable
from gis_core.importing.tables import TableLayer
from gis_core.importing.targets import KEYS, PLACE, TARGETS, guess_target

MAX_LAYERS = 20
SAMPLES = 3
_SAMPLE_ROWS = 50


def inspect_file(request: ImportRequest, database_url: str) -> dict[str, Any]:
    """What the file holds and how it might be imported; plain data for JSON.

    ``request`` gives the path, and whatever is already said: encoding, srid, coordinate columns.
    Raises ImportRefused where the file cannot be read at all.
    """
    require_readable(request.path)
    with TemporaryDirectory(prefix="wanmi-look-") as folder, psycopg.connect(database_url) as connection:
        remembered = read_options(connection, request.source_name, request.name)
        found: dict[str, Any] = {"source": request.source_name, "remembered": remembered}
        if is_osm(request.path) or holds_osm(request.path):
            return found | {"format": "osm", "layers": [_osm_layer()]}
        options = TableOptions(request.encoding, request.lon_field, request.lat_field)
        layers = open_layers(request.path, Path(folder), options)
        looked = [_look(layer, request, connection) for layer in layers[:MAX_LAYERS]]
        return found | {"format": _format_of(request.path), "layers": looked}


def inspect_or_refuse(
    request: ImportRequest, database_url: str
) -> tuple[dict[str, Any], dict[str, str] | None]:
    """As ``inspect_file``, with a refusal as data: for use in another process."""
    try:
        return inspect_file(request, database_url), None
    except ImportRefused as error:
        return {}, {"slug": error.slug, "zh": error.text.zh, "en": error.text.en}


def _format_of(path: Path) -> str:
    return (
        "".join(path.suffixes[-2:]).lstrip(".").lower() if path.suffix == ".gz" else path.suffix[1:].lower()
    )


def _osm_layer() -> dict[str, Any]:
    return {"name": "OpenStreetMap", "targets": list(OSM_TARGETS), "crs": "EPSG:4326", "srid": 4326,
            "datum": "wgs84", "fields": [], "evidence": None, "refusal": None}  # fmt: skip


def _look(layer: Layer, request: ImportRequest, connection: Connection[Any]) -> dict[str, Any]:
    target = request.target or guess_target(layer.name, layer.geometry_type)
    looked: dict[str, Any] = {
        "name": layer.name,
        "geometry_type": layer.geometry_type,
        "size": layer.size,
        "encoding": layer.text.encoding if layer.text is not None else None,
        "encoding_by": layer.text.how if layer.text is not None else None,
        "target": target,
        "datum": layer.datum,
        "refusal": None,
    }
    declared = crs_of(request.srid) if request.srid is not None else layer.crs
    try:
        sample = layer.sample(_SAMPLE_ROWS)
        looked["fields"] = _fields(sample)
        looked["mappings"] = {key: _mapping(sample, key) for key in TARGETS}
        looked["key"] = _key(sample)
        if isinstance(layer, TableLayer):
            layer.require_coordinates()
        try:
            require_crs(declared, layer.sample_bounds())
        except ImportRefused as error:
            looked["refusal"] = {"slug": error.slug, "zh": error.text.zh, "en": error.text.en}
            declared = None
        evidence = gather_evidence(layer, declared, connection, source=request.source_name, file=request.name)
        looked["evidence"] = evidence.as_dict() if evidence is not None else None
    except ImportRefused as error:
        looked["refusal"] = {"slug": error.slug, "zh": error.text.zh, "en": error.text.en}
        looked.setdefault("fields", [])
    looked["crs"] = crs_label(declared) if declared is not None else None
    looked["srid"] = declared.to_epsg(min_confidence=25) if declared is not None else None
    columns = getattr(layer, "columns", None)
    looked["coordinate_columns"] = list(columns.names) if columns is not None else None
    return looked


def _fields(sample: Features) -> list[dict[str, Any]]:
    """Names with some different values that are there."""
    found: list[dict[str, Any]] = []
    for name, values in sample.fields.items():
        seen = dict.fromkeys(str(value)[:80] for value in values if value is not None)
        found.append({"name": name, "samples": list(seen)[:SAMPLES]})
    return found


def _mapping(sample: Features, key: str) -> dict[str, str | None]:
    """For each column of a table the field that would fill it."""
    by_name = {name.casefold(): name for name in sample.fields}
    return {
        column: next((by_name[name.casefold()] for name in names if name.casefold() in by_name), None)
        for column, names in TARGETS[key].fields.items()
    }


def _key(sample: Features) -> str | None:
    by_name = {name.casefold(): name for name in sample.fields}
    known = next((by_name[name] for name in KEYS if name in by_name), None)
    alike = fields_like_ids(sample.fields)
    return known or (alike[0] if len(alike) == 1 else None)


def target_choices() -> list[dict[str, Any]]:
    """What a layer can be imported as, with the columns that fields may be mapped to."""
    tables = [
        {
            "key": one.key,
            "geometry": one.geometry,
            "columns": list(one.fields),
            "needs": list(_NEEDS.get(one.key, ())),
        }
        for one in TARGETS.values()
    ]
    return [
        *tables,
        {"key": PLACE, "geometry": "point", "columns": ["class", "kind", "name"], "needs": ["kind"]},
    ]


_NEEDS = {
    "area": ("code",), "component": ("class",), "unit_grid": ("code",), "responsibility_grid": ("code",),
    "zone": ("code", "kind"),
}  # fmt: skip
