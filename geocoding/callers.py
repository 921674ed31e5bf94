"""Where a caller's telephone stands: prefixes of fixed lines, each with the area that its exchange serves.

A weak hint: people call about places elsewhere. It only chooses between places of one name, and only where
neither a district nor the map's centre is told.
"""

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from geocoding.sheets import UnreadableTable, rows_of
from geocoding.store import Connection, sql
from geocoding.tables import column_at
from gis_core.errors import BadInput, NotFound

SHORTEST, LONGEST = 2, 12
"""Digits of a prefix."""
_LOCAL = (7, 8)
"""Digits of a subscriber's number."""


class CallerArea(NamedTuple):
    """``lon``, ``lat``: a point inside the area."""

    name: str
    lon: float
    lat: float


def digits_of(number: str) -> str:
    """The number in its national form, without the trunk zero: ``+86 21 6321 1234`` and ``021-63211234`` are
    ``2163211234``; ``63211234`` stays as it is."""
    digits = re.sub(r"\D", "", unicodedata.normalize("NFKC", number))
    for country in ("0086", "86"):
        if digits.startswith(country) and len(digits) >= 12:
            digits = digits.removeprefix(country)
            break
    return digits.removeprefix("0")


class Callers:
    """Finds the area of a number by the longest prefix that is known."""

    def __init__(self, areas: dict[str, CallerArea]) -> None:
        self._areas = areas

    def area_of(self, number: str) -> CallerArea | None:
        """None for a number that no prefix stands for, as most mobile numbers."""
        national = digits_of(number)
        forms = [national]
        if not national.startswith("1"):
            forms += [national[code:] for code in (2, 3) if len(national) - code in _LOCAL]
        for form in forms:
            for length in range(min(LONGEST, len(form)), SHORTEST - 1, -1):
                found = self._areas.get(form[:length])
                if found is not None:
                    return found
        return None


def load_callers(connection: Connection) -> Callers:
    """The prefixes whose area is in force and has a shape."""
    return Callers({row[0]: CallerArea(*row[1:]) for row in connection.execute(sql("callers"))})


def prefix_of(text: str) -> str:
    """A prefix as it is kept. Raises BadInput."""
    prefix = digits_of(text)
    if not SHORTEST <= len(prefix) <= LONGEST:
        raise BadInput(
            field="prefix",
            reason_zh=f"应为 {SHORTEST} 到 {LONGEST} 位数字",
            reason=f"{SHORTEST} to {LONGEST} digits",
        )
    return prefix


def import_callers(connection: Connection, path: Path, prefix_column: str, area_column: str) -> int:
    """Take prefixes and areas (code or name) from a table; commits. Answers how many.

    Raises NotFound for an area that is not known and BadInput for a name that several areas have.
    """
    lines = rows_of(path)
    header = next(lines, None)
    if header is None:
        raise UnreadableTable.of(path, "文件是空的", "the file is empty")
    prefix_at, area_at = column_at(header, prefix_column), column_at(header, area_column)
    rows = [(row[prefix_at], row[area_at].strip()) for row in lines if len(row) > max(prefix_at, area_at)]
    codes = _codes(connection, {area for _, area in rows})
    with connection.cursor() as cursor:
        cursor.executemany(
            sql("caller_put"),
            [{"prefix": prefix_of(prefix), "area_code": codes[area]} for prefix, area in rows],
        )
        cursor.execute(sql("notify"), {"what": "callers"})
    connection.commit()
    return len(rows)


def _codes(connection: Connection, areas: Iterable[str]) -> dict[str, str]:
    wanted = sorted(areas)
    found: dict[str, list[str]] = {area: [] for area in wanted}
    for area, code in connection.execute(sql("area_codes"), {"areas": wanted}):
        found[area].append(code)
    for area, codes in found.items():
        if len(codes) > 1:
            raise BadInput(
                field=area,
                reason_zh=f"有多个同名区域，请写编码：{'、'.join(codes)}",
                reason=f"several areas have this name; write the code: {', '.join(codes)}",
            )
        if not codes:
            raise NotFound(key=area, kind="area", kind_zh="区域")
    return {area: codes[0] for area, codes in found.items()}
