"""One import from file to table: all or nothing, and recorded either way."""

import errno
import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

import numpy as np
import psycopg
import shapely
import structlog
from psycopg import Connection
from psycopg.types.json import Jsonb
from pyproj import CRS

from gis_core.coordinates import STORAGE_SRID, Datum
from gis_core.database import read_queries
from gis_core.dictionaries import load_component_classes
from gis_core.errors import Text
from gis_core.identity.audit import SYSTEM, Actor, Entry, append_audit_sync
from gis_core.identity.secrets import Keyring
from gis_core.importing.errors import (
    DatabaseLost,
    DatabaseRefused,
    DiskFull,
    ImportRefused,
    NothingTaken,
    TargetUnclear,
    UnknownArea,
)
from gis_core.importing.features import Features
from gis_core.importing.geometry_repair import as_multi, flatten, repair
from gis_core.importing.load import Staging
from gis_core.importing.mapping import MappingOptions, made_keys
from gis_core.importing.osm import OSM_TARGETS, OsmReader
from gis_core.importing.placing import crs_label, crs_of, place, require_crs
from gis_core.importing.report import ImportReport, Issue, issue
from gis_core.importing.sources import choose_layer, is_osm, open_layers, require_readable
from gis_core.importing.table_mapping import has_class, is_place, map_features
from gis_core.importing.targets import PLACE, TARGET_KEYS, TARGETS, guess_target

_SQL = read_queries("gis_core.importing")

Progress = Callable[[int, int | None], None]
"""Called with the features read so far and their number, None where the file does not tell it."""


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What to import and how. ``target`` None: guessed by the layer's name and geometry."""

    path: Path
    target: str | None = None
    layer: str | None = None
    source: str | None = None
    within: str | None = None
    """Code of an area: only features with a point inside it that lies in the area are taken."""
    touching: bool = False
    """With ``within``: also features that only reach into the area."""
    srid: int | None = None
    datum: Datum = "wgs84"
    encoding: str | None = None
    dry_run: bool = False
    actor: Actor = SYSTEM
    mapping: MappingOptions = field(default_factory=MappingOptions)


def run_import(
    request: ImportRequest,
    database_url: str,
    *,
    keyring: Keyring | None = None,
    progress: Progress = lambda read, total: None,
) -> ImportReport:
    """Import a file in one transaction and report.

    A refusal of the whole file raises an ``ImportRefused``; its run and issues stay recorded, no feature
    does. ``keyring`` seals the audit entry; without one none is written.
    """
    started = time.monotonic()
    report = ImportReport(
        file=request.path.name, source=request.source or _default_source(request), dry_run=request.dry_run
    )
    require_readable(request.path)
    if not request.dry_run:
        report.run_id = _start_run(request, report, database_url)
    try:
        with (
            _clear_about_resources(),
            TemporaryDirectory(prefix="wanmi-import-") as folder,
            psycopg.connect(database_url, application_name="wanmi import") as connection,
        ):
            _Import(request, report, connection, Path(folder), progress).run()
            report.seconds = time.monotonic() - started
            if request.dry_run:
                connection.rollback()
            else:
                _finish_run(connection, report, "done")
                if keyring is not None:
                    append_audit_sync(connection, keyring, _audit_entry(request, report))
    except ImportRefused as error:
        _refuse(report, error.slug, error.text, database_url, started)
        error.report = report
        raise
    except BaseException as error:
        text = Text(f"导入中断：{type(error).__name__}", f"the import broke off: {type(error).__name__}")
        _refuse(report, "interrupted", text, database_url, started)
        raise
    return report


