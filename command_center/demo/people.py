"""Organisations, staff, vehicles, devices, rosters and logins of the demo city."""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import numpy as np

from command_center.demo.areas import STREETS
from command_center.demo.city import City
from command_center.demo.names import Name
from command_center.demo.plan import DISTRICT_CODE

CHINA = timezone(timedelta(hours=8))

_SURNAMES = {
    "王": "Wang", "李": "Li", "张": "Zhang", "刘": "Liu", "陈": "Chen", "杨": "Yang",
    "赵": "Zhao", "黄": "Huang", "周": "Zhou", "吴": "Wu", "徐": "Xu", "孙": "Sun",
    "胡": "Hu", "朱": "Zhu", "高": "Gao", "林": "Lin", "何": "He", "郭": "Guo",
    "马": "Ma", "罗": "Luo", "梁": "Liang", "宋": "Song", "郑": "Zheng", "谢": "Xie",
    "韩": "Han", "唐": "Tang", "冯": "Feng", "于": "Yu", "董": "Dong", "萧": "Xiao",
    "程": "Cheng", "曹": "Cao", "袁": "Yuan", "邓": "Deng", "许": "Xu", "傅": "Fu",
    "沈": "Shen", "曾": "Zeng", "彭": "Peng", "吕": "Lyu",
}  # fmt: skip
_GIVEN = {
    "伟": "wei", "芳": "fang", "秀": "xiu", "敏": "min", "静": "jing", "丽": "li",
    "强": "qiang", "磊": "lei", "洋": "yang", "艳": "yan", "勇": "yong", "军": "jun",
    "杰": "jie", "娟": "juan", "涛": "tao", "超": "chao", "霞": "xia", "平": "ping",
    "刚": "gang", "桂": "gui", "文": "wen", "辉": "hui", "玲": "ling", "红": "hong",
    "建": "jian", "国": "guo", "华": "hua", "志": "zhi", "春": "chun", "兰": "lan",
    "海": "hai", "燕": "yan", "鹏": "peng", "浩": "hao", "宇": "yu", "婷": "ting",
    "雪": "xue", "晓": "xiao", "明": "ming", "梅": "mei",
}  # fmt: skip

_COMPANIES = [
    ("HW1", "望川区环卫作业有限公司", "Wangchuan Sanitation Co.", "company"),
    ("SZ1", "望川区市政养护有限公司", "Wangchuan Municipal Maintenance Co.", "company"),
    ("YL1", "望川区园林养护有限公司", "Wangchuan Parks and Greening Co.", "company"),
    ("ZT1", "云泽市顺安渣土运输有限公司", "Shun'an Slag Transport Co.", "company"),
    ("ZT2", "云泽市恒通土方运输有限公司", "Hengtong Earthwork Transport Co.", "company"),
    ("ZT3", "云泽市鼎泰渣土运输有限公司", "Dingtai Slag Transport Co.", "company"),
]


@dataclass(frozen=True)
class Organisation:
    """``parent`` is the code of the organisation above, ``area`` the code of the area it works for."""

    code: str
    name: Name
    kind: str
    parent: str | None
    area: str


@dataclass(frozen=True)
class PostOf:
    organisation: str
    key: str
    name: Name


@dataclass(frozen=True)
class Member:
    """A person. ``role`` and ``scope`` (area code, organisation code; None: all) for those who log in."""

    name: Name
    organisation: str
    post: str
    area: str
    mobile: str
    login: str | None = None
    role: str | None = None
    scope_area: str | None = None
    scope_organisation: str | None = None
    duty_grid: int | None = None


@dataclass(frozen=True)
class Unit:
    """A device with who carries it: a member or a plate; and the grid or route it works in."""

    key: str
    kind: str
    organisation: str
    area: str
    period_s: int
    member: int | None = None
    plate: str | None = None
    duty_grid: int | None = None
    route: int | None = None


@dataclass(frozen=True)
class Turn:
    """A turn of duty of a unit (by number), UTC."""

    unit: int
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Staff:
    organisations: Sequence[Organisation]
    posts: Sequence[PostOf]
    members: Sequence[Member]
    units: Sequence[Unit]


