"""One import from file to table: all or nothing, and recorded either way."""

import errno
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

import numpy as np
import psycopg
import shapely
from psycopg import Connection

from gis_core.area_codes import area_prefix
from gis_core.coordinates import STORAGE_SRID, Datum
from gis_core.dictionaries import load_component_classes
from gis_core.errors import Text
from gis_core.identity.audit import append_audit_sync
from gis_core.identity.secrets import Keyring
from gis_core.importing.archives import holds_osm, unpack
from gis_core.importing.difference import Within, list_changes, missing_rows, remove_rows
from gis_core.importing.errors import (
    Cancelled,
    DatabaseLost,
    DatabaseRefused,
    DiskFull,
    ImportRefused,
    NothingTaken,
    NotRemovable,
    RemoveNeedsKeys,
    TargetUnclear,
    UnknownArea,
)
from gis_core.importing.features import Features
from gis_core.importing.geometry_repair import as_multi, flatten, repair
from gis_core.importing.load import Staging
from gis_core.importing.mapping import made_keys
from gis_core.importing.osm import OSM_TARGETS, OsmReader
from gis_core.importing.placing import crs_label, crs_of, place
from gis_core.importing.recording import audit_entry, finish_run, hold_run, record_refusal, start_run
from gis_core.importing.remembered import filled_in, keep_options, options_of, read_options, with_classes
from gis_core.importing.report import Difference, ImportReport, Issue, issue
from gis_core.importing.request import ImportRequest
from gis_core.importing.settling import settle
from gis_core.importing.sources import (
    TableOptions,
    choose_layer,
    is_osm,
    open_layers,
    require_features,
    require_readable,
)
from gis_core.importing.stopping import Stop
from gis_core.importing.table_mapping import has_class, is_place, map_features
from gis_core.importing.targets import PLACE, TARGET_KEYS, TARGETS, guess_target
from gis_core.named_sql import read_queries

__all__ = ["ImportRequest", "Progress", "run_import"]

_SQL = read_queries("gis_core.importing")
_MAX_PLACES = 20_000

Progress = Callable[[int, int | None], None]
"""Called with the features read so far and their number, None where the file does not tell it."""


