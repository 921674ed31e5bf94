"""Lists as CSV files that offices open in a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from fastapi import Response

from tracking.tracks import CIVIL_TIME

FORMULAS = ("=", "+", "-", "@", "\t")


def _cell(value: Any) -> Any:
    """Times by the clock in China; text that a spreadsheet would take for a formula is shown as text."""
    if isinstance(value, datetime):
        return f"{value.astimezone(CIVIL_TIME):%Y-%m-%d %H:%M:%S}"
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULAS) else value


def answer_csv(name: str, heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> Response:
    """With byte order mark, so that Excel reads the Chinese. ``name``: of the file, without its ending."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(heads)
    writer.writerows([_cell(value) for value in row] for row in rows)
    named = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}.csv"}
    return Response(("\ufeff" + out.getvalue()).encode(), media_type="text/csv; charset=utf-8", headers=named)
