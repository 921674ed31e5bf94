"""A large gazetteer in a process takes up what is committed without being read anew."""

import time
from collections.abc import Callable, Iterator

import psycopg
import pytest

from geocoding.answers import Answer, geocode
from geocoding.calibration import FEATURES_VERSION
from geocoding.grammar.lexicon import ROAD
from geocoding.index.entries import Entry
from geocoding.live import LOADED_AT_ONCE, Keeper
from geocoding.store import calibration_outdated, save_entries

ROADS, DOORS = 120, 200


@pytest.fixture
def large(database_url: str) -> Iterator[tuple[Keeper, psycopg.Connection]]:
    """24,000 doors on 120 straight roads, and a keeper that has read them."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO gazetteer_source (id, key, quality) VALUES (1, 'survey', 0.9)")
        connection.execute(
            """
            INSERT INTO gazetteer_entry (source_id, source_key, part, base, kind, number, unit, mark, upto,
                                         tail, district, town, community, display, lon, lat)
            SELECT 1, r || '-' || n, 0, '云锦' || chr(19968 + r * 7) || '路', 32, n, 'door', '', 0, '',
                   '望川区', '', '', '', 120 + n * 0.0001, 30 + r * 0.01
              FROM generate_series(1, %s) AS r, generate_series(1, %s) AS n
            """,
            (ROADS, DOORS),
        )
        keeper = Keeper(database_url)
        keeper.start()
        wait(lambda: keeper._state is not None)
        yield keeper, connection
        keeper.stop()


def wait(true: Callable[[], bool]) -> None:
    """Until it is so; half a minute at most."""
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def ask(keeper: Keeper, text: str) -> Answer:
    state = keeper.state
    return geocode(state.gazetteer, state.calibration, text)


def add(connection: psycopg.Connection, base: str, number: int, lon: float, lat: float) -> None:
    with connection.transaction():
        connection.execute(
            """
            INSERT INTO gazetteer_entry (source_id, source_key, part, base, kind, number, unit, mark, upto,
                                         tail, district, town, community, display, lon, lat)
            VALUES (1, %(base)s || %(number)s, 0, %(base)s, 32, %(number)s, 'door', '', 0, '', '望川区', '',
                    '', '', %(lon)s, %(lat)s)
            """,
            {"base": base, "number": number, "lon": lon, "lat": lat},
        )
        connection.execute("SELECT pg_notify('wanmi_gazetteer', 'changed')")


def test_new_doors_and_new_roads_are_laid_over(large: tuple[Keeper, psycopg.Connection]) -> None:
    keeper, connection = large
    gazetteer = keeper.state.gazetteer
    assert gazetteer.size == ROADS * DOORS > LOADED_AT_ONCE
    road = gazetteer.bases.texts[5]
    assert ask(keeper, "采莲路12号").status == "not_found"
    add(connection, "采莲路", 12, 120.5, 30.5)
    add(connection, road, DOORS + 56, 120.03, 30.2)
    wait(lambda: ask(keeper, "采莲路12号").status != "not_found")
    wait(lambda: (best := ask(keeper, f"{road}{DOORS + 56}号").best) is not None and best.level == "door")
    # The index itself stayed: only the two roads were read.
    assert keeper.state.gazetteer is gazetteer
    assert len(gazetteer.overlay) == 2
    known, between = ask(keeper, f"望川区{road}100号").best, ask(keeper, f"{road}{DOORS + 20}号").best
    assert known is not None
    assert known.level == "door"
    assert between is not None
    assert between.level == "interpolated"
    # A road that moves is found where it is now.
    road = gazetteer.bases.texts[9]
    with connection.transaction():
        connection.execute(
            "UPDATE gazetteer_entry SET lat = lat + 0.001, changed_xid = pg_current_xact_id()::text::bigint"
            " WHERE base = %s",
            (road,),
        )
        connection.execute("SELECT pg_notify('wanmi_gazetteer', 'changed')")
    row = connection.execute(
        "SELECT lat FROM gazetteer_entry WHERE base = %s AND number = 7", (road,)
    ).fetchone()
    assert row is not None
    wait(lambda: (best := ask(keeper, f"{road}7号").best) is not None and abs(best.lat - row[0]) < 1e-5)


@pytest.mark.parametrize(
    "old",
    [
        '{"chance": {"known": [1]}, "error": {"known": [1]}, "knots": [], "threshold": 0, "report": {}}',
        f'{{"chance": {{}}, "error": {{}}, "threshold": 0, "report": {{}}, "features": {FEATURES_VERSION}}}',
        "{}",
    ],
)
def test_a_calibration_of_an_earlier_engine_is_made_anew(database_url: str, old: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO gazetteer_source (id, key, quality) VALUES (1, 'survey', 0.9)")
        connection.execute(
            "INSERT INTO gazetteer_entry (source_id, source_key, part, base, kind, number, unit, mark, upto,"
            " tail, district, town, community, display, lon, lat)"
            " SELECT 1, r || '-' || n, 0, '云' || chr(19968 + r * 7) || '路', 32, n, 'door', '', 0, '', '',"
            " '', '', '', 120 + n * 0.0001, 30 + r * 0.01 FROM generate_series(1, 12) AS r,"
            " generate_series(1, 60) AS n"
        )
        connection.execute("INSERT INTO geocode_calibration (entries, model) VALUES (600, %s)", (old,))
        keeper = Keeper(database_url)
        keeper.start()
        try:
            wait(lambda: keeper._state is not None and keeper.state.calibration.report != {})
            assert not calibration_outdated(connection)
            assert all(len(weights) > 1 for weights in keeper.state.calibration.chance.values())
        finally:
            keeper.stop()


def test_what_changes_in_the_city_s_layers_reaches_the_answers(
    large: tuple[Keeper, psycopg.Connection],
) -> None:
    keeper, connection = large
    lon, lat = 120.005, 30.05
    assert keeper.state.areas.at(lon, lat)["grid_code"] == ""
    gazetteer = keeper.state.gazetteer
    with connection.transaction():
        connection.execute(
            "INSERT INTO unit_grid (code, community_code, area_m2, initial_date, geom)"
            " VALUES ('990102001001001', '990102001001', 10000, '2020-01-01',"
            " ST_Expand(ST_Point(%s, %s, 4326), 0.001))",
            (lon, lat),
        )
        connection.execute("SELECT bump_layers(ARRAY['unit_grid', 'unit_grid_label'])")
    wait(lambda: keeper.state.areas.at(lon, lat)["grid_code"] == "990102001001001")
    # Points are looked up in the new grids; the index itself stayed.
    assert keeper.state.gazetteer is gazetteer
    assert ask(keeper, "澄湖").status == "not_found"
    with connection.transaction():
        connection.execute(
            "INSERT INTO land_cover (kind, name, source, source_key, geom) VALUES"
            " ('water', '澄湖', 't', 'a', ST_Multi(ST_Expand(ST_Point(120.3, 30.3, 4326), 0.004)))"
        )
        connection.execute("SELECT bump_layers(ARRAY['land_cover'])")
    wait(lambda: ask(keeper, "澄湖").best is not None)
    lake = ask(keeper, "澄湖").best
    assert lake is not None
    assert (lake.level, lake.lon, lake.lat) == ("place", pytest.approx(120.3), pytest.approx(30.3))
    assert lake.error_m > 300.0
    assert lake.confidence < 0.9


def test_what_cannot_be_read_does_not_end_the_reading(
    large: tuple[Keeper, psycopg.Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper, connection = large
    before = keeper.state
    failed: list[str] = []

    def broken(*_: object) -> None:
        failed.append("read")
        raise KeyError("a row nobody thought of")

    with monkeypatch.context() as patch:
        patch.setattr("geocoding.live.load_callers", broken)
        connection.execute("SELECT pg_notify('wanmi_gazetteer', 'reload')")
        wait(lambda: failed != [])
        assert keeper.state is before
        assert ask(keeper, f"{before.gazetteer.bases.texts[5]}7号").best is not None
    wait(lambda: keeper.state is not before)
    assert keeper._thread.is_alive()


def test_a_row_that_now_tells_another_place_leaves_the_old_one(
    large: tuple[Keeper, psycopg.Connection],
) -> None:
    keeper, connection = large

    def tell(base: str) -> None:
        entry = Entry(
            "moved", base, ROAD, 12, "door", "", 0, "", "望川区", "", "", 120.5, 30.5, f"{base}12号"
        )
        with psycopg.connect(connection.info.dsn, password=connection.info.password) as importing:
            save_entries(importing, 1, [entry])

    tell("采莲路")
    wait(lambda: ask(keeper, "采莲路12号").status != "not_found")
    tell("听松路")
    wait(lambda: ask(keeper, "听松路12号").status != "not_found")
    wait(lambda: ask(keeper, "采莲路12号").status == "not_found")