def run_import(
    request: ImportRequest,
    database_url: str,
    *,
    keyring: Keyring | None = None,
    progress: Progress = lambda read, total: None,
    stop: Stop | None = None,
) -> ImportReport:
    """Import a file in one transaction and report.

    A refusal of the whole file raises an ``ImportRefused``; its run and issues stay recorded, no feature
    does. ``keyring`` seals the audit entry; without one none is written. ``stop`` lets another thread end
    it, which raises ``Cancelled``.
    """
    stop = stop or Stop()
    started = time.monotonic()
    report = ImportReport(file=request.name, source=request.source_name, dry_run=request.dry_run)
    require_readable(request.path)
    used: dict[str, Any] = {}
    if request.remember:
        with _clear_about_resources(), psycopg.connect(database_url) as connection:
            request, used = filled_in(request, read_options(connection, report.source, request.name))
    if not request.dry_run:
        with _clear_about_resources(), psycopg.connect(database_url) as connection:
            report.run_id = start_run(
                connection, report, request.path,
                target=request.target, srid=request.srid, actor=request.actor,
            )  # fmt: skip
    try:
        if used:
            told = ", ".join(f"{name}={value}" for name, value in used.items())
            report.issues.append(issue("file", "options-remembered", options=told))
        with (
            _clear_about_resources(),
            TemporaryDirectory(prefix="wanmi-import-") as folder,
            psycopg.connect(database_url, application_name="wanmi import") as connection,
        ):
            if report.run_id is not None:
                hold_run(connection, report.run_id, request.actor, f"{report.file} ({report.source})")

            def advance(read: int, total: int | None) -> None:
                progress(read, total)
                stop.check()

            with stop.ends(connection):
                work = _Import(
                    request, report, connection, Path(folder), advance, remembered_datum="datum" in used
                )
                work.run()
            report.seconds = time.monotonic() - started
            if request.dry_run:
                connection.rollback()
            else:
                finish_run(connection, report, "done")
                if keyring is not None:
                    append_audit_sync(connection, keyring, audit_entry(report, request.actor))
    except ImportRefused as error:
        report.seconds = time.monotonic() - started
        report.evidence = report.evidence or error.members.get("evidence")
        record_refusal(report, error.slug, error.text, database_url)
        error.report = report
        raise
    except BaseException as error:
        report.seconds = time.monotonic() - started
        if isinstance(error, KeyboardInterrupt):
            record_refusal(report, Cancelled.slug, Cancelled().text, database_url)
        else:
            name = type(error).__name__
            text = Text(f"导入中断：{name}", f"the import broke off: {name}")
            record_refusal(report, "interrupted", text, database_url)
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
        *,
        remembered_datum: bool,
    ) -> None:
        self._request = request
        self._remembered_datum = remembered_datum
        self._report = report
        self._connection = connection
        self._folder = folder
        self._progress = progress
        self._stagings: dict[str, Staging] = {}
        self._touched: dict[str, tuple[set[str], set[str]]] = {}
        """Refused and repaired features by target."""
        self._read = 0
        self._crs = crs_of(STORAGE_SRID)
        self._datum: Datum = request.datum or "wgs84"
        self._within: Within | None = None
        self._allowed: Any = None
        """The shape of the areas the importer may change, prepared; None: everywhere."""

    def run(self) -> None:
        """Read, stage, upsert. Leaves the transaction open."""
        # Staged rows are sorted and joined in memory, not in temporary files.
        self._connection.execute(
            "SET LOCAL jit = off; SET LOCAL work_mem = '64MB'; SET temp_buffers = '64MB'"
        )
        load_component_classes(self._connection)
        self._request = with_classes(self._request, self._connection)
        request, report = self._request, self._report
        if request.within is not None:
            self._within = Within(self._area_shape(request.within), request.touching)
        if request.allowed_areas is not None:
            self._allowed = self._granted_shape(request.allowed_areas)
        if is_osm(request.path) or holds_osm(request.path):
            self._run_osm()
        else:
            self._run_layer()
        report.datum = self._datum
        if self._datum != "wgs84":
            report.issues.append(issue("file", "datum-undone", datum=self._datum.upper()))
        if request.diff:
            report.differences = []
        layers: list[str] = []
        for key in sorted(self._stagings, key=list(TARGETS).index):
            self._finish(key, self._stagings[key])
            layers += self._stagings[key].target.layers
        self._require_something()
        if request.remember and not request.dry_run:
            keep_options(self._connection, report.source, request.name, options_of(self._request))
        self._connection.execute("SELECT bump_layers(%s)", [layers])

    def _finish(self, key: str, staging: Staging) -> None:
        """From staged rows to the table: numbered, compared, written, and what is missing taken out."""
        request, counts = self._request, self._report.of(key)
        self._note(key, staging.prepare(request.mapping))
        if self._allowed is not None and request.allowed_areas is not None:
            patterns = [area_prefix(code) + "%" for code in request.allowed_areas]
            self._note(key, staging.refuse_foreign(shapely.to_wkb(self._allowed), patterns))
        missing: list[tuple[int, str]] = []
        if request.remove_missing or request.diff:
            within = self._within
            if self._allowed is not None:
                shape = self._allowed
                if within is not None:
                    shape = shapely.intersection(shape, within.shape)
                within = Within(shape, within.touching if within is not None else False)
            missing = missing_rows(
                self._connection, staging.target, staging.staged, self._report.source, within
            )
            counts.missing = len(missing)
        if self._report.differences is not None:
            self._report.differences += list_changes(
                self._connection, staging.target, staging.staged, staging.stored
            )
            self._report.differences += [
                Difference(key, missing_key, "missing", {}) for _, missing_key in missing[:1_000]
            ]
        staging.write(counts)
        if request.remove_missing:
            if not staging.target.sourced:
                raise NotRemovable(target=key)
            made = any(one.code == "key-generated" for one in self._report.issues)
            if counts.refused or (made and missing):
                raise RemoveNeedsKeys(refused=counts.refused)
            self._report.issues += remove_rows(self._connection, staging.target, missing)
            counts.removed = len(missing)

    def _granted_shape(self, codes: tuple[str, ...]) -> Any:
        found = self._connection.execute(_SQL["areas_of_grant"], {"codes": list(codes)}).fetchone()
        if found is None or found[0] is None:
            raise UnknownArea(code=", ".join(codes))
        shape = shapely.from_wkb(found[0])
        shapely.prepare(shape)
        return shape

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
        path = request.path
        if not is_osm(path):
            path = next(one.path for one in unpack(path, self._folder) if is_osm(one.path))
        reader = OsmReader(path, tuple(str(one) for one in wanted))
        self._report.layer, self._report.crs = "OpenStreetMap", crs_label(self._crs)
        for features in reader.batches():
            self._take(str(features.target), features)
            self._advance(len(features), None)
        self._report.skipped = reader.skipped

    def _run_layer(self) -> None:
        request, report = self._request, self._report
        options = TableOptions(request.encoding, request.lon_field, request.lat_field)
        layers = open_layers(request.path, self._folder, options)
        layer = choose_layer(layers, request.layer, request.name)
        require_features(layer, request.name)
        target = request.target or guess_target(layer.name, layer.geometry_type)
        if target is None:
            raise TargetUnclear(layer=layer.name, targets=", ".join(TARGET_KEYS))
        settled = settle(
            layer, self._connection, file=request.name, source=report.source,
            srid=request.srid, datum=request.datum, accept=request.accept_datum,
            remembered=self._remembered_datum,
        )  # fmt: skip
        self._crs, self._datum = settled.crs, settled.datum
        report.issues += settled.issues
        report.evidence = settled.evidence.as_dict() if settled.evidence is not None else None
        if request.accept_datum:
            self._request = replace(request, srid=settled.crs.to_epsg() or request.srid, datum=settled.datum)
        report.layer, report.crs = layer.name, crs_label(self._crs)
        if layer.text is not None:
            report.encoding = layer.text.encoding
            if layer.text.overruled is not None:
                told = {"declared": layer.text.overruled, "encoding": report.encoding}
                report.issues.append(issue("file", "encoding-overruled", **told))
        if layer.curved:
            report.issues.append(issue("file", "curve-linearised"))
        expected = layer.expected
        for features in layer.batches():
            for key, part in self._route(target, features):
                self._take(key, part)
            self._advance(len(features), expected)

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

    def _advance(self, read: int, total: int | None) -> None:
        self._read += read
        self._progress(self._read, total)

    def _take(self, key: str, features: Features) -> None:
        """Map, repair and stage one batch."""
        target, request = TARGETS[key], self._request
        staging = self._stagings.get(key)
        if staging is None:
            staging = self._stagings[key] = Staging(self._connection, target, self._report.source)
        counts, since = self._report.of(key), len(self._report.issues)
        counts.read += len(features)
        self._note(key, features.issues)
        refused = {one.feature for one in features.issues if one.severity == "refused"}
        readable = np.array([one not in refused for one in features.ids], dtype=bool)
        features = replace(features.where(readable), issues=[])
        place_here = partial(place, crs=self._crs, datum=self._datum)
        features = self._through(key, flatten, features)
        features = self._through(key, place_here, features)
        if self._within is not None:
            inside = self._inside(self._within, features.shapes)
            counts.outside += int((~inside).sum())
            features = features.where(inside)
        if self._allowed is not None:
            inside = self._inside(Within(self._allowed), features.shapes)
            self._note(key, [issue(one, "outside-your-area") for one in features.ids[~inside]])
            features = features.where(inside)
        placed = features
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
            self._make_keys(columns, shapes)
        staging.add(ids[alive], shapes, columns)
        self._locate_issues(placed, since)

    def _through(self, key: str, step: Callable[..., Any], features: Features) -> Features:
        """The features whose shapes a step accepts, with the shapes it made of them."""
        shapes, accepted, issues = step(features.shapes, ids=features.ids)
        self._note(key, issues)
        return replace(features, shapes=shapes).where(accepted)

    @staticmethod
    def _inside(area: Within, shapes: Any) -> Any:
        invalid = ~shapely.is_valid(shapes)
        if invalid.any():
            shapes = shapes.copy()
            shapes[invalid] = shapely.make_valid(shapes[invalid])
        if area.touching:
            return shapely.intersects(area.shape, shapes)
        return shapely.covers(area.shape, shapely.point_on_surface(shapes))

    def _locate_issues(self, features: Features, since: int) -> None:
        """Note where the features with issues lie, for the report's map."""
        told = {one.feature for one in self._report.issues[since:]}
        if not told or len(self._report.places) >= _MAX_PLACES:
            return
        at = np.flatnonzero([one in told for one in features.ids])
        points = shapely.point_on_surface(features.shapes[at])
        for one, x, y in zip(features.ids[at], shapely.get_x(points), shapely.get_y(points), strict=True):
            self._report.places[one] = (round(float(x), 7), round(float(y), 7))

    def _make_keys(self, columns: dict[str, Any], shapes: Any) -> None:
        keys = columns["source_key"]
        missing = keys == None  # noqa: E711 - elementwise
        if not missing.any():
            return
        words = [columns[name][missing] for name in ("name", "address") if name in columns]
        keys[missing] = made_keys(shapes[missing], words)
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
        raise NothingTaken(read=sum(one.read for one in report.counts.values()), reason=reason)


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
    except psycopg.errors.QueryCanceled as error:
        raise Cancelled from error
    except psycopg.OperationalError as error:
        raise DatabaseLost(where=_first_line(error)) from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DiskFull(where=str(error.filename or gettempdir())) from error


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
