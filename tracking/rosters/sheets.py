"""Shifts as a table: out to a spreadsheet and in again, with headings in Chinese or English."""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from tracking.rosters.shifts import QUERIES, ShiftRecord

MOST_ROWS = 5_000
HEADINGS: dict[str, str] = {
    "id": "编号",
    "name": "名称",
    "device": "设备号",
    "person": "人员",
    "grid": "责任网格编码",
    "route": "路线编码",
    "days": "星期",
    "since": "开始时间",
    "until": "结束时间",
    "first_day": "开始日期",
    "last_day": "结束日期",
    "cycle_days": "周期天数",
    "skipped": "停班日期",
    "enabled": "启用",
}
_BY_HEADING = {heading: name for name, heading in HEADINGS.items()} | {name: name for name in HEADINGS}
_RISKY = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is a formula to a spreadsheet."""


@dataclass(frozen=True, slots=True)
class BadCell:
    """``row``: of the sheet, the heading is 1."""

    row: int
    column: str
    reason_zh: str
    reason: str


class _Wrong(ValueError):
    def __init__(self, reason_zh: str, reason: str) -> None:
        super().__init__(reason)
        self.reason_zh, self.reason = reason_zh, reason


def write(shifts: Iterable[ShiftRecord], *, chinese: bool) -> str:
    """CSV with a byte-order mark, so that spreadsheets see UTF-8."""
    out = io.StringIO()
    out.write("\ufeff")
    writer = csv.writer(out)
    writer.writerow(HEADINGS.values() if chinese else HEADINGS.keys())
    for shift in shifts:
        writer.writerow(
            (
                shift.id,
                _plain(shift.name),
                _plain(shift.device_key or ""),
                _plain("" if shift.person_id is None else shift.person_login or shift.holder or ""),
                _plain(shift.grid_code or ""),
                _plain(shift.route_code or ""),
                ",".join(map(str, shift.days)),
                f"{shift.since:%H:%M}",
                f"{shift.until:%H:%M}",
                shift.first_day,
                shift.last_day or "",
                shift.cycle_days,
                ";".join(map(str, shift.skipped)),
                1 if shift.enabled else 0,
            )
        )
    return out.getvalue()


def _plain(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_RISKY) else cell


def decode(content: bytes) -> str:
    """UTF-8, or what Excel writes in China."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("gb18030", "replace")


def read(text: str) -> tuple[list[dict[str, Any]], list[BadCell]]:
    """Rows by column name (``device``, ``person``, ``grid`` and ``route`` still as written), and what is
    wrong. A row with a wrong cell is left out."""
    plain = re.sub(r"\r\n?", "\n", text.lstrip("\ufeff")).replace("\0", "")
    try:
        heading, *lines = [*csv.reader(io.StringIO(plain))] or [[]]
    except csv.Error as error:
        return [], [BadCell(1, "", "不是有效的 CSV", str(error))]
    names = [_BY_HEADING.get(cell.strip()) for cell in heading]
    missing = [name for name in ("name", "days", "since", "until", "first_day") if name not in names]
    if missing:
        told = "、".join(HEADINGS[name] for name in missing)
        return [], [BadCell(1, ", ".join(missing), f"缺少列 {told}", "column missing")]
    rows: list[dict[str, Any]] = []
    bad: list[BadCell] = []
    for number, cells in enumerate(lines, start=2):
        if not any(cell.strip() for cell in cells):
            continue
        if number > MOST_ROWS + 1:
            bad.append(BadCell(number, "", f"最多 {MOST_ROWS} 行", f"at most {MOST_ROWS} rows"))
            break
        cells_told = {
            name: cell.strip().removeprefix("'") for name, cell in zip(names, cells, strict=False) if name
        }
        row, wrong = _row(number, cells_told)
        bad += wrong
        if not wrong:
            rows.append(row)
    return rows, bad


def _row(number: int, told: Mapping[str, str]) -> tuple[dict[str, Any], list[BadCell]]:
    row: dict[str, Any] = {"row": number}
    bad: list[BadCell] = []
    for name in HEADINGS:
        try:
            row[name] = _cell(name, told.get(name, ""))
        except _Wrong as error:
            bad.append(BadCell(number, name, error.reason_zh, error.reason))
        except ValueError:
            bad.append(BadCell(number, name, f"无法识别“{told.get(name, '')[:40]}”", "cannot be read"))
    return row, bad


def _cell(name: str, cell: str) -> Any:
    match name:
        case "days":
            return days_of(cell)
        case "since" | "until":
            return _time_of(cell)
        case "first_day":
            return _date_of(cell)
        case "last_day":
            return _date_of(cell) if cell else None
        case "skipped":
            return [_date_of(part) for part in re.split(r"[;；,，\s]+", cell) if part]
        case "cycle_days":
            return int(cell) if cell else 7
        case "enabled":
            return cell.lower() not in ("0", "false", "no", "否", "停用")
        case "id":
            return int(cell) if cell else None
        case "name":
            if not 0 < len(cell) <= 64:
                raise _Wrong("名称须为 1 至 64 字", "1 to 64 characters")
            return cell
        case _:
            return cell or None


_WEEK = {sign: number for number, sign in enumerate("一二三四五六日", start=1)} | {"天": 7}


def days_of(cell: str) -> list[int]:
    """``1-5``, ``1,3,5``, ``周一至周五``, ``一三五``, ``每天``. Raises ValueError."""
    text = re.sub(r"星期|礼拜|周|\s", "", cell)
    if text in ("每天", "每日", "*"):
        return list(range(1, 8))
    text = "".join(str(_WEEK[sign]) + "," if sign in _WEEK else sign for sign in text)
    text = re.sub(r",?(至|到|-|~|—)", "-", text)
    found: set[int] = set()
    for part in filter(None, re.split(r"[,，、;；]+", text)):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1)) if int(last or first) <= 60 else {99}
    if not found or min(found) < 1 or max(found) > 60:
        raise _Wrong("须为 1 至 7，或周期内的天数", "days from 1 to 7, or of the cycle")
    return sorted(found)


def _time_of(cell: str) -> time:
    found = re.fullmatch(r"(\d{1,2})[:：](\d{2})(?::00)?", cell)
    if not found:
        raise _Wrong("时间须如 08:00", "a time such as 08:00")
    hour = int(found[1])
    return time(0 if hour == 24 and found[2] == "00" else hour, int(found[2]))


def _date_of(cell: str) -> date:
    found = re.fullmatch(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?", cell)
    if not found:
        raise _Wrong("日期须如 2026-01-31", "a date such as 2026-01-31")
    return date(*map(int, found.groups()))


async def resolve(conn: AsyncConnection, rows: Sequence[dict[str, Any]]) -> list[BadCell]:
    """Put ids in place of keys, names and codes; what is not known."""
    bad: list[BadCell] = []
    for column, target, query in (
        ("device", "device_id", "devices_by_keys"),
        ("person", "person_id", "persons_by_names"),
        ("grid", "responsibility_grid_id", "grids_by_codes"),
        ("route", "route_id", "routes_by_codes"),
    ):
        names = sorted({row[column] for row in rows if row[column]})
        rows_known = (await conn.execute(QUERIES[query], {"names": names})).all()
        known: dict[str, int] = {row[0]: row[1] for row in rows_known}
        for row in rows:
            name = row.pop(column)
            row[target] = known.get(name) if name else None
            if name and row[target] is None:
                bad.append(BadCell(row["row"], column, f"没有“{name}”，或不止一个", "not known, or several"))
    return bad
