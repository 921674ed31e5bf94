"""People, a running application and clients for its tests."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from sqlalchemy import text

from command_center.app import AppSettings, create_app
from command_center.settings import WebSettings
from command_center.worker import prepare_job_tables
from gis_core.identity.passwords import hash_password
from gis_core.identity.settings import IdentitySettings
from gis_core.settings import DatabaseSettings, StorageSettings
from tests.command_center.city import City

PASSWORD = "Reed-Harbour-27"
ORIGIN = "http://wanmi.test"
Login = Callable[..., Awaitable[httpx.AsyncClient]]


@pytest.fixture
def webdist(tmp_path: Path) -> Path:
    folder = tmp_path / "webdist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>wall</title>", encoding="utf-8")
    (folder / "assets" / "index-3f9c.js").write_text("export const wall = 1;" * 200, encoding="utf-8")
    (folder / "favicon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>", encoding="utf-8")
    return folder


@pytest.fixture
def app_settings(database_url: str, secret_key: str, tmp_path: Path, webdist: Path) -> AppSettings:
    return AppSettings(
        database=DatabaseSettings(database_url=database_url),
        storage=StorageSettings(data_dir=tmp_path, secret_key=secret_key),
        identity=IdentitySettings(password_iterations=1000),
        web=WebSettings(webdist=webdist),
    )


@pytest_asyncio.fixture
async def app(app_settings: AppSettings) -> AsyncIterator[FastAPI]:
    """The whole application with its lifespan running."""
    made = create_app(app_settings)
    async with made.router.lifespan_context(made):
        yield made


@dataclass(frozen=True)
class People:
    """Makes organisations and people straight in the database."""

    app: FastAPI

    async def add(
        self, login: str, *roles: str, area_code: str | None = None, org_unit_id: int | None = None
    ) -> int:
        """A person of the demo district with these roles, and ``PASSWORD``."""
        async with self.app.state.engine.begin() as conn:
            await conn.execute(
                text(
                    "INSERT INTO org_unit (code, name, kind, area_code)"
                    " VALUES ('C', '指挥中心', 'centre', '990102') ON CONFLICT (code) DO NOTHING"
                )
            )
            person_id = await conn.scalar(
                text(
                    "INSERT INTO person (login, name, org_unit_id, area_code, password)"
                    " SELECT :login, :login, id, '990102', :password FROM org_unit WHERE code = 'C'"
                    " RETURNING id"
                ),
                {"login": login, "password": hash_password(PASSWORD, iterations=1000)},
            )
            for role in roles:
                await conn.execute(
                    text(
                        "INSERT INTO role_grant (person_id, role_key, area_code, org_unit_id)"
                        " VALUES (:person_id, :role, :area_code, :org_unit_id)"
                    ),
                    {
                        "person_id": person_id,
                        "role": role,
                        "area_code": area_code,
                        "org_unit_id": org_unit_id,
                    },
                )
        return int(person_id)


@pytest.fixture
def people(app: FastAPI) -> People:
    return People(app)


@pytest_asyncio.fixture
async def new_client(app: FastAPI) -> AsyncIterator[Callable[[], httpx.AsyncClient]]:
    """Makes clients that speak to the application without a socket, from 192.0.2.7."""
    made: list[httpx.AsyncClient] = []

    def make() -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=app, client=("192.0.2.7", 4711), raise_app_exceptions=False)
        made.append(httpx.AsyncClient(transport=transport, base_url=ORIGIN))
        return made[-1]

    yield make
    for client in made:
        await client.aclose()


@pytest.fixture
def client(new_client: Callable[[], httpx.AsyncClient]) -> httpx.AsyncClient:
    return new_client()


@pytest.fixture
def logged_in(people: People, new_client: Callable[[], httpx.AsyncClient]) -> Login:
    """``await logged_in("operator")``: a client whose session belongs to a new person of that role."""

    async def make(*roles: str, login: str | None = None, area_code: str | None = None) -> httpx.AsyncClient:
        name = login or "-".join(roles) or "nobody"
        await people.add(name, *roles, area_code=area_code)
        client = new_client()
        answer = await client.post("/api/v1/session", json={"login": name, "password": PASSWORD})
        assert answer.status_code == 201, answer.text
        return client

    return make


@pytest_asyncio.fixture
async def city(app: FastAPI, database_url: str) -> City:
    """Two streets, no units yet."""
    made = City(app.state.engine, database_url)
    await made.build()
    return made


Work = Callable[[], Awaitable[None]]


@pytest.fixture
def work(
    app: FastAPI, database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, secret_key: str
) -> Work:
    """Does the jobs that wait, as the worker process does."""
    monkeypatch.setenv("WANMI_DATABASE_URL", database_url)
    monkeypatch.setenv("WANMI_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("WANMI_SECRET_KEY", secret_key)
    prepare_job_tables(database_url)

    async def run() -> None:
        await app.state.jobs.run_worker_async(wait=False, listen_notify=False, install_signal_handlers=False)

    return run
