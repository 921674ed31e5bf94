"""Which coordinate system and datum a layer is read in: said, declared, or proposed and accepted."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from psycopg import Connection
from pyproj import CRS

from gis_core.coordinates import Datum
from gis_core.importing.datum_evidence import Evidence, weigh
from gis_core.importing.datum_reference import reference_for
from gis_core.importing.errors import CrsImplausible, CrsMissing, DatumUnclear
from gis_core.importing.placing import crs_label, crs_of, require_crs
from gis_core.importing.report import Issue, issue
from gis_core.importing.sources import Layer
from gis_core.importing.tables import TableLayer

SAMPLE = 2_000
LIKELY = 0.5
"""Confidence from which a shifted datum stops an import until somebody decides."""


@dataclass(frozen=True, slots=True)
class Settled:
    """How to read the layer, and what that rests on."""

    crs: CRS
    datum: Datum
    evidence: Evidence | None
    issues: list[Issue] = field(default_factory=list)


def gather_evidence(
    layer: Layer, declared: CRS | None, connection: Connection[Any], *, source: str, file: str
) -> Evidence | None:
    """What speaks for which reading of a sample from all over the layer."""
    sample = layer.spread_sample(SAMPLE)
    reference = reference_for(connection, sample, source=source)
    return weigh(sample, declared, reference, names=evidence_names(layer, file))


def evidence_names(layer: Layer, file: str) -> tuple[str, ...]:
    """The names that may tell a datum: of coordinate columns, layer and file."""
    columns = getattr(layer, "columns", None)
    return (*(columns.names if columns is not None else ()), layer.name, Path(file).name)


def settle(
    layer: Layer,
    connection: Connection[Any],
    *,
    file: str,
    source: str,
    srid: int | None,
    datum: Datum | None,
    accept: bool,
    remembered: bool = False,
) -> Settled:
    """Decide, or refuse where only a guess could. ``remembered``: the datum is that of the last import,
    which evidence overrules.

    Raises CrsMissing, CrsImplausible, CrsUnknown and DatumUnclear; the evidence is in ``members``.
    """
    declared = crs_of(srid) if srid is not None else layer.crs
    if isinstance(layer, TableLayer):
        layer.require_coordinates()
    bounds = layer.sample_bounds()
    if declared is not None:
        try:
            declared = require_crs(declared, bounds)
        except CrsImplausible:
            # Metres in GeoJSON that says nothing: nobody declared them to be degrees.
            if srid is not None or not getattr(layer, "crs_by_format", False) or not declared.is_geographic:
                raise
            declared = None
    evidence = gather_evidence(layer, declared, connection, source=source, file=file)
    issues: list[Issue] = []
    if declared is None:
        declared = _proposed_crs(evidence, accept, bounds)
        issues.append(issue("file", "srid-proposed", crs=crs_label(declared)))
    if remembered and evidence is not None and evidence.confidence >= LIKELY:
        datum = datum if evidence.proposal.datum == datum else None
    chosen, more = _datum(layer, evidence, datum, accept)
    return Settled(declared, chosen, evidence, issues + more)


def _proposed_crs(evidence: Evidence | None, accept: bool, bounds: Any) -> CRS:
    try:
        require_crs(None, bounds)
    except CrsMissing as error:
        if evidence is None:
            raise
        if accept and evidence.confidence >= LIKELY:
            return evidence.proposal.crs
        error.members["evidence"] = evidence.as_dict()
        raise
    raise AssertionError("a layer without a system is always refused")


def _datum(
    layer: Layer, evidence: Evidence | None, said: Datum | None, accept: bool
) -> tuple[Datum, list[Issue]]:
    likely = evidence if evidence is not None and evidence.confidence >= LIKELY else None
    given = said or layer.datum
    issues: list[Issue] = []
    if given is not None:
        if said is None and given != "wgs84":
            issues.append(issue("file", "datum-by-name", datum=given.upper()))
        if likely is not None and likely.proposal.datum != given:
            why, other = likely.reasons(), likely.proposal.datum.upper()
            issues.append(issue("file", "datum-doubtful", datum=given.upper(), other=other, why=why))
        return given, issues
    if likely is None or likely.proposal.datum == "wgs84":
        return "wgs84", []
    why, datum = likely.reasons(), likely.proposal.datum
    if not accept:
        raise DatumUnclear(
            datum=datum.upper(), flag=datum, confidence=likely.confidence, why=why,
            evidence=likely.as_dict(),
        )  # fmt: skip
    return datum, [issue("file", "datum-proposed", datum=datum.upper(), why=why)]