def street_code(number: int) -> str:
    return f"{DISTRICT_CODE}{number + 1:03d}"


def hire(seed: int, city: City, *, inspectors: int = 200, vehicles: int = 120) -> Staff:
    """The same people for the same seed; passwords and tokens are not part of it."""
    rng = np.random.default_rng([seed, 2])
    organisations = _organisations()
    posts = [
        PostOf("C", "shift_leader", Name("值班长", "Shift leader")),
        PostOf("C", "operator", Name("值班员", "Operator")),
        PostOf("C", "dispatcher", Name("派遣员", "Dispatcher")),
        PostOf("C", "gis", Name("地理信息员", "GIS staff")),
        PostOf("C", "administrator", Name("系统管理员", "Administrator")),
        PostOf("C", "auditor", Name("安全审计员", "Auditor")),
        PostOf("B", "leader", Name("局领导", "Bureau leader")),
        PostOf("HW1", "contact", Name("联络员", "Contact")),
        *(PostOf(f"S{n + 1}", "inspector", Name("信息采集员", "Inspector")) for n in range(len(STREETS))),
    ]
    mobiles = iter(_mobiles(rng, inspectors + 40))
    people = _people(rng)
    members = _desk(people, mobiles)
    streets = city.areas.street[city.duty.community]
    cells = np.bincount(city.duty.grid, minlength=len(city.duty.shapes))
    patrolled = np.flatnonzero(cells >= 6)
    units: list[Unit] = []
    for number in range(inspectors):
        grid = int(patrolled[number % len(patrolled)])
        street = int(streets[grid])
        login = "inspector" if number == 0 else None
        members.append(
            Member(
                next(people), f"S{street + 1}", "inspector", street_code(street), next(mobiles),
                login, "inspector" if login else None, street_code(street) if login else None, None, grid,
            )
        )  # fmt: skip
        units.append(
            Unit(
                f"ins{number + 1:04d}", "inspector", f"S{street + 1}", street_code(street),
                (15, 20, 20, 30)[number % 4], member=len(members) - 1, duty_grid=grid,
            )
        )  # fmt: skip
    units += _fleet(rng, city, vehicles)
    return Staff(organisations, posts, members, units)


def _organisations() -> list[Organisation]:
    found = [
        Organisation(
            "B", Name("望川区城市管理局", "Wangchuan Urban Management Bureau"), "bureau", None, DISTRICT_CODE
        ),
        Organisation(
            "C",
            Name("望川区城市运行管理中心", "Wangchuan City Operations Centre"),
            "center",
            "B",
            DISTRICT_CODE,
        ),
        Organisation(
            "ZF",
            Name("望川区城管执法大队", "Wangchuan Enforcement Brigade"),
            "enforcement",
            "B",
            DISTRICT_CODE,
        ),
    ]
    for number, (zh, en, _) in enumerate(STREETS):
        name = Name(f"{zh}城市管理所", f"{en.split()[0]} Urban Management Office")
        found.append(Organisation(f"S{number + 1}", name, "street_office", "B", street_code(number)))
    found += [
        Organisation(code, Name(zh, en), kind, None, DISTRICT_CODE) for code, zh, en, kind in _COMPANIES
    ]
    return found


def _mobiles(rng: np.random.Generator, count: int) -> list[str]:
    """Numbers under 100, a prefix no mobile network has."""
    return [f"100{n:08d}" for n in rng.choice(10**8, size=count, replace=False).tolist()]


def _people(rng: np.random.Generator) -> Iterator[Name]:
    """Names put together at random, none twice."""
    taken: set[str] = set()
    surnames, given = list(_SURNAMES), list(_GIVEN)
    while True:
        surname = surnames[int(rng.integers(len(surnames)))]
        first = "".join(given[int(i)] for i in rng.choice(len(given), size=2, replace=False))
        if surname + first not in taken:
            taken.add(surname + first)
            english = f"{_SURNAMES[surname]} {''.join(_GIVEN[c] for c in first).capitalize()}"
            yield Name(surname + first, english)


