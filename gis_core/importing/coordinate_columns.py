"""Which columns of a table hold coordinates, in which datum by their names, and how they are written."""

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.errors import ShapelyError

from gis_core.coordinates import Datum
from gis_core.importing.features import Column, object_column
from gis_core.importing.report import Issue, issue

_EAST = "lon|lng|long|longitude|经度|东经|x|x坐标|坐标x|横坐标|东坐标|easting|pointx|xcoord|coordx|gpsx|mapx"
_NORTH = "lat|latitude|纬度|北纬|y|y坐标|坐标y|纵坐标|北坐标|northing|pointy|ycoord|coordy|gpsy|mapy"
_BOTH = "坐标|经纬度|location|coordinate|coordinates|lnglat|lonlat|latlng|latlon|point"
_WKT = "wkt|geom|geometry|thegeom|shape|几何|wktgeom|geomwkt"
_DATUMS: dict[Datum, str] = {
    "wgs84": r"wgs84|wgs|gps|cgcs2000|国家2000|2000",
    "gcj02": r"gcj02|gcj|火星|高德|腾讯|amap|tencent|mars",
    "bd09": r"bd09(?:ll)?|bd|百度|baidu",
}
_ADDRESS = re.compile(r"address|addr|地址|住址|门牌|位置|地点", re.IGNORECASE)
_ORDER: dict[Datum | None, int] = {"wgs84": 0, None: 1, "gcj02": 2, "bd09": 3}


class CoordinateColumns(NamedTuple):
    """The chosen columns; ``y`` is None where one column holds both (``wkt`` or "lon,lat")."""

    x: str
    y: str | None
    wkt: bool
    datum: Datum | None
    """As the names say: ``gcj02_lng``; None where they say nothing."""

    @property
    def names(self) -> tuple[str, ...]:
        return (self.x,) if self.y is None else (self.x, self.y)


def _parted(name: str) -> tuple[str, Datum | None]:
    """A column's name without its datum, blanks and punctuation, and that datum."""
    plain = re.sub(r"[\s_\-./()（）\[\]:°]+", "", name.casefold())
    plain = re.sub(r"(?<=.)(?:度分秒|dms|十进制|小数|米)$", "", plain)
    for datum, words in _DATUMS.items():
        found = re.fullmatch(rf"(?:{words})(.+)|(.+?)(?:{words})", plain)
        if found:
            return found[1] or found[2], datum
    return plain, None


def find_coordinate_columns(names: Sequence[str]) -> CoordinateColumns | None:
    """The columns with coordinates by their names; WGS 84 before unnamed before shifted datums."""
    found: dict[tuple[str, Datum | None], str] = {}
    for name in names:
        word, datum = _parted(name)
        bare = re.sub(r"^(?:坐标|位置)(?=.)|(?<=.)(?:坐标|位置)$", "", word)
        for role, words in (("x", _EAST), ("y", _NORTH), ("both", _BOTH), ("wkt", _WKT)):
            if re.fullmatch(words, word) or (bare != word and role in "xy" and re.fullmatch(words, bare)):
                found.setdefault((role, datum), name)
    choices: list[tuple[int, CoordinateColumns]] = []
    for (role, datum), name in found.items():
        if role == "x" and ("y", datum) in found:
            pair = CoordinateColumns(name, found["y", datum], False, datum)
            choices.append((_ORDER[datum] * 3, pair))
        elif role in ("both", "wkt"):
            one = CoordinateColumns(name, None, role == "wkt", datum)
            choices.append((_ORDER[datum] * 3 + (2 if role == "both" else 1), one))
    return min(choices, key=lambda choice: choice[0])[1] if choices else None


def address_column(names: Sequence[str]) -> str | None:
    """The column that reads like addresses, if there is one."""
    return next((name for name in names if _ADDRESS.search(name)), None)


_DMS = re.compile(
    r"""(?P<before>[NSEW东西南北]\s*(?:经|纬)?)?\s*
    (?P<sign>[-+])?(?P<deg>\d+(?:\.\d+)?)\s*(?:°|度|d|:|-|\s)\s*
    (?:(?P<min>\d+(?:\.\d+)?)\s*(?:′|'|’|分|m|:|-|\s)?\s*)?
    (?:(?P<sec>\d+(?:\.\d+)?)\s*(?:″|"|”|''|′′|秒|s)?)?\s*
    (?P<after>[NSEW])?""",
    re.VERBOSE | re.IGNORECASE,
)
_DECIMAL = re.compile(
    r"(?P<before>[NSEW]|[东西]经|[南北]纬)?\s*(?P<deg>[-+]?\d+(?:\.\d+)?)\s*[°度]?\s*(?P<after>[NSEW])?", re.I
)
_NEGATIVE = frozenset("swSW西南")
_SIGNS = str.maketrans({"º": "°", "˚": "°", "`": "′", "´": "′", "‘": "′", "“": "″", "、": ",", "﹒": "."})
"""Look-alikes that Unicode does not count as compatible, or takes for letters."""
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+\.\d+|[-+]?\d{1,3}(?:,\d{3}){2,}|[-+]?[1-9]\d{2},\d{3}")


def _plain_signs(text: str) -> str:
    """Full-width digits and punctuation as ASCII, signs of degrees and minutes as one of each."""
    return unicodedata.normalize("NFKC", text.translate(_SIGNS)).strip()


