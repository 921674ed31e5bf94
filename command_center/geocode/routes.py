"""Addresses to places, places to addresses, and completion."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from fastapi import APIRouter, Body, Depends, Query, Request, Response

from command_center.geocode.corrections import QUERIES as CORRECTIONS
from command_center.geocode.lookups import Lookups
from command_center.geocode.quick import QuickRoute
from command_center.problems import RESPONSES
from command_center.requests import Conn, language_of, requires
from geocoding.answers import Answer, by_code, geocode
from geocoding.callers import CallerArea
from geocoding.formats import answer_members, described_members, geocodejson
from geocoding.forward import Hints
from geocoding.grammar.reading import read
from geocoding.grammar.vocabulary import canonical
from geocoding.live import USED, Keeper, State
from geocoding.providers import Outside
from gis_core.database import load_queries
from gis_core.errors import NotFound
from gis_core.identity.principal import Principal
from gis_core.identity.requests import Requires

QUERIES = load_queries("command_center.geocode")
MOST_TEXT = 10_240
MOST_ADDRESSES = 2_000
MOST_DIGITS = 40
NO_HINTS = Hints()

router = APIRouter(tags=["地理编码 Geocoding"], responses=RESPONSES)


questions = APIRouter(tags=["地理编码 Geocoding"], responses=RESPONSES, route_class=QuickRoute)
"""What is asked thousands of times a second."""


class RequiresKnown(Requires):
    """As ``Requires``, by the principals the application remembers for a moment: no query an address."""

    async def __call__(self, request: Request) -> Principal:  # type: ignore[override]
        principal: Principal = await request.app.state.readers.principal(request)
        principal.require(self.permission)
        return principal


MAP = "map.view"
MapReader = Annotated[Principal, Depends(RequiresKnown(MAP))]
_encode = msgspec.json.Encoder().encode


def _state(request: Request) -> State:
    keeper: Keeper = request.app.state.gazetteer
    return keeper.state


def _json(content: Any) -> Response:
    return Response(_encode(content), media_type="application/json")


class Told(NamedTuple):
    """What else is known of a question: ``caller`` is the area of the caller's number, where it was used."""

    hints: Hints
    caller: CallerArea | None


def _told(state: State, district: str, lon: float | None, lat: float | None, caller: str) -> Told:
    """District and map centre as given; the area of the caller's number only where neither is."""
    if lon is not None and lat is not None:
        return Told(Hints(canonical(district) if district else "", (lon, lat)), None)
    if district:
        return Told(Hints(canonical(district)), None)
    area = state.callers.area_of(caller) if caller else None
    return Told(Hints("", (area.lon, area.lat)) if area else NO_HINTS, area)


async def _with_code(request: Request, reader: Principal, answer: Answer) -> Answer:
    """Unit grids and components are looked up in the database, within the reader's areas."""
    if not answer.reading.code:
        return answer
    lookups: Lookups = request.app.state.geocode_lookups
    found = await lookups.point_of(answer.reading.code, reader.area_patterns(MAP))
    return by_code(answer.text, answer.reading, found)


@questions.get("/geocode", summary="地址定位 / Address to place")
async def find_address(
    request: Request,
    reader: MapReader,
    q: Annotated[str, Query(max_length=MOST_TEXT, description="地址 / address")],
    district: Annotated[str, Query(max_length=40, description="区县提示 / hint")] = "",
    lon: Annotated[float | None, Query(ge=-180, le=180, description="地图中心 / map centre")] = None,
    lat: Annotated[float | None, Query(ge=-90, le=90)] = None,
    caller: Annotated[str, Query(max_length=40, description="主叫号码 / caller's number")] = "",
    limit: Annotated[int, Query(ge=1, le=20)] = 5,
    format: Annotated[Literal["wanmi", "geocodejson"], Query()] = "wanmi",
) -> Response:
    """Ranked candidates with level, expected error, confidence and reasons; how each element was read.

    ``caller_area`` is where the caller's telephone stands, when that was the only hint there was.
    Where nothing is found and an outside service is set up, ``outside`` holds what that one says.
    """
    state = _state(request)
    told = _told(state, district, lon, lat, caller)
    answer = geocode(state.gazetteer, state.calibration, q, told.hints, limit=limit)
    answer = await _with_code(request, reader, answer)
    state.areas.stamp([answer])
    if format == "geocodejson":
        return _json(geocodejson(answer))
    members = answer_members(answer, language_of(request))
    if told.caller is not None:
        members["caller_area"] = told.caller.name
    if answer.status == "not_found":
        outside: Outside = request.app.state.outside_geocoder
        members["outside"] = [place._asdict() for place in await outside.find(q, district)]
    return _json(members)


