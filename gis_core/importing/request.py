"""What to import and how."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gis_core.coordinates import Datum
from gis_core.identity.audit import SYSTEM, Actor
from gis_core.importing.archives import holds_osm
from gis_core.importing.mapping import MappingOptions
from gis_core.importing.sources import is_osm


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """One import. ``target`` None: guessed by the layer's name and geometry."""

    path: Path
    target: str | None = None
    layer: str | None = None
    source: str | None = None
    within: str | None = None
    """Code of an area: only features with a point inside it that lies in the area are taken."""
    touching: bool = False
    """With ``within``: also features that only reach into the area."""
    srid: int | None = None
    datum: Datum | None = None
    """None: as declared, else WGS 84 unless the evidence says otherwise, which refuses the import."""
    accept_datum: bool = False
    """Take the coordinate system and datum that the evidence proposes."""
    encoding: str | None = None
    lon_field: str | None = None
    lat_field: str | None = None
    """Columns of a table that hold the coordinates."""
    dry_run: bool = False
    diff: bool = False
    """List the rows that are new, changed and missing."""
    remove_missing: bool = False
    """Take out rows of this source that the file no longer has (within ``within``, where given)."""
    remember: bool = True
    """Use and keep the source's settings."""
    allowed_areas: tuple[str, ...] | None = None
    """Codes of the areas the importer may change; None: all."""
    file_name: str | None = None
    """What people call the file, where ``path`` is a copy."""
    actor: Actor = SYSTEM
    own_classes: Mapping[str, str] = field(default_factory=dict)
    """Word to component class code; under "" the class of every feature."""
    mapping: MappingOptions = field(default_factory=MappingOptions)

    @property
    def name(self) -> str:
        return self.file_name or self.path.name

    @property
    def source_name(self) -> str:
        """OSM ids are the same in every extract; other files are sources of their own, by layer."""
        if self.source:
            return self.source
        if is_osm(self.path) or holds_osm(self.path):
            return "osm"
        stem = self.name.split(".")[0]
        return f"{stem}:{self.layer}" if self.layer else stem
