"""What an import took, changed and refused, and why."""

import csv
import json
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, NamedTuple

from gis_core.errors import Text

Severity = Literal["note", "repaired", "refused"]


def _read_reasons() -> dict[str, tuple[Severity, Text]]:
    source = tomllib.loads((files("gis_core.importing") / "reasons.toml").read_text(encoding="utf-8"))
    return {code: (one["severity"], Text(one["zh"], one["en"])) for code, one in source.items()}


REASONS = _read_reasons()
"""Severity and text of every reason by its stable code, from ``reasons.toml``."""


class Issue(NamedTuple):
    """One feature (or ``file``) that was changed or refused."""

    feature: str
    severity: Severity
    code: str
    text: Text


def issue(feature: str, code: str, /, **members: Any) -> Issue:
    """An issue with the text of its code filled in."""
    severity, text = REASONS[code]
    return Issue(feature, severity, code, text.format(**members))


@dataclass(slots=True)
class Counts:
    """Features of one target. ``outside``: left out by ``--within``; ``repaired`` are among the taken."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    repaired: int = 0
    refused: int = 0
    outside: int = 0
    missing: int = 0
    """Rows of the source that the file no longer has."""
    removed: int = 0

    def as_dict(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in self.__slots__}


class Difference(NamedTuple):
    """One row that an import adds, changes or misses; ``columns``: old and new value by column."""

    target: str
    key: str
    kind: str
    columns: Mapping[str, tuple[Any, Any]]

    def as_dict(self) -> dict[str, Any]:
        return {
            "target": self.target,
            "key": self.key,
            "kind": self.kind,
            "columns": {name: list(pair) for name, pair in self.columns.items()},
        }


@dataclass(slots=True)
class ImportReport:
    """The outcome of one import; ``run_id`` is None for a dry run."""

    file: str
    source: str
    layer: str | None = None
    crs: str | None = None
    encoding: str | None = None
    run_id: int | None = None
    dry_run: bool = False
    seconds: float = 0.0
    counts: dict[str, Counts] = field(default_factory=dict)
    issues: list[Issue] = field(default_factory=list)
    skipped: int = 0
    """Objects of an OSM file that are none of the targets."""
    datum: str | None = None
    evidence: dict[str, Any] | None = None
    """What speaks for which coordinate system and datum."""
    differences: list[Difference] | None = None
    """Listed on request; at most 1,000 of each kind and target."""
    places: dict[str, tuple[float, float]] = field(default_factory=dict)
    """A point, lon/lat, of each feature with an issue, where it has one."""

    def of(self, target: str) -> Counts:
        return self.counts.setdefault(target, Counts())

    def reasons(self) -> list[tuple[Severity, str, int, Text]]:
        """Severity, code, how often, and the first text; refusals first, then by number."""
        number = Counter(found.code for found in self.issues)
        first: dict[str, Issue] = {}
        for found in self.issues:
            first.setdefault(found.code, found)
        order = {"refused": 0, "repaired": 1, "note": 2}
        rows = [(one.severity, code, number[code], one.text) for code, one in first.items()]
        return sorted(rows, key=lambda row: (order[row[0]], -row[2]))

    def as_dict(self) -> dict[str, Any]:
        """For scripts: counts by target and reasons, not the single issues."""
        return {
            "file": self.file,
            "source": self.source,
            "layer": self.layer,
            "crs": self.crs,
            "encoding": self.encoding,
            "run_id": self.run_id,
            "dry_run": self.dry_run,
            "seconds": round(self.seconds, 3),
            "skipped": self.skipped,
            "datum": self.datum,
            "evidence": self.evidence,
            "counts": {target: counts.as_dict() for target, counts in self.counts.items()},
            "reasons": [
                {"severity": severity, "code": code, "count": count, "zh": text.zh, "en": text.en}
                for severity, code, count, text in self.reasons()
            ],
            "differences": None if self.differences is None else [one.as_dict() for one in self.differences],
        }


def write_issues(path: Path, issues: Iterable[Issue]) -> None:
    """All issues as CSV, UTF-8 with byte order mark so that spreadsheets read the Chinese."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["feature", "severity", "code", "message_zh", "message_en"])
        writer.writerows([one.feature, one.severity, one.code, one.text.zh, one.text.en] for one in issues)


def write_report(path: Path, report: ImportReport) -> None:
    """The report as the suffix says: ``.json`` all of it, ``.geojson`` the issues at their places, else
    the issues as CSV."""
    if path.suffix == ".geojson":
        _write_json(path, _issues_as_geojson(report))
    elif path.suffix == ".json":
        issues = [
            {"feature": one.feature, "severity": one.severity, "code": one.code,
             "zh": one.text.zh, "en": one.text.en}
            for one in report.issues
        ]  # fmt: skip
        _write_json(path, {**report.as_dict(), "issues": issues})
    else:
        write_issues(path, report.issues)


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, default=str), encoding="utf-8")


def _issues_as_geojson(report: ImportReport) -> dict[str, Any]:
    """Each issue as a point feature; without geometry where the place is not known."""
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": list(report.places[one.feature])}
            if one.feature in report.places
            else None,
            "properties": {
                "feature": one.feature,
                "severity": one.severity,
                "code": one.code,
                "message_zh": one.text.zh,
                "message_en": one.text.en,
            },
        }
        for one in report.issues
    ]
    return {"type": "FeatureCollection", "features": features}