class _Import:
    """The work of one import inside its transaction."""

    def __init__(
        self,
        request: ImportRequest,
        report: ImportReport,
        connection: Connection[Any],
        folder: Path,
        progress: Progress,
    ) -> None:
        self._request = request
        self._report = report
        self._connection = connection
        self._folder = folder
        self._progress = progress
        self._stagings: dict[str, Staging] = {}
        self._touched: dict[str, tuple[set[str], set[str]]] = {}
        """Refused and repaired features by target."""
        self._read = 0
        self._crs = crs_of(STORAGE_SRID)
        self._within: Any = None
        """The shape of the area asked for, prepared."""

    def run(self) -> None:
        """Read, stage, upsert. Leaves the transaction open."""
        request, report = self._request, self._report
        self._connection.execute("SET LOCAL jit = off")
        if request.within is not None:
            self._within = self._area_shape(request.within)
        if is_osm(request.path):
            self._run_osm()
        else:
            self._run_layer()
        if request.datum != "wgs84":
            report.issues.append(issue("file", "datum-undone", datum=request.datum.upper()))
        layers: list[str] = []
        for key in sorted(self._stagings, key=list(TARGETS).index):
            staging = self._stagings[key]
            refused = staging.finish(request.mapping, report.of(key))
            self._note(key, refused)
            layers += staging.target.layers
        self._require_something()
        self._connection.execute("SELECT bump_layers(%s)", [layers])

    def _area_shape(self, code: str) -> Any:
        found = self._connection.execute(_SQL["area_shape"], {"code": code}).fetchone()
        if found is None:
            raise UnknownArea(code=code)
        shape = shapely.from_wkb(found[0])
        shapely.prepare(shape)
        return shape

    def _run_osm(self) -> None:
        request = self._request
        wanted = OSM_TARGETS if request.target in (None, PLACE) else (request.target,)
        reader = OsmReader(request.path, tuple(str(one) for one in wanted))
        self._report.layer, self._report.crs = "OpenStreetMap", crs_label(self._crs)
        for features in reader.batches():
            self._take(str(features.target), features, total=None)
        self._report.skipped = reader.skipped

    def _run_layer(self) -> None:
        request, report = self._request, self._report
        layers = open_layers(request.path, self._folder, encoding=request.encoding)
        layer = choose_layer(layers, request.layer, request.path.name)
        target = request.target or guess_target(layer.name, layer.geometry_type)
        if target is None:
            raise TargetUnclear(layer=layer.name, targets=", ".join(TARGET_KEYS))
        declared = crs_of(request.srid) if request.srid is not None else layer.crs
        self._crs = require_crs(declared, layer.sample_bounds())
        report.layer, report.crs = layer.name, crs_label(self._crs)
        report.encoding = layer.text.encoding if layer.text is not None else None
        if layer.curved:
            report.issues.append(issue("file", "curve-linearised"))
        for features in layer.batches():
            for key, part in self._route(target, features):
                self._take(key, part, total=layer.size)

    def _route(self, target: str, features: Features) -> Iterator[tuple[str, Features]]:
        if target != PLACE:
            yield target, features
            return
        components = has_class(features, self._request.mapping)
        places = ~components & is_place(features)
        self._report.skipped += int((~components & ~places).sum())
        for key, mask in (("component", components), ("facility", places)):
            if mask.any():
                yield key, features.where(mask)

    def _take(self, key: str, features: Features, *, total: int | None) -> None:
        """Map, repair and stage one batch."""
        target, request = TARGETS[key], self._request
        if target.key == "component" and key not in self._stagings:
            load_component_classes(self._connection)
        staging = self._stagings.get(key)
        if staging is None:
            staging = self._stagings[key] = Staging(self._connection, target, self._report.source)
        counts = self._report.of(key)
        counts.read += len(features)
        self._note(key, features.issues)
        refused = {one.feature for one in features.issues if one.severity == "refused"}
        readable = np.array([one not in refused for one in features.ids], dtype=bool)
        features = replace(features.where(readable), issues=[])
        place_here = partial(place, crs=self._crs, datum=request.datum)
        features = self._through(key, flatten, features)
        features = self._through(key, place_here, features)
        if self._within is not None:
            inside = self._inside(self._within, features.shapes)
            counts.outside += int((~inside).sum())
            features = features.where(inside)
        rows = map_features(key, features, request.mapping)
        self._note(key, rows.issues)
        alive = np.flatnonzero(rows.keep)
        shapes, accepted, issues = repair(rows.shapes[alive], target.geometry, rows.ids[alive])
        self._note(key, issues)
        shapes, alive, ids = shapes[accepted], alive[accepted], rows.ids
        if target.single:
            parts = shapely.get_num_geometries(shapes)
            several = [(ids[at], int(n)) for at, n in zip(alive, parts, strict=True) if n > 1]
            self._note(key, [issue(one, "several-parts", parts=n) for one, n in several])
            shapes, alive = shapely.get_geometry(shapes[parts == 1], 0), alive[parts == 1]
        else:
            shapes = as_multi(shapes, target.geometry)
        columns = {name: values[alive] for name, values in rows.columns.items()}
        if target.sourced:
            self._make_keys(columns["source_key"], shapes)
        staging.add(ids[alive], shapes, columns)
        self._read += len(features)
        self._progress(self._read, total)

    def _through(self, key: str, step: Callable[..., Any], features: Features) -> Features:
        """The features whose shapes a step accepts, with the shapes it made of them."""
        shapes, accepted, issues = step(features.shapes, ids=features.ids)
        self._note(key, issues)
        return replace(features, shapes=shapes).where(accepted)

    def _inside(self, area: Any, shapes: Any) -> Any:
        shapes = np.where(shapely.is_valid(shapes), shapes, shapely.make_valid(shapes))
        if self._request.touching:
            return shapely.intersects(area, shapes)
        return shapely.covers(area, shapely.point_on_surface(shapes))

    def _make_keys(self, keys: Any, shapes: Any) -> None:
        missing = keys == None  # noqa: E711 - elementwise
        if not missing.any():
            return
        keys[missing] = made_keys(shapes[missing])
        if not any(one.code == "key-generated" for one in self._report.issues):
            self._report.issues.append(issue("file", "key-generated"))

    def _note(self, key: str, issues: list[Issue]) -> None:
        refused, repaired = self._touched.setdefault(key, (set(), set()))
        refused.update(one.feature for one in issues if one.severity == "refused")
        repaired.update(one.feature for one in issues if one.severity == "repaired")
        counts = self._report.of(key)
        counts.refused, counts.repaired = len(refused), len(repaired - refused)
        self._report.issues += issues

    def _require_something(self) -> None:
        """Raises NothingTaken where every feature was refused, or the file has none."""
        report = self._report
        taken = sum(one.inserted + one.updated + one.unchanged for one in report.counts.values())
        outside = sum(one.outside for one in report.counts.values())
        if taken or (outside and not any(one.refused for one in report.counts.values())):
            return
        reason = next(
            (text for severity, _, _, text in report.reasons() if severity == "refused"),
            Text("文件中没有可导入的要素。", "the file has no feature to take."),
        )
        raise NothingTaken(
            read=sum(one.read for one in report.counts.values()), reason_zh=reason.zh, reason=reason.en
        )


