"""Outside geocoders, against a real HTTP server that answers in the documented forms of the services."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from geocoding.providers import Outside, ProviderSettings

TIANDITU = {
    "location": {
        "score": 90,
        "level": "门址",
        "lon": "121.4737",
        "lat": "31.2304",
        "keyWord": "望川区人民路1号",
    },
    "status": "0",
    "msg": "ok",
}
GEOCODEJSON = {
    "type": "FeatureCollection",
    "geocoding": {"version": "0.1.0"},
    "features": [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [121.4737, 31.2304]},
            "properties": {"geocoding": {"type": "house", "label": "人民路1号", "accuracy": 20}},
        }
    ],
}


class Service(BaseHTTPRequestHandler):
    """``/tdt`` speaks as Tianditu, ``/search`` GeocodeJSON, ``/broken`` fails, ``/odd`` is no answer."""

    asked: ClassVar[dict[str, list[str]]] = {}

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        Service.asked = parse_qs(urlsplit(self.path).query)
        self.send_response(500 if path == "/broken" else 200)
        self.end_headers()
        body = {"/tdt": TIANDITU, "/none": {"status": "404"}, "/search": GEOCODEJSON}.get(path, [])
        self.wfile.write(json.dumps(body, ensure_ascii=False).encode())

    def log_message(self, *parts: object) -> None:
        """The test's output stays quiet."""


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def outside(kind: str, url: str) -> Outside:
    settings = ProviderSettings.model_validate(
        {"provider": kind, "provider_url": url, "provider_key": SecretStr("k"), "provider_timeout_s": 2.0}
    )
    return Outside(settings)


@pytest.mark.parametrize(("kind", "path"), [("tianditu", "/tdt"), ("geocodejson", "/search")])
async def test_a_place_is_told_with_its_service(service: str, kind: str, path: str) -> None:
    asked = outside(kind, service + path)
    [place] = await asked.find("人民路1号", "望川区")
    assert (place.provider, place.lon, place.lat) == (kind, 121.4737, 31.2304)
    assert place.matched.endswith("人民路1号")
    assert "望川区人民路1号" in str(Service.asked)
    await asked.close()


@pytest.mark.parametrize("path", ["/none", "/broken", "/odd"])
@pytest.mark.parametrize("kind", ["tianditu", "geocodejson"])
async def test_a_service_that_knows_nothing_or_fails_costs_nothing_more(
    service: str, kind: str, path: str
) -> None:
    asked = outside(kind, service + path)
    assert await asked.find("人民路1号", "") == []
    await asked.close()


async def test_nobody_is_asked_unless_set_up() -> None:
    assert await Outside(ProviderSettings()).find("人民路1号", "") == []
