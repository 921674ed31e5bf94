"""A unit off duty is not where anybody looks: map, card, search; unless the group shows its last place."""

from command_center.live.city_state import CityState
from command_center.live.viewport import Reach, Viewport
from tests.command_center.city import EAST, City
from tests.command_center.conftest import Login
from tracking.signals import SOS

EVERYWHERE, EVERYBODY = Viewport.around(119.0, 29.0, 121.0, 31.0, 12.0), Reach((("", None),))


async def test_hidden_when_the_turn_is_over_and_back_by_rule_or_call_for_help(
    city: City, logged_in: Login
) -> None:
    unit = await city.unit("0001", EAST)
    await city.fix(unit, 120.01, 30.5)
    await city.run(
        "INSERT INTO roster (device_id, starts_at, ends_at)"
        " VALUES (:id, now() - interval '8 hours', now() + interval '1 hour')",
        id=unit,
    )
    operator = await logged_in("operator")
    state = CityState()

    async def shown() -> tuple[bool, bool, bool]:
        """On the map, on the card, among the places found."""
        async with city.engine.connect() as conn:
            await conn.execution_options(isolation_level="AUTOCOMMIT")
            await state.read_all(conn)
        card = (await operator.get(f"/api/v1/units/{unit}")).json()
        found = (await operator.get("/api/v1/search", params={"q": "采集员0001"})).json()
        on_map = len(state.table.full(EVERYBODY, EVERYWHERE, 1).columns.id) == 1
        return on_map, card["lon"] is not None, str(120.01) in str(found)

    assert await shown() == (True, True, True)
    await city.run("UPDATE roster SET ends_at = now() - interval '1 hour'")
    assert await shown() == (False, False, False)
    card = (await operator.get(f"/api/v1/units/{unit}")).json()
    assert (card["off_duty"], card["fix_time"], card["state"]) == (True, None, "offline")
    await city.run("UPDATE device_state SET signals = :sos", sos=SOS)
    assert await shown() == (True, True, True)
    assert (await operator.get(f"/api/v1/units/{unit}")).json()["signals"] == ["sos"]
    await city.run("UPDATE device_state SET signals = NULL")
    await city.run("UPDATE off_duty_rule SET on_map = 'last'")
    assert await shown() == (True, True, True)
    assert (await operator.get(f"/api/v1/units/{unit}")).json()["off_duty"]
