"""Outside geocoding services, asked only where the city's own gazetteer has no answer; off by default.

What they answer is shown apart: it is not calibrated, and it is never stored by itself.
"""

import json
from typing import Annotated, Literal, NamedTuple, Protocol

import httpx
import msgspec
import structlog
from prometheus_client import Counter
from pydantic import PositiveFloat, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

log = structlog.get_logger(__name__)
MOST = 5
LONGEST_TEXT = 200
ASKED = Counter(
    "wanmi_outside_geocoder_total", "Questions to the outside geocoding service", ["provider", "outcome"]
)


class OutsidePlace(NamedTuple):
    """A place as another service tells it. ``score`` 0 to 1 in that service's own measure; WGS 84 degrees
    (CGCS2000 differs by centimetres)."""

    provider: str
    lon: float
    lat: float
    matched: str
    level: str
    score: float | None


class Provider(Protocol):
    """A service that can be asked for an address."""

    name: str

    async def find(self, text: str, district: str) -> list[OutsidePlace]:
        """Places for ``text``; none where the service knows none. Raises httpx.HTTPError or
        msgspec.MsgspecError."""


class ProviderSettings(BaseSettings):
    """``WANMI_GEOCODE_PROVIDER…``: which service, where, and with which key.

    With a service set up, addresses that the gazetteer does not know leave the house.
    """

    model_config = SettingsConfigDict(env_prefix="WANMI_GEOCODE_", frozen=True)

    provider: Literal["", "tianditu", "geocodejson"] = ""
    provider_url: str = ""
    """Empty: the public address of the service."""
    provider_key: SecretStr = SecretStr("")
    provider_timeout_s: PositiveFloat = 2.0


class _TiandituPlace(msgspec.Struct):
    lon: float
    lat: float
    key_word: str = msgspec.field(name="keyWord", default="")
    level: str = ""
    score: float | None = None


class _TiandituAnswer(msgspec.Struct):
    status: str = ""
    location: _TiandituPlace | None = None


class _Told(msgspec.Struct):
    type: str = ""
    label: str = ""
    name: str = ""
    confidence: float | None = None


class _Properties(msgspec.Struct):
    geocoding: _Told


class _Point(msgspec.Struct):
    coordinates: Annotated[list[float], msgspec.Meta(min_length=2)]


class _Feature(msgspec.Struct):
    geometry: _Point
    properties: _Properties


class _Features(msgspec.Struct):
    features: list[_Feature]


class Tianditu:
    """天地图 geocoder: ``ds={"keyWord": …}``, one location in CGCS2000, ``score`` 0 to 100.

    Source: lbs.tianditu.gov.cn, 地理编码接口.
    """

    name = "tianditu"

    def __init__(self, client: httpx.AsyncClient, url: str, key: str) -> None:
        self._client = client
        self._url = url or "https://api.tianditu.gov.cn/geocoder"
        self._key = key

    async def find(self, text: str, district: str) -> list[OutsidePlace]:
        asked = json.dumps({"keyWord": district + text}, ensure_ascii=False)
        answer = await self._client.get(self._url, params={"ds": asked, "tk": self._key})
        answer.raise_for_status()
        found = msgspec.json.decode(answer.content, type=_TiandituAnswer, strict=False)
        place = found.location
        if found.status != "0" or place is None:
            return []
        score = None if place.score is None else place.score / 100.0
        return [OutsidePlace(self.name, place.lon, place.lat, place.key_word or text, place.level, score)]


class GeocodeJson:
    """Any service that answers ``?q=`` with GeocodeJSON (geocoding/geocodejson-spec), such as addok or
    another Wanmi; ``provider_url`` names its search address."""

    name = "geocodejson"

    def __init__(self, client: httpx.AsyncClient, url: str, key: str) -> None:
        self._client = client
        self._url = url
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    async def find(self, text: str, district: str) -> list[OutsidePlace]:
        params = {"q": district + text, "limit": str(MOST), "format": "geocodejson"}
        answer = await self._client.get(self._url, params=params, headers=self._headers)
        answer.raise_for_status()
        found = msgspec.json.decode(answer.content, type=_Features, strict=False)
        places = []
        for feature in found.features[:MOST]:
            told, (lon, lat) = feature.properties.geocoding, feature.geometry.coordinates[:2]
            label = told.label or told.name
            places.append(OutsidePlace(self.name, lon, lat, label, told.type, told.confidence))
        return places


_KINDS: dict[str, type[Tianditu] | type[GeocodeJson]] = {"tianditu": Tianditu, "geocodejson": GeocodeJson}


class Outside:
    """The configured service, or none."""

    def __init__(self, settings: ProviderSettings) -> None:
        self._client: httpx.AsyncClient | None = None
        self._provider: Provider | None = None
        if settings.provider:
            self._client = httpx.AsyncClient(timeout=settings.provider_timeout_s, follow_redirects=False)
            key = settings.provider_key.get_secret_value()
            self._provider = _KINDS[settings.provider](self._client, settings.provider_url, key)

    async def find(self, text: str, district: str) -> list[OutsidePlace]:
        """Places beyond our gazetteer; a service that fails or is slow costs its time-out and is counted."""
        if self._provider is None or not text.strip():
            return []
        name = self._provider.name
        try:
            found = await self._provider.find(text[:LONGEST_TEXT], district)
        except (httpx.HTTPError, msgspec.MsgspecError) as error:
            ASKED.labels(name, "failed").inc()
            log.warning("geocode.outside_failed", provider=name, error=type(error).__name__)
            return []
        ASKED.labels(name, "found" if found else "none").inc()
        return found

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
