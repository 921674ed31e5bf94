"""Class lists: what ships is sound, editions stand side by side, wrong lines are told."""

import psycopg
import pytest

from gis_core.dictionaries.lists import ListWrong, read_class_list, shipped_events, store_class_list

LOCAL = (
    "大类代码,小类代码,大类名称,小类名称,立案条件,核心区\n"
    "04,99,街面秩序,共享单车乱停,影响通行,2WH\n"
    "04,99,街面秩序,共享单车乱停,倒伏,4WH\n"
)


def test_the_shipped_events() -> None:
    events = shipped_events()
    editions = {one[0] for one in events.classes}
    assert editions == {"GBT30428.2-2013", "CJT214-2007"}
    names = {(one[0], one[1][:2]): one[2] for one in events.classes if one[1]}
    assert names["GBT30428.2-2013", "04"] == names["CJT214-2007", "05"] == "街面秩序"
    assert {one[:2] for one in events.conditions} == {one[:2] for one in events.classes}


def test_editions_side_by_side(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        store_class_list(connection, shipped_events())
        for _ in range(2):
            assert store_class_list(connection, read_class_list(LOCAL, "event", "LOCAL-2026")) == 1
        count = "SELECT count(*) FROM event_class WHERE edition = %s"
        assert connection.execute(count, ("CJT214-2007",)).fetchone() == (50,)
        limits = connection.execute(
            "SELECT number, limit_core FROM filing_condition WHERE edition = 'LOCAL-2026' ORDER BY number"
        )
        assert limits.fetchall() == [(1, "2WH"), (2, "4WH")]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("名称\n甲\n", 1),
        ("code,name\n1,甲\n", 2),
        ("code,name\n0101,甲\n0101,乙\n", 3),
        ("code,name,filing,limit_core\n0101,甲,破损,2 days\n", 2),
        ("code,name,geometry\n0101,甲,cube\n", 2),
    ],
)
def test_a_wrong_line_is_told(text: str, line: int) -> None:
    with pytest.raises(ListWrong) as refused:
        read_class_list(text, "event", "LOCAL")
    assert refused.value.members["line"] == line
