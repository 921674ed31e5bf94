"""A district of two streets with one component class, and somebody who edits it."""

import httpx
import pytest_asyncio

from tests.command_center.city import City
from tests.command_center.conftest import Login


@pytest_asyncio.fixture
async def district(city: City) -> City:
    await city.run(
        "INSERT INTO area (code, level, name, parent_code, valid_from, source, source_key, geom)"
        " VALUES ('990102', 'district', '望川区', '990100', '2000-01-01', 'test', 'd',"
        " ST_Multi(ST_MakeEnvelope(119.95, 30.45, 120.05, 30.55, 4326)))"
    )
    await city.run(
        "INSERT INTO component_class (edition, code, class_name, name, geometry, accuracy_class)"
        " VALUES ('GBT30428.2-2013', '0101', '公用设施', '上水井盖', 'point', 'A')"
    )
    return city


@pytest_asyncio.fixture
async def editor(district: City, logged_in: Login) -> httpx.AsyncClient:
    return await logged_in("gis")
