"""The web process: everything that answers HTTP and websockets, put together."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import structlog
from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from starlette.middleware.gzip import GZipMiddleware

from command_center import health, metrics, problems
from command_center.alert_rules import routes as alert_rule_routes
from command_center.alerts import routes as alert_routes
from command_center.assembly import PACKAGES, device_credentials
from command_center.city.routers import ROUTERS as CITY_ROUTERS
from command_center.devices import quality as device_quality
from command_center.devices import routes as device_routes
from command_center.geocode import routes as geocode_routes
from command_center.geocode import tables as geocode_tables
from command_center.geocode import upkeep as geocode_upkeep
from command_center.geocode.lookups import Lookups
from command_center.grids import responsibility_routes, unit_grid_routes
from command_center.grids import routes as grid_routes
from command_center.imports import routes as import_routes
from command_center.imports.settings import ImportSettings
from command_center.journeys import routes as journey_routes
from command_center.live import routes as live_routes
from command_center.live.hub import Hub
from command_center.live.readers import KnownReaders
from command_center.login import routes as login_routes
from command_center.login import token_routes
from command_center.login.attempts import Hasher, Judge
from command_center.middleware import API, Gate, RequestContext
from command_center.off_duty import routes as off_duty_routes
from command_center.overview import routes as overview_routes
from command_center.people import routes as people_routes
from command_center.records import routes as record_routes
from command_center.rosters import routes as roster_routes
from command_center.search import routes as search_routes
from command_center.settings import WebSettings
from command_center.transform import routes as transform_routes
from command_center.units import routes as unit_routes
from command_center.web_app import WebApp
from command_center.worker import create_jobs
from geocoding.live import Keeper
from geocoding.providers import Outside, ProviderSettings
from gis_core.database import create_engine
from gis_core.identity.principal import Principal
from gis_core.identity.secrets import Keyring
from gis_core.identity.settings import IdentitySettings
from gis_core.migrate import schema_heads
from gis_core.settings import BrokerSettings, DatabaseSettings, StorageSettings
from tiles.routes import tile_router
from tiles.store import TileSettings, TileStore

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class AppSettings:
    """All settings the web process reads, made once and passed on."""

    database: DatabaseSettings
    storage: StorageSettings
    identity: IdentitySettings = field(default_factory=IdentitySettings)
    web: WebSettings = field(default_factory=WebSettings)
    imports: ImportSettings = field(default_factory=ImportSettings)
    mqtt_url: str | None = None

    @classmethod
    def from_environment(cls) -> "AppSettings":
        """Raises pydantic's ValidationError when the database or the secret key is not named."""
        mqtt_url = BrokerSettings().mqtt_url if "WANMI_MQTT_URL" in os.environ else None
        return cls(DatabaseSettings(), StorageSettings(), mqtt_url=mqtt_url)


def create_app(settings: AppSettings) -> FastAPI:
    """The application for one installation; ``app.state`` carries what routes share."""
    app = FastAPI(
        title="万米 Wanmi",
        version="1",
        description="城市管理地理空间指挥监督平台接口 / Interface of the geospatial command platform",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
        separate_input_output_schemas=False,
    )
    keyring = Keyring(settings.storage.secret_key)
    state = app.state
    state.settings, state.identity, state.web = settings, settings.identity, settings.web
    state.keyring, state.data_dir, state.mqtt_url = keyring, settings.storage.data_dir, settings.mqtt_url
    state.credentials = device_credentials(settings.storage.data_dir)
    state.schema_heads = schema_heads(PACKAGES)
    state.started_at = datetime.now(UTC)
    state.body_limits = {
        f"{API}/imports": settings.imports.max_upload_bytes,
        f"{API}/geocode/tables": settings.imports.max_upload_bytes,
        f"{API}/transform": transform_routes.MAX_BODY_BYTES,
    }

    # Routers are tried in this order, at some 20 µs each: what is asked most comes first.
    app.include_router(geocode_routes.questions, prefix=API, responses=problems.RESPONSES)
    app.include_router(tile_router(_tile_reader, _tile_store), responses=problems.RESPONSES)
    app.include_router(health.probes)
    for router in _api_routers():
        app.include_router(router, prefix=API, responses=problems.RESPONSES)
    app.include_router(live_routes.router)
    app.include_router(metrics.router)
    app.mount("/", WebApp(settings.web.webdist), name="web")

    problems.install(app)
    web = settings.web
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=4)
    app.add_middleware(Gate, max_body_bytes=web.max_body_bytes, public_origin=web.public_origin)
    app.add_middleware(RequestContext, tls=web.tls)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _api_routers() -> list[APIRouter]:
    return [
        login_routes.router,
        token_routes.router,
        journey_routes.router,
        unit_routes.router,
        alert_routes.router,
        alert_rule_routes.router,
        overview_routes.router,
        search_routes.router,
        geocode_routes.router,
        geocode_upkeep.router,
        geocode_tables.router,
        *CITY_ROUTERS,
        people_routes.router,
        device_routes.router,
        device_quality.router,
        off_duty_routes.router,
        roster_routes.router,
        record_routes.router,
        import_routes.router,
        transform_routes.router,
        grid_routes.router,
        responsibility_routes.router,
        unit_grid_routes.router,
        health.router,
    ]


async def _tile_reader(request: Request) -> Principal:
    readers: KnownReaders = request.app.state.readers
    return await readers.principal(request)


def _tile_store(request: Request) -> TileStore:
    store: TileStore = request.app.state.tile_store
    return store


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    state = app.state
    settings: AppSettings = state.settings
    async with AsyncExitStack() as stack:
        state.engine = create_engine(settings.database, application_name="wanmi web")
        stack.push_async_callback(state.engine.dispose)
        state.hasher = Hasher(settings.identity.password_iterations)
        stack.callback(state.hasher.close)
        cache = settings.storage.data_dir / "cache" / "tiles"
        state.tile_store = TileStore(settings.database, TileSettings(), cache)
        await state.tile_store.open()
        stack.push_async_callback(state.tile_store.close)
        state.readers = KnownReaders()
        state.live_hub = Hub(settings.database, state.tile_store.versions, state.readers.forget)
        await state.live_hub.start()
        stack.push_async_callback(state.live_hub.stop)
        state.outside_geocoder = Outside(ProviderSettings())
        stack.push_async_callback(state.outside_geocoder.close)
        state.gazetteer = Keeper(settings.database.database_url)
        state.gazetteer.start()
        stack.callback(state.gazetteer.stop)
        state.geocode_lookups = Lookups(settings.database)
        await state.geocode_lookups.open()
        stack.push_async_callback(state.geocode_lookups.close)
        state.jobs = create_jobs(settings.database)
        await stack.enter_async_context(state.jobs.open_async())
        state.judge = Judge(state.engine, state.keyring, settings.identity, state.hasher)
        yield


def _openapi(app: FastAPI) -> dict[str, Any]:
    """FastAPI's document with the problem schema and the two ways to log in."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        components = made.setdefault("components", {})
        components.setdefault("schemas", {})["Problem"] = problems.Problem.model_json_schema()
        components["securitySchemes"] = {
            "session": {"type": "apiKey", "in": "cookie", "name": "wanmi_session"},
            "token": {"type": "http", "scheme": "bearer"},
        }
        made["security"] = [{"session": []}, {"token": []}]
        app.openapi_schema = made
    return app.openapi_schema