@dataclass(frozen=True, slots=True)
class Asked:
    """An address, with its district or the caller's number where known."""

    text: str
    district: str = ""
    caller: str = ""


@router.post("/geocode", summary="批量地址定位 / Many addresses")
async def find_addresses(
    request: Request, reader: MapReader, addresses: Annotated[list[Asked], Body(max_length=MOST_ADDRESSES)]
) -> Response:
    """At most 2,000 addresses, answered in their order."""
    state = _state(request)
    answers = [
        geocode(
            state.gazetteer, state.calibration, a.text[:MOST_TEXT],
            _told(state, a.district, None, None, a.caller[:MOST_DIGITS]).hints, limit=4,
        )
        for a in addresses
    ]  # fmt: skip
    answers = [await _with_code(request, reader, answer) for answer in answers]
    state.areas.stamp(answers)
    language = language_of(request)
    return _json([answer_members(answer, language) for answer in answers])


@questions.get("/reverse", summary="坐标取地址 / Place to address")
async def describe_point(
    request: Request,
    reader: MapReader,
    lon: Annotated[float, Query(ge=-180, le=180)],
    lat: Annotated[float, Query(ge=-90, le=90)],
) -> Response:
    """Nearest door on its side of the road, crossing, landmark, areas and grids; the nearest component of the
    reader's areas."""
    state = _state(request)
    members = described_members(state.reverse.describe(lon, lat))
    members |= state.areas.at(lon, lat)
    lookups: Lookups = request.app.state.geocode_lookups
    members["component"] = await lookups.component_near(lon, lat, reader.area_patterns(MAP))
    return _json(members)


@questions.get("/suggest", summary="输入提示 / Completion")
async def suggest(
    request: Request,
    reader: MapReader,
    q: Annotated[str, Query(max_length=60, description="汉字、拼音或首字母 / characters, pinyin, initials")],
    lon: Annotated[float | None, Query(ge=-180, le=180)] = None,
    lat: Annotated[float | None, Query(ge=-90, le=90)] = None,
    district: Annotated[str, Query(max_length=40)] = "",
    limit: Annotated[int, Query(ge=1, le=10)] = 10,
) -> Response:
    """Names and doors that complete what was typed."""
    centre = (lon, lat) if lon is not None and lat is not None else None
    found = _state(request).suggest.find(q, limit=limit, centre=centre, district=district)
    return _json([suggestion._asdict() for suggestion in found])


@router.post("/geocode/choices", status_code=204, summary="记住选择 / Remember a choice")
async def remember_choice(
    request: Request,
    conn: Conn,
    reader: Annotated[Principal, requires(MAP)],
    base: Annotated[str, Body(embed=True, max_length=60)],
) -> None:
    """What is chosen often comes first among the next suggestions. Of a door its road counts."""
    gazetteer = _state(request).gazetteer
    name = canonical(base)
    if name not in gazetteer.bases.ids:
        name = next(reversed(read(name, gazetteer.names.lexicon).bases), "")
    if not name or name not in gazetteer.bases.ids:
        raise NotFound(key=base, kind="place name", kind_zh="地名")
    await conn.execute(QUERIES["use_add"], {"base": name})
    await conn.execute(CORRECTIONS["notify"], {"what": f"{USED}:{name}"})