def _default_source(request: ImportRequest) -> str:
    """OSM ids are the same in every extract; other files are sources of their own, by layer."""
    if is_osm(request.path):
        return "osm"
    stem = request.path.name.split(".")[0]
    return f"{stem}:{request.layer}" if request.layer else stem


@contextmanager
def _clear_about_resources() -> Iterator[None]:
    """Full disks, lost databases and refused values as errors that say so."""
    try:
        yield
    except psycopg.errors.DiskFull as error:
        raise DiskFull(where=_first_line(error)) from error
    except psycopg.errors.ConfigurationLimitExceeded as error:
        # temp_file_limit: the operator's own bound on disk use.
        raise DiskFull(where=_first_line(error)) from error
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        raise DatabaseRefused(where=_first_line(error)) from error
    except psycopg.OperationalError as error:
        raise DatabaseLost(where=_first_line(error)) from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DiskFull(where=str(error.filename or gettempdir())) from error


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _start_run(request: ImportRequest, report: ImportReport, database_url: str) -> int:
    values = {
        "file_name": request.path.name,
        "file_sha256": _sha256(request.path),
        "target": request.target or "",
        "source": report.source,
        "srid": request.srid,
        "person_id": request.actor.person_id,
    }
    with _clear_about_resources(), psycopg.connect(database_url) as connection:
        row = connection.execute(_SQL["start_run"], values).fetchone()
    assert row is not None
    return int(row[0])


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _finish_run(connection: Connection[Any], report: ImportReport, state: str) -> None:
    """Close the run and write its issues, in the caller's transaction."""
    counts: Counter[str] = Counter()
    for target_counts in report.counts.values():
        counts.update(target_counts.as_dict())
    by_target = {key: one.as_dict() for key, one in report.counts.items()}
    crs = CRS.from_user_input(report.crs).to_epsg() if (report.crs or "").startswith("EPSG:") else None
    connection.execute(
        _SQL["finish_run"],
        {
            "id": report.run_id,
            "state": state,
            "counts": Jsonb({**counts, "targets": by_target}),
            "target": ",".join(report.counts),
            "source": report.source,
            "srid": crs,
        },
    )
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "COPY import_issue (import_run_id, feature, severity, code, message_zh, message_en) FROM STDIN"
        ) as copy,
    ):
        for one in report.issues:
            copy.write_row((report.run_id, one.feature, one.severity, one.code, one.text.zh, one.text.en))


def _refuse(report: ImportReport, slug: str, text: Text, database_url: str, started: float) -> None:
    """Record that nothing was taken, in a transaction of its own."""
    report.seconds = time.monotonic() - started
    report.issues.insert(0, Issue("file", "refused", slug, text))
    for counts in report.counts.values():
        counts.inserted = counts.updated = counts.unchanged = 0
    if report.run_id is None:
        return
    try:
        with psycopg.connect(database_url) as connection:
            _finish_run(connection, report, "refused")
    except psycopg.Error as error:
        # The database is full or gone; the caller still gets the reason of the refusal itself.
        structlog.get_logger(__name__).warning("import.refusal_not_recorded", error=_first_line(error))


def _audit_entry(request: ImportRequest, report: ImportReport) -> Entry:
    detail = {
        "file": report.file,
        "source": report.source,
        "counts": {key: one.as_dict() for key, one in report.counts.items()},
    }
    return Entry(request.actor, "city.import", "import_run", str(report.run_id), detail)
