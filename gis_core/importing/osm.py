"""OpenStreetMap files, XML or PBF, streamed once into several targets."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import osmium
import shapely

from gis_core.importing.errors import DamagedFile
from gis_core.importing.features import Features, object_column
from gis_core.importing.osm_tags import (
    COMPONENT_TAGS,
    FACILITY_KEYS,
    FACILITY_VALUES,
    LAND_COVER,
    LAND_COVER_KEYS,
    NO_FACILITY,
    ROAD_CLASSES,
)
from gis_core.importing.report import issue

BATCH = 20_000
OSM_TARGETS = ("land_cover", "road", "building", "facility", "component")

_FIELDS = (
    "name", "name:zh", "name:en", "highway", "oneway", "lanes", "building", "height", "building:levels",
    "addr:full", "addr:street", "addr:housenumber", "operator",
)  # fmt: skip


def facility_kind(tags: Mapping[str, str]) -> str | None:
    """The kind of a place of public interest, None where the tags name none."""
    for key in FACILITY_KEYS:
        value = tags.get(key)
        if value is None or value in NO_FACILITY:
            continue
        if key not in FACILITY_VALUES or value in FACILITY_VALUES[key]:
            return value
    return None


def component_class(tags: Mapping[str, str]) -> str | None:
    """``edition/code`` of the component class a node's tags mean, None where there is none."""
    for key, value in tags.items():
        found = COMPONENT_TAGS.get((key, value))
        if found is not None:
            return f"{found.edition}/{found.code}"
    stops_here = tags.get("public_transport") == "stop_position" and tags.get("bus") == "yes"
    if stops_here or (tags.get("public_transport") == "platform" and tags.get("bus") == "yes"):
        found = COMPONENT_TAGS["highway", "bus_stop"]
        return f"{found.edition}/{found.code}"
    return None


def land_cover_kind(tags: Mapping[str, str]) -> str | None:
    """The source word of a surface worth drawing, None where the tags name none."""
    for key in LAND_COVER_KEYS:
        value = tags.get(key)
        if value in LAND_COVER:
            return value
    if tags.get("highway") == "pedestrian":
        return "pedestrian"
    return None


@dataclass(slots=True)
class _Batch:
    """Objects of one target on their way to columns."""

    ids: list[str] = field(default_factory=list)
    shapes: list[Any] = field(default_factory=list)
    tags: list[dict[str, str]] = field(default_factory=list)
    kinds: list[str | None] = field(default_factory=list)

    def add(self, one: str, wkb: str | None, tags: dict[str, str], kind: str | None = None) -> None:
        self.ids.append(one)
        self.shapes.append(wkb)
        self.tags.append(tags)
        self.kinds.append(kind)

    def features(self, target: str) -> Features:
        ids = object_column(self.ids)
        fields = {key: object_column([tags.get(key) for tags in self.tags]) for key in _FIELDS}
        fields["osm_key"] = ids
        fields["class_code" if target == "component" else "kind"] = object_column(self.kinds)
        fields["tags"] = object_column(self.tags)
        shapes = object_column(shapely.from_wkb(object_column(self.shapes)))
        lost = ids[shapely.is_missing(shapes)]
        return Features(ids, shapes, fields, target, [issue(one, "nodes-missing") for one in lost])


class OsmReader:
    """One pass over a file for the wanted targets; ``skipped`` counts tagged objects of no target."""

    def __init__(self, path: Path, targets: tuple[str, ...] = OSM_TARGETS) -> None:
        self._path = path
        self._wanted = frozenset(targets)
        self._factory = osmium.geom.WKBFactory()
        self._batches: dict[str, _Batch] = {}
        self.skipped = 0

    def batches(self) -> Iterator[Features]:
        """Batches of one target each. Raises DamagedFile where the file is cut or no OSM file."""
        objects = (
            osmium.FileProcessor(str(self._path))
            .with_locations()
            .with_areas()
            .with_filter(osmium.filter.EmptyTagFilter())
        )
        try:
            for one in objects:
                if not self._route(one):
                    self.skipped += 1
                for target, batch in self._batches.items():
                    if len(batch.ids) >= BATCH:
                        self._batches[target] = _Batch()
                        yield batch.features(target)
                        break
        except RuntimeError as error:
            raise DamagedFile(file=self._path.name, where=str(error)[:200]) from error
        for target, batch in self._batches.items():
            yield batch.features(target)

    def _route(self, one: Any) -> bool:
        tags = {tag.k: tag.v for tag in one.tags}
        if one.is_node():
            return self._route_node(one, tags)
        if one.is_way():
            return self._route_way(one, tags)
        if one.is_area():
            return self._route_area(one, tags)
        return True

    def _route_node(self, node: Any, tags: dict[str, str]) -> bool:
        code = component_class(tags)
        kind = facility_kind(tags)
        if code is not None:
            return self._add("component", f"node/{node.id}", self._factory.create_point(node), tags, code)
        if kind is not None:
            return self._add("facility", f"node/{node.id}", self._factory.create_point(node), tags, kind)
        return False

    def _route_way(self, way: Any, tags: dict[str, str]) -> bool:
        if tags.get("highway") not in ROAD_CLASSES or tags.get("area") == "yes":
            # Closed ways come again as areas.
            return bool(way.is_closed())
        return self._add("road", f"way/{way.id}", self._shape(self._factory.create_linestring, way), tags)

    def _route_area(self, area: Any, tags: dict[str, str]) -> bool:
        key = f"{'way' if area.from_way() else 'relation'}/{area.orig_id()}"
        surface = land_cover_kind(tags)
        if tags.get("highway") == "pedestrian" and tags.get("area") != "yes" and area.from_way():
            surface = None
        kind = facility_kind(tags)
        building = tags.get("building") not in (None, "no")
        if not (building or surface or kind):
            return "highway" in tags
        wkb = self._shape(self._factory.create_multipolygon, area)
        if building:
            self._add("building", key, wkb, tags, tags["building"])
        if surface:
            self._add("land_cover", key, wkb, tags, surface)
        if kind:
            self._add("facility", key, wkb, tags, kind)
        return True

    def _add(
        self, target: str, key: str, wkb: str | None, tags: dict[str, str], kind: str | None = None
    ) -> bool:
        if target not in self._wanted:
            return False
        self._batches.setdefault(target, _Batch()).add(key, wkb, tags, kind)
        return True

    @staticmethod
    def _shape(create: Any, one: Any) -> str | None:
        """WKB, or None where nodes are missing (cut extracts) or the shape is degenerate."""
        try:
            return str(create(one))
        except (osmium.InvalidLocationError, RuntimeError):
            return None
