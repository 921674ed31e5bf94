"""What OpenStreetMap's words mean here. The same words name kinds in layers derived from it."""

import re
from collections.abc import Mapping
from typing import NamedTuple

GB = "GBT30428.2-2013"
CJT = "CJT214-2007"


class ClassCode(NamedTuple):
    """A component class and the edition it stands in."""

    edition: str
    code: str


COMPONENT_TAGS: Mapping[tuple[str, str], ClassCode] = {
    ("highway", "traffic_signals"): ClassCode(CJT, "0210"),
    ("highway", "bus_stop"): ClassCode(GB, "0204"),
    ("highway", "street_lamp"): ClassCode(GB, "0137"),
    ("emergency", "fire_hydrant"): ClassCode(CJT, "0113"),
    ("amenity", "waste_basket"): ClassCode(GB, "0305"),
    ("amenity", "bench"): ClassCode(GB, "0407"),
    ("amenity", "toilets"): ClassCode(GB, "0301"),
    ("amenity", "post_box"): ClassCode(GB, "0142"),
    ("amenity", "telephone"): ClassCode(GB, "0141"),
    ("amenity", "vending_machine"): ClassCode(GB, "0145"),
    ("amenity", "charging_station"): ClassCode(GB, "0154"),
    ("amenity", "drinking_water"): ClassCode(GB, "0125"),
    ("amenity", "fountain"): ClassCode(GB, "0410"),
    ("amenity", "waste_transfer_station"): ClassCode(GB, "0304"),
    ("amenity", "taxi"): ClassCode(GB, "0205"),
    ("man_made", "surveillance"): ClassCode(GB, "0150"),
    ("power", "pole"): ClassCode(GB, "0130"),
    ("power", "tower"): ClassCode(GB, "0147"),
    ("power", "transformer"): ClassCode(GB, "0148"),
    ("barrier", "bollard"): ClassCode(GB, "0221"),
    ("leisure", "fitness_station"): ClassCode(GB, "0146"),
    ("shop", "newsagent"): ClassCode(GB, "0140"),
    ("natural", "tree"): ClassCode(GB, "0402"),
    ("denotation", "natural_monument"): ClassCode(GB, "0401"),
    ("artwork_type", "sculpture"): ClassCode(GB, "0406"),
    ("artwork_type", "statue"): ClassCode(GB, "0406"),
    ("advertising", "billboard"): ClassCode(GB, "0306"),
    ("advertising", "board"): ClassCode(GB, "0308"),
}
"""Tag of a node to class. Traffic signals and hydrants have no established code in GB/T 30428.2-2013
and stand under CJ/T 214-2007."""

KIND_COMPONENTS: Mapping[str, ClassCode] = {
    **{value: found for (_, value), found in COMPONENT_TAGS.items() if value != "board"},
    "bus_stop_position": ClassCode(GB, "0204"),
    "garbage": ClassCode(GB, "0305"),
}
"""The same by the value alone, for layers with one ``kind`` column."""

ROAD_CLASSES: Mapping[str, str] = {
    **{name: name for name in ("motorway", "trunk", "primary", "secondary", "tertiary", "residential")},
    **{f"{name}_link": name for name in ("motorway", "trunk", "primary", "secondary", "tertiary")},
    "unclassified": "unclassified",
    "road": "unclassified",
    "living_street": "residential",
    "service": "service",
    "track": "service",
    "busway": "service",
    "bus_guideway": "service",
    "pedestrian": "footway",
    "footway": "footway",
    "path": "footway",
    "steps": "footway",
    "cycleway": "footway",
    "bridleway": "footway",
    "corridor": "footway",
    "highway": "motorway",
    "expressway": "motorway",
    "major_road": "secondary",
    "minor_road": "residential",
    "urban": "trunk",
    "高速公路": "motorway",
    "高速": "motorway",
    "快速路": "trunk",
    "城市快速路": "trunk",
    "主干路": "primary",
    "主干道": "primary",
    "次干路": "secondary",
    "次干道": "secondary",
    "支路": "tertiary",
    "街巷": "residential",
    "小区道路": "service",
    "内部道路": "service",
    "步行街": "footway",
    "人行道": "footway",
}
"""Source word to our class: OSM's highway values, the kinds of vector-tile schemas, and Chinese terms of
GB/T 51328. ``urban`` is how some sources call elevated city expressways."""

_NO_ROAD = """
    rail subway tram light_rail funicular monorail railway ferry platform aeroway runway taxiway cable_car
    aerialway pier construction proposed razed abandoned racetrack"""
NOT_ROADS = frozenset(_NO_ROAD.split())

_WATER = """water river riverbank lake pond reservoir basin canal dock stream ocean wetland swimming_pool
    bay 水系 河流 湖泊 水面 水域"""
_GREEN = """park garden grass forest wood meadow scrub village_green nature_reserve recreation_ground
    flowerbed orchard farmland golf_course heath grassland greenfield cemetery common dog_park
    绿地 公园 林地 草地 公园绿地"""
_SQUARE = "pedestrian square plaza 广场"

LAND_COVER: Mapping[str, str] = {
    **dict.fromkeys(_WATER.split(), "water"),
    **dict.fromkeys(_GREEN.split(), "green"),
    **dict.fromkeys(_SQUARE.split(), "square"),
}
"""Source word to kind of surface; every other word is ``other``."""

LAND_COVER_KEYS = ("natural", "waterway", "water", "landuse", "leisure", "place")

FACILITY_KEYS = (
    "amenity",
    "healthcare",
    "shop",
    "tourism",
    "office",
    "historic",
    "railway",
    "public_transport",
    "leisure",
)
"""Keys whose value names the kind of a facility, best first."""

FACILITY_VALUES: Mapping[str, frozenset[str]] = {
    "railway": frozenset({"station", "subway_entrance", "halt", "tram_stop"}),
    "public_transport": frozenset({"station"}),
    "leisure": frozenset({"park", "sports_centre", "stadium", "playground", "marina", "water_park"}),
}
"""Keys of which only some values are places of public interest."""

NO_FACILITY = frozenset({"parking_space", "parking_entrance", "yes", "no", "hunting_stand"})

NOT_PLACES = re.compile(r"(crossing|barrier.*|gate|entrance|kerb|stop|give_way|turning_.*|other|None)$")
"""Kinds of points that are neither a component with a class nor a place of public interest."""
