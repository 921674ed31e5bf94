"""A made-up city of any number of addresses, for speed and memory; names by procedure, no real place."""

import random

import numpy as np

from geocoding.grammar.lexicon import PLACE, ROAD
from geocoding.index.columns import Pool, Raw
from geocoding.index.entries import Names
from geocoding.index.gazetteer import Gazetteer, assemble

_FIRST = "云锦青石长安听松采莲百草望江落霞星河明月春晓秋水金沙银杏桂园枫林竹溪梅岭兰亭菊泉荷塘柳浪桃源杏花"
_SECOND = "东南西北中上下前后新老大小平安康宁和顺兴隆昌盛泰丰"
_SUFFIX = ("路", "街", "巷", "大道", "支路")
DOORS_A_ROAD = 200
DISTRICTS = tuple(f"{c}川区" for c in "望临金银青白赤玄玉铜")


def _road_names(count: int, drawn: random.Random) -> list[str]:
    names: dict[str, None] = {}
    while len(names) < count:
        middle = "".join(drawn.choice(_FIRST) for _ in range(drawn.choice((2, 2, 3))))
        names[middle + drawn.choice(("", "", *_SECOND)) + drawn.choice(_SUFFIX)] = None
    return list(names)


def made_up_city(size: int, seed: int = 5) -> tuple[Gazetteer, dict[str, list[str]]]:
    """A gazetteer of ``size`` doors on straight roads of 200, and questions by kind: known doors,
    doors in between, names with a mistake."""
    drawn = random.Random(seed)
    roads = _road_names(size // DOORS_A_ROAD, drawn)
    count = len(roads) * DOORS_A_ROAD
    names, bases, texts, areas = Names(), Pool(), Pool(), Pool()
    names.add_areas(DISTRICTS, (), ())
    road_ids = np.array([bases.id(name) for name in roads], np.int32)
    district_ids = np.array([areas.id(name) for name in DISTRICTS], np.int16)
    rng = np.random.default_rng(seed)
    of = np.repeat(np.arange(len(roads)), DOORS_A_ROAD)
    number = np.tile(np.arange(1, DOORS_A_ROAD + 1) * 3, len(roads))
    start = rng.uniform(-0.3, 0.3, (len(roads), 2))
    turn = rng.uniform(0, np.pi, len(roads))
    along = number * 5.0 / 111_195.0
    zeros = np.zeros(count, np.int32)
    raw = Raw(
        road_ids[of], number.astype(np.int32), number.astype(np.int32), np.full(count, 3, np.int8),
        zeros, zeros,
        district_ids[of % len(DISTRICTS)], np.zeros(count, np.int16), np.zeros(count, np.int16),
        np.arange(count), 120 + start[of, 0] + along * np.cos(turn[of]),
        30.5 + start[of, 1] + along * np.sin(turn[of]) + rng.normal(0, 1e-5, count),
    )  # fmt: skip
    kinds = {int(base): ROAD for base in road_ids}
    made = assemble(raw, names, bases, texts, areas, [0.8], kinds)
    made.names.lexicon.add("花园小区", PLACE)

    def asked(make: object, many: int) -> list[str]:
        return [
            make(roads[i], DISTRICTS[i % len(DISTRICTS)], drawn.randrange(1, DOORS_A_ROAD))  # type: ignore[operator]
            for i in (drawn.randrange(len(roads)) for _ in range(many))
        ]

    return made, {
        "known": asked(lambda road, district, n: f"{district}{road}{n * 3}号", 20_000),
        "between": asked(lambda road, district, n: f"{district}{road}{n * 3 + 1}号", 5_000),
        "chatter": asked(lambda road, district, n: f"我要反映{road}{n * 3}号门口有人乱设摊", 3_000),
        "mistaken": asked(lambda road, district, n: f"{district}{road[1:]}{n * 3}号", 2_000),
    }