def _with_point(text: str) -> str:
    """Without thousands separators, and with a point for a decimal comma."""
    if _THOUSANDS.fullmatch(text) and float(text.replace(",", "")) > 360_000:
        return text.replace(",", "")
    return text.replace(",", ".") if text.count(",") == 1 and "." not in text else text


def parse_coordinate(text: str) -> float | None:
    """Degrees or metres of one written coordinate: ``121.47``, ``E121.47``, ``121°28′12″``,
    ``121度28分12秒``, ``121:28:12``, ``121-28-12``, ``121 28 12``, ``121,47``. None where it is none."""
    text = _with_point(_plain_signs(text))
    match = _DECIMAL.fullmatch(text)
    if match:
        value = float(match["deg"])
    else:
        match = _DMS.fullmatch(text)
        if not match:
            return None
        minutes, seconds = float(match["min"] or 0), float(match["sec"] or 0)
        if minutes >= 60 or seconds >= 60:
            return None
        value = float(match["deg"]) + minutes / 60 + seconds / 3600
        if match["sign"] == "-":
            value = -value
    letters = f"{(match['before'] or '')[:1]}{match['after'] or ''}"
    return -value if _NEGATIVE & set(letters) else value


def _numbers(values: Column) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Coordinates, NaN where there is none, and which values are present but cannot be read."""
    try:
        # The usual case: every value is a plain number or blank.
        return values.astype(np.float64), np.zeros(len(values), dtype=bool)
    except (TypeError, ValueError):
        pass
    result = np.full(len(values), np.nan)
    for at, value in enumerate(values):
        if isinstance(value, int | float) and not isinstance(value, bool):
            result[at] = value
        elif value is not None:
            parsed = parse_coordinate(str(value))
            result[at] = np.nan if parsed is None else parsed
    return result, np.isnan(result) & np.array([value is not None for value in values], dtype=bool)


def shapes_of(
    columns: CoordinateColumns, fields: dict[str, Column], ids: Column
) -> tuple[Column, list[Issue]]:
    """Shapes of a table's rows, x first; None where the coordinates are blank or cannot be read."""
    if columns.y is None:
        return _shapes_of_one(fields[columns.x], ids)
    x, y = fields[columns.x], fields[columns.y]
    (east, bad_x), (north, bad_y) = _numbers(x), _numbers(y)
    shapes = shapely.points(east, north)
    shapes[np.isnan(east) | np.isnan(north)] = None
    return shapes, [
        issue(ids[at], "coordinate-unreadable", value=f"{x[at]}, {y[at]}")
        for at in np.flatnonzero(bad_x | bad_y)
    ]


def _shapes_of_one(values: Column, ids: Column) -> tuple[Column, list[Issue]]:
    shapes = object_column([None] * len(values))
    issues: list[Issue] = []
    for at, value in enumerate(values):
        if value is None:
            continue
        shapes[at] = parse_shape(str(value))
        if shapes[at] is None:
            issues.append(issue(ids[at], "coordinate-unreadable", value=str(value)[:60]))
    return shapes, issues


_WELL_KNOWN = re.compile(r"(?:SRID=\d+;)?\s*(?=[A-Za-z]{5,}\s*(?:Z|M|ZM)?\s*(?:\(|EMPTY))", re.IGNORECASE)
_HEX = re.compile(r"(?:\\\\?x)?((?:[0-9A-Fa-f]{2}){9,})")


def parse_shape(text: str) -> Any:
    """The shape written in one cell: WKT, EWKT, WKB in hexadecimal, GeoJSON, or "121.47,31.23" in any
    way to write two coordinates, latitude first too. None where it is none."""
    text = text.strip()
    try:
        known = _WELL_KNOWN.match(text)
        if known:
            return shapely.from_wkt(text[known.end() :])
        packed = _HEX.fullmatch(text)
        if packed:
            return shapely.set_srid(shapely.from_wkb(packed[1]), 0)
        if text.startswith("{"):
            return shapely.from_geojson(json.dumps(json.loads(text)))
    except (ShapelyError, ValueError):
        return None
    for first, second in _pairs(_plain_signs(text)):
        east, north = parse_coordinate(first), parse_coordinate(second)
        if east is not None and north is not None:
            return shapely.Point(east, north)
    return None


_LABEL = re.compile(
    r"(?:经度|纬度|longitude|latitude|lon|lng|lat|(?<![a-z])[xy](?![a-z]))\s*[:=]?\s*", re.IGNORECASE
)


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    """Ways to part two coordinates, the surest first."""
    text = _LABEL.sub("", text.strip("()[] ")).strip()
    for separator in (r"[;|/\t\n]", r",\s+|,(?=[^,]*$)|,(?=[NSEW东西南北])", ","):
        parts = [part.strip() for part in re.split(separator, text) if part.strip()]
        if len(parts) == 2:
            yield parts[0], parts[1]
    # With a height behind, and two decimal commas.
    parts = [part.strip() for part in text.split(",")]
    if len(parts) == 3:
        yield parts[0], parts[1]
    if len(parts) == 4:
        yield f"{parts[0]},{parts[1]}", f"{parts[2]},{parts[3]}"
    letters = re.split(
        r"(?<=[NSEW])\s*(?=[-+\d])|(?<=[\d°′″'\"分秒度])\s*(?=[NSEW东西南北]\s*[经纬\d])", text, flags=re.I
    )
    if len(letters) == 2:
        yield letters[0], letters[1]
    words = text.split()
    if len(words) in (2, 4, 6):
        half = len(words) // 2
        yield " ".join(words[:half]), " ".join(words[half:])
