"""What people know better: points of addresses, and names that the gazetteer did not have."""

from sqlalchemy.ext.asyncio import AsyncConnection

from geocoding.grammar.elements import Number, Reading
from geocoding.grammar.houses import house_told
from geocoding.grammar.leftovers import rest_told
from geocoding.grammar.lexicon import POINT
from geocoding.grammar.reading import read
from geocoding.grammar.vocabulary import canonical
from geocoding.index.entries import base_of, place_told, tail_of
from geocoding.index.gazetteer import Gazetteer
from gis_core.database import load_queries
from gis_core.errors import BadInput

QUERIES = load_queries("command_center.geocode", "corrections.sql")
LONGEST_TEXT = 10_240
LONGEST_DISPLAY = 200
SHORTEST_NAME = 2


async def keep_point(
    conn: AsyncConnection, gazetteer: Gazetteer, text: str, district: str, lon: float, lat: float
) -> tuple[str, str]:
    """Make the point an entry of the source ``correction``, which is trusted most. What is told from another
    place (opposite a door, at a crossing, a shop on a road) is kept under its own words: the door, the road
    stay where they are.

    Answers the base and the canonical address. Raises BadInput for a point off the earth or a text that
    names nothing.
    """
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise BadInput(field="lon, lat", reason_zh="不是经纬度", reason="not degrees")
    reading = _read(text, gazetteer)
    if not reading.bases:
        raise BadInput(field="text", reason_zh="读不出道路或地名", reason="no road or place name is read")
    base, kind, _ = base_of(reading, gazetteer.names.lexicon)
    number, tail = reading.number or Number(0, ""), tail_of(reading)
    if told := place_told(reading):
        base, kind, number, tail = told, POINT, Number(0, ""), ""
    source_id = await conn.scalar(QUERIES["correction_source"])
    await conn.execute(
        QUERIES["correction_add"],
        {
            "source_id": source_id, "key": reading.canonical, "base": base, "kind": kind,
            "number": number.value, "unit": number.unit, "mark": number.mark, "upto": number.upto,
            "tail": tail,
            "district": canonical(district) or (reading.districts[0] if reading.districts else ""),
            "display": text[:LONGEST_DISPLAY], "lon": lon, "lat": lat,
        },
    )  # fmt: skip
    await conn.execute(QUERIES["notify"], {"what": "changed"})
    return base, reading.canonical


async def keep_name(
    conn: AsyncConnection, gazetteer: Gazetteer, text: str, matched: str, person_id: int
) -> tuple[str, str] | None:
    """Where somebody says that ``text`` means ``matched`` and both name one road or place, let the name of
    the one stand for the other from now on. Answers the pair; None where there is nothing to learn."""
    pair = names_learnt(gazetteer, text, matched)
    if pair is None or pair[0] in gazetteer.bases.ids:
        return None
    asked, meant = pair
    values = {"name": asked, "base": meant, "status": "correction", "person_id": person_id}
    await conn.execute(QUERIES["alias_add"], values)
    await conn.execute(QUERIES["notify"], {"what": "reload"})
    return asked, meant


async def forget(conn: AsyncConnection, gazetteer: Gazetteer, text: str, matched: str) -> None:
    """Take back what ``keep_point`` and ``keep_name`` learnt from a decision."""
    reading = _read(text, gazetteer)
    await conn.execute(QUERIES["correction_remove"], {"key": reading.canonical})
    pair = names_learnt(gazetteer, text, matched)
    if pair is not None:
        await conn.execute(QUERIES["name_remove"], {"name": pair[0], "base": pair[1]})
    await conn.execute(QUERIES["notify"], {"what": "reload"})


def names_learnt(gazetteer: Gazetteer, text: str, matched: str) -> tuple[str, str] | None:
    """What a text asks by and the known name it stands for, once somebody has said that it means ``matched``;
    None where neither name could stand for the other."""
    asked, meant = _asked_by(text, gazetteer), _only_base(_read(matched, gazetteer), gazetteer)
    if asked is None or meant is None or asked == meant or meant not in gazetteer.bases.ids:
        return None
    return (asked, meant) if len(asked) >= SHORTEST_NAME else None


def _asked_by(text: str, gazetteer: Gazetteer) -> str | None:
    """The name that a text asks by: all of its words where a place and something there are told
    (人民广场来福士), lest the place stand for what is there. None where a number or a relation tells it."""
    reading = _read(text, gazetteer)
    if house_told(reading) is not None:
        return None
    if rest_told(reading) or (reading.point and reading.number is None):
        return place_told(reading) if reading.relative is None and reading.crossing is None else None
    return _only_base(reading, gazetteer)


def _only_base(reading: Reading, gazetteer: Gazetteer) -> str | None:
    if len(reading.bases) != 1 or reading.crossing:
        return None
    return base_of(reading, gazetteer.names.lexicon)[0]


def _read(text: str, gazetteer: Gazetteer) -> Reading:
    return read(text[:LONGEST_TEXT], gazetteer.names.lexicon)
