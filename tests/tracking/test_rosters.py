"""Recurring windows of duty against the calendar by hand, over midnight and over months; sheets."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Json

from benchmarks import scene
from tracking.rosters import sheets

CHINA = ZoneInfo("Asia/Shanghai")
WINDOWS = """
SELECT w.day, w.starts_at, w.ends_at
  FROM shift_windows((SELECT s FROM jsonb_populate_record(NULL::shift, CAST(%s AS jsonb)) AS s), %s, %s) AS w
 ORDER BY w.day
"""


@pytest.fixture(scope="module")
def shared(cluster: Any, template_db: str) -> Iterator[psycopg.Connection[Any]]:
    """The functions are pure: any migrated database will do, and nothing is written."""
    name = "t_windows"
    with psycopg.connect(cluster.url("postgres", superuser=True), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} OWNER wanmi TEMPLATE {template_db} STRATEGY FILE_COPY")
        with psycopg.connect(cluster.url(name), autocommit=True) as made:
            yield made
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


moments = st.times().map(lambda moment: moment.replace(second=0, microsecond=0))
days = st.dates(date(1995, 1, 1), date(2060, 12, 31))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    since=moments,
    until=moments,
    cycle=st.integers(1, 9),
    chosen=st.sets(st.integers(1, 9), min_size=1),
    first=days,
    length=st.none() | st.integers(0, 40),
    asked=st.tuples(st.integers(-20, 20), st.integers(0, 30)),
    skipped=st.sets(st.integers(0, 30), max_size=3),
)
def test_windows_are_those_of_the_calendar(
    shared: psycopg.Connection[Any],
    since: time,
    until: time,
    cycle: int,
    chosen: set[int],
    first: date,
    length: int | None,
    asked: tuple[int, int],
    skipped: set[int],
) -> None:
    wanted = sorted(day for day in chosen if day <= cycle) or [1]
    last = None if length is None else first + timedelta(days=length)
    left_out = [first + timedelta(days=n) for n in skipped]
    begin = first + timedelta(days=asked[0])
    end = begin + timedelta(days=asked[1])
    row = {
        **{"enabled": True, "cycle_days": cycle, "days": wanted, "since": str(since), "until": str(until)},
        **{"first_day": str(first), "last_day": None if last is None else str(last)},
        "skipped": [str(day) for day in left_out],
    }
    expected = []
    day = begin
    while day <= end:
        number = day.isoweekday() if cycle == 7 else (day - first).days % cycle + 1
        if day >= first and (last is None or day <= last) and number in wanted and day not in left_out:
            start = datetime.combine(day, since, CHINA)
            ends = datetime.combine(day + timedelta(days=int(until <= since)), until, CHINA)
            expected.append((day, start, ends))
        day += timedelta(days=1)
    found = shared.execute(WINDOWS, [Json(row), begin, end]).fetchall()
    assert found == expected
    assert all(timedelta() < ends - start <= timedelta(days=1) for _, start, ends in found)


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as made:
        scene.make_city(made, side=10)
        scene.make_devices(made, 3, on_duty=False)
        made.execute(
            """INSERT INTO person (name, org_unit_id, area_code)
               SELECT n, id, '990102001' FROM org_unit, (VALUES ('甲'), ('乙')) AS v (n);
               UPDATE device SET person_id = 1 WHERE key = 'd0';
               UPDATE device SET person_id = 2 WHERE key = 'd1'"""
        )
        yield made


def add(connection: psycopg.Connection[Any], **values: Any) -> int:
    """A shift around the clock, every day."""
    told = {
        **{"name": "班", "area_code": "990102001", "days": [1, 2, 3, 4, 5, 6, 7], "since": "00:00"},
        **{"until": "00:00", "first_day": date(2020, 1, 1)},
        **values,
    }
    names = ", ".join(told)
    places = ", ".join(["%s"] * len(told))
    row = connection.execute(
        f"INSERT INTO shift ({names}) VALUES ({places}) RETURNING id", list(told.values())
    ).fetchone()
    assert row is not None
    connection.execute("SELECT roster_fill(ARRAY[%s])", [row[0]])
    return int(row[0])


def on_duty(connection: psycopg.Connection[Any]) -> set[str]:
    rows = connection.execute(
        "SELECT d.key FROM roster r JOIN device d ON d.id = r.device_id"
        " WHERE now() >= r.starts_at AND now() < r.ends_at"
    )
    return {row[0] for row in rows}


def test_turns_follow_shift_person_and_grid_and_the_past_stays(connection: psycopg.Connection[Any]) -> None:
    mine = add(connection, person_id=1)
    assert on_duty(connection) == {"d0"}
    count = connection.execute("SELECT count(*) FROM roster").fetchone()
    assert count in ((36,), (37,))
    connection.execute("SELECT roster_fill(NULL); SELECT roster_fill(NULL)")
    assert connection.execute("SELECT count(*) FROM roster").fetchone() == count, "drawn up once"
    connection.execute("UPDATE device SET person_id = NULL WHERE key = 'd0'")
    assert on_duty(connection) == set()
    connection.execute("UPDATE device SET person_id = 1 WHERE key = 'd2'")
    assert on_duty(connection) == {"d2"}
    connection.execute(
        """INSERT INTO responsibility_grid_person (responsibility_grid_id, person_id, valid_from)
           VALUES (1, 2, '2020-01-01')"""
    )
    add(connection, responsibility_grid_id=1)
    assert on_duty(connection) == {"d1", "d2"}
    connection.execute("UPDATE responsibility_grid_person SET valid_to = '2020-02-02'")
    assert on_duty(connection) == {"d2"}
    connection.execute("UPDATE responsibility_grid_person SET valid_to = NULL")
    assert on_duty(connection) == {"d1", "d2"}
    grids = connection.execute("SELECT DISTINCT responsibility_grid_id FROM roster WHERE device_id = 2")
    assert grids.fetchall() == [(1,)]
    connection.execute("UPDATE shift SET enabled = false WHERE id = %s", [mine])
    connection.execute("SELECT roster_fill(ARRAY[%s])", [mine])
    assert on_duty(connection) == {"d1"}
    left = connection.execute("SELECT count(*) FROM roster WHERE shift_id = %s AND ends_at > now()", [mine])
    assert left.fetchone() == (0,)


def test_a_shorter_shift_ends_the_turn_that_goes_on(connection: psycopg.Connection[Any]) -> None:
    shift = add(connection, device_id=1)
    connection.execute("UPDATE shift SET last_day = '2020-01-02' WHERE id = %s", [shift])
    connection.execute("SELECT roster_fill(ARRAY[%s])", [shift])
    assert on_duty(connection) == set()
    assert connection.execute("SELECT count(*) FROM roster WHERE ends_at <= now()").fetchone() == (1,)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("1-5", [1, 2, 3, 4, 5]),
        ("周一至周五", [1, 2, 3, 4, 5]),
        ("一三五", [1, 3, 5]),
        ("星期六、星期日", [6, 7]),
        ("周一到周三，周日", [1, 2, 3, 7]),
        ("每天", [1, 2, 3, 4, 5, 6, 7]),
        ("1,9;12", [1, 9, 12]),
    ],
)
def test_days_as_people_write_them(cell: str, expected: list[int]) -> None:
    assert sheets.days_of(cell) == expected


def test_a_sheet_of_excel_in_china_with_faults() -> None:
    text = (
        "名称,人员,星期,开始时间,结束时间,开始日期,停班日期\r\n"
        "早班,甲,周一至周五,6:00,14:00,2026/3/1,2026-10-01；2026-10-02\r\n"
        "\r\n"
        "夜班,乙,每天,22:00,6点,2026-13-01,\r\n"
    )
    rows, bad = sheets.read(sheets.decode(text.encode("gb18030")))
    assert [(row["row"], row["name"], row["days"], row["since"]) for row in rows] == [
        (2, "早班", [1, 2, 3, 4, 5], time(6))
    ]
    assert rows[0]["skipped"] == [date(2026, 10, 1), date(2026, 10, 2)]
    assert [(cell.row, cell.column) for cell in bad] == [(4, "until"), (4, "first_day")]
    assert sheets.read("a,b\n1,2")[1][0].row == 1


@given(st.text(max_size=300))
def test_no_text_breaks_the_reader(text: str) -> None:
    sheets.read("name,days,since,until,first_day\n" + text)
