"""From mapped rows to the city table: COPY into a temporary table, stamp, then one upsert."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from psycopg import Connection, sql

from gis_core.importing.features import Column
from gis_core.importing.mapping import UNNAMED, MappingOptions
from gis_core.importing.report import Counts, Issue, issue
from gis_core.importing.stamping import AreaStamper
from gis_core.importing.targets import Target
from gis_core.named_sql import read_queries

_SQL = read_queries("gis_core.importing")
PARENT_LEVELS = {"street": "district", "community": "street"}


class Staging:
    """A temporary table beside one city table, inside the caller's transaction."""

    def __init__(self, connection: Connection[Any], target: Target, source: str) -> None:
        self._connection = connection
        self.target = target
        self._source = source
        self._table = sql.Identifier(target.key)
        self.staged = sql.Identifier(f"staged_{target.key}")
        self.stored = (
            *target.columns,
            *(("source", "source_key", "attributes") if target.sourced else ()),
            "geom",
        )
        self._number = 0
        self._stamper = AreaStamper(connection) if target.stamped else None
        self._anchored = target.key in ("area", "component")
        """Whether statements look for the place a row stands in; the others are spared the points."""
        self._needs_points = self._anchored or (self._stamper is not None and target.geometry != "point")
        connection.execute(
            sql.SQL("CREATE TEMP TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
                self.staged, self._names(self.stored), self._table
            )
        )
        connection.execute(
            sql.SQL(
                "ALTER TABLE {} ADD number bigint, ADD feature text, ADD anchor geometry(Point, 4326)"
            ).format(self.staged)
        )

    @staticmethod
    def _names(columns: tuple[str, ...]) -> sql.Composed:
        return sql.SQL(", ").join(sql.Identifier(name) for name in columns)

    def add(self, ids: Column, shapes: NDArray[Any], columns: dict[str, Column]) -> None:
        """COPY rows whose shapes are final, lon/lat."""
        if not len(ids):
            return
        # The columns are declared 4326: PostGIS gives shapes without SRID theirs.
        geom = shapely.to_wkb(shapes, hex=True)
        points = shapely.point_on_surface(shapes) if self._needs_points else shapes
        anchors = shapely.to_wkb(points, hex=True) if self._anchored else [None] * len(ids)
        if self._stamper is not None:
            codes = columns["area_code"]
            columns["area_code"] = np.where(codes == None, self._stamper.codes(points), codes)  # noqa: E711
        numbers = np.arange(self._number, self._number + len(ids)).tolist()
        self._number += len(ids)
        values: list[Any] = []
        for name in self.stored:
            if name == "geom":
                values.append(geom)
            elif name == "source":
                values.append([self._source] * len(ids))
            else:
                values.append(columns[name])
        command = sql.SQL("COPY {} ({}, number, feature, anchor) FROM STDIN").format(
            self.staged, self._names(self.stored)
        )
        with self._connection.cursor() as cursor, cursor.copy(command) as copy:
            for row in zip(*values, numbers, ids, anchors, strict=True):
                copy.write_row(row)

    def _run(self, name: str, /, column: str | None = None, **values: Any) -> Iterator[tuple[Any, ...]]:
        statement = sql.SQL(_SQL[name]).format(staged=self.staged, column=sql.Identifier(column or "code"))
        cursor = self._connection.execute(statement, values)
        self._affected = cursor.rowcount
        return iter(cursor.fetchall() if cursor.description else ())

    def prepare(self, options: MappingOptions) -> list[Issue]:
        """Stamp and number what was staged; what was refused."""
        # Only what rows are found and joined by: figures on shapes and texts take longer than they save.
        found_by = tuple(dict.fromkeys((*self.target.conflict, "number")))
        self._connection.execute(sql.SQL("ANALYZE {} ({})").format(self.staged, self._names(found_by)))
        issues: list[Issue] = []
        if self.target.key == "area":
            issues += self._finish_areas(options)
        if self.target.sourced:
            issues += [
                issue(feature, "key-twice", key=key)
                for feature, key in self._run("refuse_twice", column="source_key")
            ]
        elif "code" in self.target.columns:
            issues += [issue(feature, "code-twice", code=code) for feature, code in self._run("refuse_twice")]
        if self.target.key in ("component", "responsibility_grid", "zone"):
            issues += [issue(feature, "outside-areas") for feature, _ in self._run("refuse_outside_areas")]
        if self.target.key == "component":
            issues += self._finish_components()
        if self.target.key == "unit_grid":
            self._run("measure_unit_grids")
        return issues

    def refuse_foreign(self, area: bytes, patterns: list[str]) -> list[Issue]:
        """Take out rows that would change features outside ``area`` (WKB), and codes of other areas."""
        key = "source_key" if self.target.sourced else self.target.conflict[0]
        join = sql.SQL(" AND ").join(
            sql.SQL("known.{0} = s.{0}").format(sql.Identifier(name)) for name in self.target.conflict
        )
        statement = sql.SQL(_SQL["refuse_foreign"]).format(
            staged=self.staged, known=self._table, join=join, key=sql.Identifier(key)
        )
        rows = self._connection.execute(statement, {"area": area}).fetchall()
        issues = [issue(feature, "belongs-elsewhere", key=found) for feature, found in rows]
        column = {"area": "code", "unit_grid": "community_code"}.get(self.target.key)
        if column is not None:
            outside = self._run("refuse_foreign_codes", column=column, patterns=patterns)
            issues += [issue(feature, "outside-your-area") for feature, _ in outside]
        return issues

    def _finish_areas(self, options: MappingOptions) -> list[Issue]:
        issues: list[Issue] = []
        if options.provisional_codes:
            level = options.level or "street"
            self._run("keep_provisional_codes", source=self._source)
            given = self._run(
                "give_provisional_codes",
                level=level,
                parent_level=PARENT_LEVELS.get(level, "district"),
                unnamed=UNNAMED,
            )
            issues += [issue(feature, "code-provisional", code=code) for feature, code in given]
            issues += [issue(feature, "outside-areas") for feature, _ in self._run("refuse_without_code")]
        issues += [
            issue(feature, "parts-joined", code=code) for feature, code in self._run("join_area_parts")
        ]
        issues += [issue(feature, "code-twice", code=code) for feature, code in self._run("refuse_twice")]
        issues += [
            issue(feature, "code-taken", code=code, other=other)
            for feature, code, other in self._run("refuse_taken_codes")
        ]
        self._run("find_parents")
        return issues

    def _finish_components(self) -> list[Issue]:
        self._run("stamp_unit_grid")
        self._run("keep_component_codes")
        self._run("date_components")
        self._run("lock_component_codes")
        issues = [issue(feature, "code-twice", code=code) for feature, code in self._run("refuse_twice")]
        issues += [
            issue(feature, "code-taken", code=code, other=other)
            for feature, code, other in self._run("refuse_taken_component_codes")
        ]
        self._run("issue_component_codes")
        if self._affected:
            issues.append(issue("file", "codes-issued", count=self._affected))
        return issues

    def write(self, counts: Counts) -> None:
        """From the staged rows into the table: new ones inserted, changed ones updated."""
        if self.target.sourced:
            self._connection.execute(_SQL["lock_source"], {"source": self._source})
            known = sql.SQL(_SQL["source_is_known"]).format(table=self._table)
            if self._connection.execute(known, {"source": self._source}).fetchone() is None:
                counts.inserted += self._insert()
                return
        self._upsert(counts)

    def _insert(self) -> int:
        """A source's first rows: there is nothing to update, and looking for it row by row takes as long
        again as the insert."""
        statement = sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {} ORDER BY number").format(
            self._table, self._names(self.stored), self._names(self.stored), self.staged
        )
        return self._connection.execute(statement).rowcount

    def _upsert(self, counts: Counts) -> None:
        """INSERT … ON CONFLICT DO UPDATE where something differs."""
        changing = tuple(name for name in self.stored if name not in self.target.conflict)
        known = sql.SQL(", ").join(sql.SQL("known.{}").format(sql.Identifier(name)) for name in changing)
        new = sql.SQL(", ").join(sql.SQL("excluded.{}").format(sql.Identifier(name)) for name in changing)
        statement = sql.SQL(
            """
            WITH written AS (
              INSERT INTO {table} AS known ({columns})
              SELECT {columns} FROM {staged} ORDER BY number
              ON CONFLICT ({conflict}) DO UPDATE SET ({changing}) = ROW ({new})
               WHERE ROW ({known}) IS DISTINCT FROM ROW ({new})
              RETURNING (xmax = 0) AS inserted
            )
            SELECT count(*) FILTER (WHERE inserted), count(*) FILTER (WHERE NOT inserted),
                   (SELECT count(*) FROM {staged})
              FROM written
            """
        ).format(
            table=self._table,
            columns=self._names(self.stored),
            staged=self.staged,
            conflict=self._names(self.target.conflict),
            changing=self._names(changing),
            known=known,
            new=new,
        )
        row = self._connection.execute(statement).fetchone()
        assert row is not None
        inserted, updated, staged = row
        counts.inserted += inserted
        counts.updated += updated
        counts.unchanged += staged - inserted - updated
