"""Every rule: in order, in disorder, in one go and from a file the same alerts."""

from pathlib import Path

import psycopg

from benchmarks import every_rule, oracle, scene


def test_all_ways_give_the_same_alerts(database_url: str, tmp_path: Path) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        scene.make_city(connection, side=10)
        scene.make_devices(connection, 48)
        figures = oracle.compare(connection, database_url, 24, tmp_path, track_fixes=500)
    assert figures["differences"] == []
    more = {"outside_grid", "crowd", "watched"}
    assert figures["by_rule"].keys() >= {*every_rule.RULES, *more} - {"night", "towed"}
    # Ends by a schedule depend on the hour at which this runs: ``test_ends.py`` has them.
    assert {"off_duty", "returned"} <= figures["by_end"].keys()
    assert figures["withdrawn"] > 0