def _desk(people: Iterator[Name], mobiles: Iterator[str]) -> list[Member]:
    """Those who log in: one for each kind of user, and an operator who sees one street only."""
    rows = [
        ("operator", "operator", "C", "operator", DISTRICT_CODE, None),
        ("op-east", "operator", "C", "operator", street_code(7), None),
        ("dispatcher", "dispatcher", "C", "dispatcher", DISTRICT_CODE, None),
        ("gis", "gis", "C", "gis", DISTRICT_CODE, None),
        ("leader", "leader", "B", "leader", DISTRICT_CODE, None),
        ("admin", "admin", "C", "administrator", None, None),
        ("auditor", "auditor", "C", "auditor", None, None),
        ("department", "department", "HW1", "contact", DISTRICT_CODE, "HW1"),
    ]
    return [
        Member(next(people), unit, post, area or DISTRICT_CODE, next(mobiles), login, role, area, scope)
        for login, role, unit, post, area, scope in rows
    ]


def _fleet(rng: np.random.Generator, city: City, count: int) -> list[Unit]:
    """Half sanitation, three tenths slag trucks, the rest enforcement; two or three share a route."""
    shares = {"sanitation": count // 2, "slag_truck": count * 3 // 10}
    shares["enforcement"] = count - sum(shares.values())
    numbers = rng.choice(90_000, size=count, replace=False) + 10_000
    units: list[Unit] = []
    for kind, share in shares.items():
        routes = [i for i, route in enumerate(city.routes) if route.kind == kind]
        for number in range(share):
            route = routes[number % len(routes)]
            street = city.routes[route].street
            organisation = {
                "sanitation": "HW1",
                "slag_truck": f"ZT{number % 3 + 1}",
                "enforcement": "ZF",
            }[kind]
            units.append(
                Unit(
                    f"veh{len(units) + 1:04d}", kind, organisation,
                    DISTRICT_CODE if kind == "slag_truck" else street_code(street),
                    {"sanitation": 15, "slag_truck": 10, "enforcement": 20}[kind],
                    plate=f"泽A·{numbers[len(units)]:05d}", route=route,
                )
            )  # fmt: skip
    return units


def draw_up_rosters(seed: int, units: Sequence[Unit], today: datetime, *, days: int = 9) -> list[Turn]:
    """Turns of eight hours from the day before ``today`` on: early 06-14, late 14-22, night 22-06.

    Times are China's. An inspector takes two turns of the three, so that three quarters are out by
    day and half by night; changes of shift are staggered by up to 30 minutes.
    """
    rng = np.random.default_rng([seed, 3])
    midnight = today.astimezone(CHINA).replace(hour=0, minute=0, second=0, microsecond=0)
    start = midnight - timedelta(days=1)
    begins = (6, 14, 22)
    pairs = ((0, 1), (0, 1), (1, 2), (2, 0))
    turns: list[Turn] = []
    for number, unit in enumerate(units):
        shift = timedelta(minutes=float(rng.integers(-3, 4)) * 10)
        for day in range(days):
            if unit.kind == "inspector":
                worked = pairs[(number // 2 + day // 2) % 4] if number else (0, 1, 2)
            elif unit.kind == "sanitation":
                worked = (0, 1) if number % 4 else (0, 1, 2)
            else:
                worked = (0, 1, 2) if number % 3 else (0, 1)
            for part in sorted(worked):
                begin = start + timedelta(days=day, hours=begins[part]) + shift
                turns.append(
                    Turn(number, begin.astimezone(UTC), (begin + timedelta(hours=8)).astimezone(UTC))
                )
    return turns


_SYLLABLES = (
    "ba", "bo", "cai", "chu", "dan", "fei", "gao", "hua", "jin", "ke", "lan", "mei", "nan", "pin",
    "qing", "rui", "shan", "tao", "wan", "xin", "yun", "zhu",
)  # fmt: skip


def new_password() -> str:
    """Random and readable: four syllables, capitals and digits, some 30 bits; for demo logins."""
    words = [secrets.choice(_SYLLABLES).capitalize() for _ in range(4)]
    return "".join(words[:2]) + "-" + "".join(words[2:]) + f"-{secrets.randbelow(9000) + 1000}"
