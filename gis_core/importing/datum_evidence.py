"""Which coordinate system and datum a file's numbers are in, by evidence; never a silent guess.

Each hypothesis is a reading of the same numbers. What speaks for it: how far features lie from the roads
of the name they carry, whether they lie in the areas they name, how well named polygons cover the known
ones, and whether they lie in known areas at all. Two things are read off the numbers and names themselves:
NMEA receivers give multiples of 1/600,000 degree, which a shift destroys; and some names say the datum.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, get_args

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from gis_core.coordinates import CHINA_BOX, Datum
from gis_core.errors import Text
from gis_core.importing.features import Features
from gis_core.importing.placing import crs_label, crs_of, place

SURE = 0.8
"""Confidence from which a proposal other than the plain reading stops an import."""
NMEA_STEPS = 600_000
METRES_PER_DEGREE = 111_320.0

_ROAD_RUN = re.compile(r"[一-鿿]{1,12}?(?:大道|公路|路|街|道|巷|弄|里|桥)")
_DATUM_WORDS: dict[Datum, str] = {
    "wgs84": r"wgs-?_?84",
    "gcj02": r"gcj-?_?02|火星|高德|腾讯|amap|autonavi|tencent",
    "bd09": r"bd-?_?09|百度|baidu",
}
"""The plain one first: poi_amap_wgs84 comes from Amap and says it was converted."""


class Reading(NamedTuple):
    """One hypothesis: the numbers are in this system, with this shift."""

    crs: CRS
    datum: Datum

    @property
    def label(self) -> str:
        name = crs_label(self.crs)
        return name if self.datum == "wgs84" else f"{name} {self.datum.upper()}"


@dataclass(frozen=True, slots=True)
class Finding:
    """The numbers of one reading; None or 0 where there was nothing to compare with."""

    reading: Reading
    in_china: float
    """Share of features."""
    roads: int
    """Features that name a known road."""
    road_median_m: float | None
    """Their median distance from it."""
    named_areas: int
    """Features that name a known area."""
    named_area_share: float | None
    """Share of them that lie in it."""
    polygons: int
    """Polygons of the name of a known area."""
    iou: float | None
    """Median overlap with it: intersection over union."""
    known_area_share: float | None
    """Share of features inside any known area."""

    def as_dict(self) -> dict[str, Any]:
        told = {name: getattr(self, name) for name in self.__slots__ if name != "reading"}
        rounded = {key: round(value, 4) if isinstance(value, float) else value for key, value in told.items()}
        return {"crs": crs_label(self.reading.crs), "datum": self.reading.datum, **rounded}


@dataclass(frozen=True, slots=True)
class Evidence:
    """The table of hypotheses, what it proposes, and how sure that is (0 to 1)."""

    findings: list[Finding]
    proposal: Reading
    confidence: float
    why: list[Text]
    nmea_share: float | None
    """Share of coordinates that are multiples of 1/600,000 degree; None where they are not degrees."""
    decimals: int | None
    """Decimal places most coordinates are written with."""

    def as_dict(self) -> dict[str, Any]:
        return {
            "hypotheses": [one.as_dict() for one in self.findings],
            "proposal": {
                "crs": crs_label(self.proposal.crs),
                "srid": self.proposal.crs.to_epsg(min_confidence=25),
                "datum": self.proposal.datum,
            },
            "confidence": round(self.confidence, 3),
            "why": [{"zh": one.zh, "en": one.en} for one in self.why],
            "nmea_share": None if self.nmea_share is None else round(self.nmea_share, 4),
            "decimals": self.decimals,
        }

    def reasons(self) -> Text:
        if not self.why:
            return Text("没有可对照的数据", "nothing to compare with")
        return Text("；".join(one.zh for one in self.why), "; ".join(one.en for one in self.why))


@dataclass(frozen=True, slots=True)
class Reference:
    """What is known of the city, lon/lat: roads and areas by name, and all areas together."""

    roads: Mapping[str, Any] = field(default_factory=dict)
    areas: Mapping[str, Any] = field(default_factory=dict)
    city: Any = None


def road_candidates(text: str) -> list[str]:
    """Every tail of a run of characters that ends like a road: of 黄浦区白渡路288弄 the known one is
    found among 黄浦区白渡路, 浦区白渡路, …, 白渡路."""
    found: list[str] = []
    for match in _ROAD_RUN.finditer(text):
        word = match[0]
        found += [word[at:] for at in range(len(word) - 1)]
    return found


def candidate_readings(declared: CRS | None, sample: Features) -> list[Reading]:
    """Readings worth trying: of the declared system, or of all the numbers can be in."""
    shifts: tuple[Datum, ...] = get_args(Datum)
    if declared is not None:
        systems = [declared]
    else:
        bounds = shapely.bounds(sample.shapes)
        systems = [crs_of(srid) for srid in _possible_srids(bounds[np.isfinite(bounds).all(axis=1)])]
    return [
        Reading(crs, datum)
        for crs in systems
        for datum in (shifts if crs.is_geographic or "Mercator (" in _method(crs) else shifts[:1])
    ]


def _method(crs: CRS) -> str:
    operation = crs.coordinate_operation
    name = operation.method_name if operation is not None else ""
    return (
        ""
        if "Transverse" in name
        else name.replace("Popular Visualisation Pseudo Mercator", "Mercator (web)")
    )


def _possible_srids(bounds: NDArray[np.float64]) -> list[int]:
    """EPSG codes by the size of the numbers; the zone prefix tells the zone."""
    if not len(bounds):
        return []
    first = float(np.median(bounds[:, [0, 2]]))
    second = float(np.median(bounds[:, [1, 3]]))
    if max(abs(first), abs(second)) <= 180:
        return [4326]
    found: list[int] = []
    for east, north in ((first, second), (second, first)):
        if not 3e5 <= north <= 6.2e6:
            continue
        zone = int(east // 1e6)
        if 25 <= zone <= 45:
            found.append(4513 + zone - 25)
        if 13 <= zone <= 23:
            found.append(4491 + zone - 13)
        if 8.1e6 <= east <= 1.52e7:
            found.append(3857)
        if 1e5 <= east <= 9e5:
            found += range(4534, 4555)
    return list(dict.fromkeys(found))


def weigh(
    sample: Features, declared: CRS | None, reference: Reference, *, names: Sequence[str] = ()
) -> Evidence | None:
    """Judge the readings of some features. ``names``: of file, layer and coordinate columns.

    None where no system can hold the numbers at all.
    """
    usable = np.isfinite(shapely.bounds(sample.shapes)).all(axis=1)
    sample = sample.where(usable)
    readings = candidate_readings(declared, sample)
    if not readings or not len(sample):
        return None
    linked = things_named(sample, reference)
    findings = [_measure(reading, sample, reference, linked) for reading in readings]
    votes: list[tuple[int, float, Text]] = [
        *_vote_roads(findings),
        *_vote_iou(findings),
        *_vote_share(findings, "named_area_share", "named_areas"),
        *_vote_share(findings, "known_area_share", None),
        *_vote_names(findings, names),
    ]
    nmea, decimals = _digits(sample, readings[0].crs)
    if nmea is not None and nmea >= 0.99 and len(sample) >= 100 and (decimals or 0) >= 6:
        words = Text("坐标都是 1/600000 度的整数倍", "all are multiples of 1/600,000 degree")
        votes += [(at, 0.9, words) for at in _of_datum(findings, "wgs84")[:1]]
    doubt = np.ones(len(findings))
    for at, weight, _ in votes:
        doubt[at] *= 1 - weight
    trust = 1 - doubt
    # Ties go to the plain reading, which stands first.
    best = int(np.argmax(trust)) if votes else 0
    other = float(np.delete(trust, best).max(initial=0.0))
    alone = len({one.reading.crs.to_wkt() for one in findings}) == 1
    confidence = float(trust[best] * (1 - other)) if votes else 0.0
    why = [words for at, _, words in votes if at == best]
    if not votes and not alone:
        confidence = 0.0
    return Evidence(findings, readings[best], confidence, why, nmea, decimals)


class Links(NamedTuple):
    """Which features name which known road or area."""

    roads: list[tuple[int, Any]]
    areas: list[tuple[int, Any]]


def things_named(sample: Features, reference: Reference) -> Links:
    texts = [
        values for values in sample.fields.values() if any(isinstance(value, str) for value in values[:50])
    ]
    roads: list[tuple[int, Any]] = []
    areas: list[tuple[int, Any]] = []
    for at in range(len(sample)):
        for values in texts:
            value = values[at]
            if not isinstance(value, str) or len(value) > 100:
                continue
            if value in reference.areas:
                areas.append((at, reference.areas[value]))
            name = next((one for one in (value, *road_candidates(value)) if one in reference.roads), None)
            if name is not None:
                roads.append((at, reference.roads[name]))
                break
    return Links(roads, areas)


def _measure(reading: Reading, sample: Features, reference: Reference, linked: Links) -> Finding:
    shapes, accepted, _ = place(shapely.force_2d(sample.shapes), reading.crs, reading.datum, sample.ids)
    points = _middle(shapes)
    roads = [(at, shape) for at, shape in linked.roads if accepted[at]]
    areas = [(at, shape) for at, shape in linked.areas if accepted[at]]
    distances = _distances_m(points, roads)
    named = _covered(points, areas)
    flat = [(at, shape) for at, shape in areas if shapely.get_dimensions(shapes[at]) == 2]
    overlaps = [_iou(shapes[at], shape) for at, shape in flat]
    inside = None
    if reference.city is not None and len(points):
        ok = accepted & ~shapely.is_missing(points)
        inside = float(shapely.covers(reference.city, points[ok]).sum() / len(points))
    return Finding(
        reading=reading,
        in_china=float(accepted.mean()) if len(accepted) else 0.0,
        roads=len(roads),
        road_median_m=float(np.median(distances)) if len(distances) else None,
        named_areas=len(areas) - len(flat),
        named_area_share=float(np.mean([ok for (at, _), ok in zip(areas, named, strict=True)]))
        if len(areas) > len(flat)
        else None,
        polygons=len(flat),
        iou=float(np.median(overlaps)) if overlaps else None,
        known_area_share=inside,
    )


def _middle(shapes: NDArray[Any]) -> NDArray[Any]:
    """A point on each shape: of a line its middle, of a polygon one inside it."""
    points = shapes.copy()
    dimension = shapely.get_dimensions(shapes)
    lines = dimension == 1
    points[lines] = shapely.line_interpolate_point(shapely.line_merge(shapes[lines]), 0.5, normalized=True)
    points[dimension == 2] = shapely.point_on_surface(shapes[dimension == 2])
    several = shapely.get_type_id(points) != shapely.GeometryType.POINT
    points[several] = shapely.point_on_surface(points[several])
    return points


def _distances_m(points: NDArray[Any], linked: list[tuple[int, Any]]) -> NDArray[np.float64]:
    if not linked:
        return np.zeros(0)
    own = points[[at for at, _ in linked]]
    shrink = float(np.cos(np.radians(np.nanmedian(shapely.get_y(own)))))

    def metres(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return xy * (METRES_PER_DEGREE * shrink, METRES_PER_DEGREE)

    flat = {id(shape): shapely.transform(shape, metres) for _, shape in linked}
    roads = np.array([flat[id(shape)] for _, shape in linked], dtype=object)
    return np.asarray(shapely.distance(shapely.transform(own, metres), roads), dtype=np.float64)


def _covered(points: NDArray[Any], linked: list[tuple[int, Any]]) -> list[bool]:
    if not linked:
        return []
    shapes = np.array([shape for _, shape in linked], dtype=object)
    shapely.prepare(shapes)
    return [bool(one) for one in shapely.covers(shapes, points[[at for at, _ in linked]])]


def _iou(one: Any, other: Any) -> float:
    one = one if shapely.is_valid(one) else shapely.make_valid(one)
    whole = shapely.area(shapely.union(one, other))
    return float(shapely.area(shapely.intersection(one, other)) / whole) if whole else 0.0


def _of_datum(findings: list[Finding], datum: Datum) -> list[int]:
    return [at for at, one in enumerate(findings) if one.reading.datum == datum]


def _vote_roads(findings: list[Finding]) -> list[tuple[int, float, Text]]:
    """The reading that puts features nearest to the roads they name."""
    known = [(one.road_median_m, at) for at, one in enumerate(findings) if one.road_median_m is not None]
    if len(known) < 2:
        return []
    (near, best), (far, second) = sorted(known)[:2]
    number = findings[best].roads
    weight = min(1.0, (far / max(near, 5.0) - 1) / 2) * min(1.0, 150 / max(near, 1.0)) * number / (number + 5)
    other = findings[second].reading.label
    return [
        (
            best,
            weight,
            Text(
                f"{number} 个要素距同名道路中位数 {near:.0f} 米（按 {other} 为 {far:.0f} 米）",
                f"{number} features lie {near:.0f} m (median) from roads they name ({far:.0f} m as {other})",
            ),
        )
    ]


def _vote_iou(findings: list[Finding]) -> list[tuple[int, float, Text]]:
    """The reading in which named polygons cover the known ones best."""
    known = [(one.iou, at) for at, one in enumerate(findings) if one.iou is not None]
    if len(known) < 2:
        return []
    (high, best), (low, second) = sorted(known, reverse=True)[:2]
    number, other = findings[best].polygons, findings[second].reading.label
    weight = min(1.0, (high - low) / 0.1) * min(1.0, high / 0.8) * (1 - 0.3**number)
    return [
        (
            best,
            weight,
            Text(
                f"{number} 个面与同名区域重合度 {high:.3f}（按 {other} 为 {low:.3f}）",
                f"{number} polygons cover the areas of their names by {high:.3f} ({low:.3f} as {other})",
            ),
        )
    ]


def _vote_share(findings: list[Finding], share: str, count: str | None) -> list[tuple[int, float, Text]]:
    """The reading in which more features lie in the areas they name, or in any known area."""
    known = [(getattr(one, share), at) for at, one in enumerate(findings) if getattr(one, share) is not None]
    if len(known) < 2:
        return []
    ranked = sorted(known, key=lambda pair: (-pair[0], pair[1]))
    high, best = ranked[0]
    if count is None:
        ranked = [one for one in ranked if findings[one[1]].reading.crs != findings[best].reading.crs]
    else:
        del ranked[0]
    if not ranked or ranked[0][0] == high:
        return []
    low, second = ranked[0]
    other = findings[second].reading.label
    if count is None:
        # Whole districts hardly notice a shift of 500 m: this tells zones apart, not datums.
        weight = min(0.9, (high - low) / 0.5)
        words = Text(
            f"{high:.1%} 位于已知区域内（按 {other} 为 {low:.1%}）",
            f"{high:.1%} lie in known areas ({low:.1%} as {other})",
        )
    else:
        number = getattr(findings[best], count)
        weight = min(1.0, (high - low) / 0.1) * number / (number + 30)
        words = Text(
            f"{number} 个要素中 {high:.1%} 位于所写的区域（按 {other} 为 {low:.1%}）",
            f"of {number} features {high:.1%} lie in the area they name ({low:.1%} as {other})",
        )
    return [(best, weight, words)]


def _vote_names(findings: list[Finding], names: Sequence[str]) -> list[tuple[int, float, Text]]:
    for name in names:
        for datum, words in _DATUM_WORDS.items():
            at = _of_datum(findings, datum)
            if at and re.search(words, name, re.IGNORECASE):
                told = Text(f"名称“{name}”说是 {datum.upper()}", f"the name '{name}' says {datum.upper()}")
                return [(at[0], 0.85, told)]
    return []


def _digits(sample: Features, crs: CRS) -> tuple[float | None, int | None]:
    """Share on the grid of NMEA receivers, and the usual number of decimals; None unless degrees.

    Up to five decimals every number is on the grid (10^-5 degree is six steps), which says nothing.
    """
    if not crs.is_geographic:
        return None, None
    points = shapely.get_coordinates(sample.shapes)[:20_000]
    if not len(points) or not np.isfinite(points).all():
        return None, None
    steps = points * NMEA_STEPS
    # Six written decimals leave up to 0.3 of a step; seven and more leave less.
    decimals = _usual_decimals(points)
    slack = 0.31 if decimals <= 6 else 0.035
    off = np.abs(steps - np.round(steps))
    west, south, east, north = CHINA_BOX
    inside = (points[:, 0] > west) & (points[:, 0] < east) & (points[:, 1] > south) & (points[:, 1] < north)
    if not inside.any():
        return None, decimals
    return float((off[inside] <= slack).all(axis=1).mean()), decimals


def _usual_decimals(points: NDArray[np.float64]) -> int:
    texts = [format(value, ".15g").partition(".")[2] for value in points[:2_000].ravel()]
    return int(np.percentile([len(text) for text in texts], 75)) if texts else 0
