"""The city tables that files can fill, and the field names they are known by in the field."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from gis_core.importing.geometry_repair import Kind


def _read_known_fields() -> dict[str, dict[str, tuple[str, ...]]]:
    source = tomllib.loads((files("gis_core.importing") / "known_fields.toml").read_text(encoding="utf-8"))
    return {
        table: {column: tuple(names) for column, names in columns.items()}
        for table, columns in source.items()
    }


KNOWN_FIELDS = _read_known_fields()
KEYS = (
    "osm_key",
    "osm_id",
    "source_key",
    "poi_id",
    "addr_id",
    "objectid",
    "gid",
    "uuid",
    "id",
    "标识码",
    "编号",
)


@dataclass(frozen=True, slots=True)
class Target:
    """One table. ``columns`` are filled by mapping (codes of areas and grids by a spatial join after
    it)."""

    key: str
    geometry: Kind
    columns: tuple[str, ...]
    conflict: tuple[str, ...]
    layers: tuple[str, ...]
    """Published layers that change with it."""
    sourced: bool = True
    """Whether rows carry source, source_key and attributes."""
    single: bool = False
    """Whether the table takes no multi geometry."""
    stamped: bool = True
    """Whether ``area_code`` is filled by a spatial join where mapping left it empty."""

    @property
    def fields(self) -> Mapping[str, tuple[str, ...]]:
        """Known field names of each column, best first, compared without case."""
        return KNOWN_FIELDS[self.key]


_BY_SOURCE = ("source", "source_key")

TARGETS: Mapping[str, Target] = {
    one.key: one
    for one in (
        Target(
            "area",
            "polygon",
            ("code", "level", "name", "name_en", "parent_code", "valid_from", "valid_to"),
            (*_BY_SOURCE, "valid_from"),
            ("area_district", "area_street", "area_community", "area_label"),
            stamped=False,
        ),
        Target(
            "road",
            "line",
            ("name", "name_en", "road_class", "oneway", "lanes", "area_code"),
            _BY_SOURCE,
            ("road",),
        ),
        Target(
            "building",
            "polygon",
            ("name", "address", "kind", "height_m", "floors", "area_code"),
            _BY_SOURCE,
            ("building",),
        ),
        Target(
            "land_cover",
            "polygon",
            ("kind", "name", "name_en"),
            _BY_SOURCE,
            ("land_cover",),
            stamped=False,
        ),
        Target(
            "facility",
            "point",
            ("kind", "name", "name_en", "address", "area_code"),
            _BY_SOURCE,
            ("facility",),
        ),
        Target(
            "component",
            "any",
            (
                "code",
                "edition",
                "class_code",
                "name",
                "state",
                "authority",
                "owner",
                "maintainer",
                "unit_grid_code",
                "area_code",
                "address",
                "data_source",
                "accuracy_class",
                "initial_date",
                "change_date",
                "note",
            ),
            _BY_SOURCE,
            ("component",),
        ),
        Target(
            "unit_grid",
            "polygon",
            ("code", "community_code", "area_m2", "initial_date", "change_date", "note"),
            ("code",),
            ("unit_grid",),
            sourced=False,
            single=True,
            stamped=False,
        ),
        Target(
            "responsibility_grid",
            "polygon",
            ("code", "name", "name_en", "area_code", "valid_from"),
            ("code",),
            ("responsibility_grid", "responsibility_grid_label"),
            sourced=False,
        ),
        Target(
            "zone",
            "polygon",
            ("code", "kind", "name", "name_en", "area_code", "rule", "valid_from"),
            ("code",),
            ("zone",),
            sourced=False,
        ),
    )
}

PLACE = "place"
"""Points of mixed kinds: components where the kind has a class, facilities otherwise."""

TARGET_KEYS = (*TARGETS, PLACE)

_BY_NAME = (
    ("unit_grid", r"unit_?grid|单元网格"),
    ("responsibility_grid", r"responsib|duty_?grid|责任网格"),
    ("component", r"component|部件"),
    ("building", r"^buildings?$|建筑|房屋|楼"),
    ("road", r"road|highway|道路|路网|street_?line"),
    ("area", r"district|street|communit|fence|boundar|admin|area|区县|街道|社区|居委|行政"),
    ("land_cover", r"land_?(use|cover)|water|green|park|水系|绿地|水域"),
    (PLACE, r"poi|station|point|place|设施"),
)


def guess_target(layer: str, geometry_type: str) -> str | None:
    """What a layer holds by its name, as far as its geometry allows; None where neither tells."""
    kind = "point" if "Point" in geometry_type else "line" if "Line" in geometry_type else "polygon"
    if geometry_type in ("Unknown", "GeometryCollection"):
        kind = "any"
    for target, pattern in _BY_NAME:
        wanted = "point" if target == PLACE else TARGETS[target].geometry
        if re.search(pattern, layer, re.IGNORECASE) and ("any" in (wanted, kind) or wanted == kind):
            return target
    return None
