"""How addresses are read. All places are made up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geocoding.grammar import vocabulary as words
from geocoding.grammar.characters import fold, initials, pinyin, spoken
from geocoding.grammar.elements import Number, Relative
from geocoding.grammar.lexicon import DISTRICT, PLACE, POINT, ROAD, TOWN, Lexicon
from geocoding.grammar.numerals import arabic, in_words
from geocoding.grammar.reading import read, standard
from geocoding.grammar.structure import numbers_at, written
from geocoding.grammar.vocabulary import canonical

NAMES = [
    ("望川区", DISTRICT), ("东华街道", TOWN), ("长安路", ROAD), ("青石巷", ROAD), ("云锦西路", ROAD),
    ("花园小区", PLACE), ("南营村", PLACE), ("顾家宅", PLACE), ("市第一中学", POINT), ("永和餐馆", POINT),
]  # fmt: skip


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return Lexicon((canonical(name), kind) for name, kind in NAMES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("望川區長安路１２３號", "望川区长安路123号"),
        ("长安路　25 号，\xa0 \xa0", "长安路25号"),
        ("😀长安路\x0025号", "长安路25号"),
        ("长安路25号（近青石巷）", "长安路25号(近青石巷)"),
        ("12 3", "12,3"),
    ],
)
def test_folding(text: str, expected: str) -> None:
    assert fold(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("二十一号", "21号"), ("一五三八弄", "1538弄"), ("一千二百零五号", "1205号"), ("一百二号", "120号"),
        ("三百六十五弄", "365弄"), ("长桥二村十号", "长桥2村10号"), ("廿三号", "23号"), ("百色路", "百色路"),
        ("101一号", "101,1号"), ("一百零五号", "105号"), ("两号", "两号"),
    ],
)  # fmt: skip
def test_numerals(text: str, expected: str) -> None:
    assert arabic(text) == expected


@given(st.integers(1, 9999))
def test_every_number_written_out_is_read_back(value: int) -> None:
    digits = "零一二三四五六七八九"
    parts, text = [(1000, "千"), (100, "百"), (10, "十"), (1, "")], ""
    for size, word in parts:
        digit = value // size % 10
        if digit:
            text += digits[digit] + word
        elif text and value % size and not text.endswith("零"):
            text += "零"
    assert arabic(text) == str(value)


@given(st.text(max_size=300))
def test_any_text_is_read_and_folding_is_stable(text: str) -> None:
    once = fold(text)
    assert fold(once) == once
    reading = read(text, Lexicon())
    for element in reading.elements:
        assert reading.canonical[element.start : element.end] == element.text


def test_sounds() -> None:
    assert pinyin("长安路") == "zhang'an'lu'"
    assert spoken("龙津路") == spoken("农今路")
    assert initials("云锦西路") == "yjxl"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("612弄30号", [Number(612, "lane"), Number(30, "door")]),
        ("120支弄5号101室", [Number(120, "branch"), Number(5, "door"), Number(101, "room")]),
        ("106-110号", [Number(106, "door", "", 110)]),
        ("132号134号", [Number(132, "door", "", 134)]),
        ("8-4号", [Number(8, "door", "-4")]),
        ("25号甲", [Number(25, "door", "A")]),
        ("12号附1号", [Number(12, "door", "-1")]),
        ("12号之3", [Number(12, "door", "-3")]),
        ("3号楼2单元501室", [Number(3, "building"), Number(2, "unit"), Number(501, "room")]),
        ("799", [Number(799, "door")]),
        ("A座1972", [Number(0, "building", "A"), Number(1972, "room")]),
        ("5幢二楼", [Number(5, "building"), Number(2, "floor")]),
    ],
)
def test_numbers(text: str, expected: list[Number]) -> None:
    form = canonical(text)
    found, end = numbers_at(form, 0)
    assert [number for number, _, _ in found] == expected
    assert end == len(form)


def test_numbers_written() -> None:
    numbers = [Number(12, "lane"), Number(8, "branch"), Number(5, "door", "A"), Number(0, "building", "B")]
    assert [written(number) for number in numbers] == ["12弄", "8支弄", "5号A", "B座"]
    assert written(Number(106, "door", "", 110)) == "106-110号"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("望川区长安路二十五号", "望川区长安路25号"),
        ("长安路25", "长安路25号"),
        ("望川区望川区长安路25号", "望川区长安路25号"),
        ("我要反映长安路25号门口有人乱设摊", "长安路25号"),
        ("师傅我在长安路25号这边路灯不亮", "长安路25号"),
        ("东华街道长安路25号3号楼", "东华街道长安路25号3号楼"),
        ("南营村顾家宅12号", "南营村顾家宅12号"),
        ("花园小区5号楼2单元", "花园小区5号楼2单元"),
        ("长安路永和餐馆", "长安路永和餐馆"),
        ("市第一中学2号楼", "市第一中学2号楼"),
        ("新长安路12弄", "新长安路12弄"),
        ("长安路长安路25号", "长安路25号"),
    ],
)
def test_readings(text: str, expected: str, lexicon: Lexicon) -> None:
    assert standard(read(text, lexicon)) == expected


@pytest.mark.parametrize(
    "text",
    ["长安路与青石巷交叉口", "长安路近青石巷", "长安路青石巷", "长安路（近青石巷）", "长安路、青石巷路口"],
)
def test_crossings(text: str, lexicon: Lexicon) -> None:
    reading = read(text, lexicon)
    assert reading.crossing == ("长安路", "青石巷")
    assert reading.number is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("长安路25号对面", Relative("opposite")),
        ("长安路25号东50米", Relative("offset", 90.0, 50.0)),
        ("长安路25号往西北方向约1公里", Relative("offset", 315.0, 1000.0)),
        ("花园小区旁边", Relative("beside")),
        ("长安路25号", None),
    ],
)
def test_relative_places(text: str, expected: Relative | None, lexicon: Lexicon) -> None:
    reading = read(text, lexicon)
    assert reading.relative == expected
    assert reading.bases


def test_codes(lexicon: Lexicon) -> None:
    assert read("990102001005012", lexicon).code == "990102001005012"
    assert read("部件9901020101000001坏了", lexicon).code == "9901020101000001"


@pytest.mark.parametrize("text", ["", "   ", "😀😀", "。，！", "\x00\x01"])
def test_nothing_is_read_into_nothing(text: str, lexicon: Lexicon) -> None:
    reading = read(text, lexicon)
    assert not reading.bases
    assert reading.number is None


def test_a_long_text_takes_no_longer(lexicon: Lexicon) -> None:
    assert read("长安路25号" + "很" * 10_000, lexicon).number == Number(25, "door")


def test_pinyin_and_initials(lexicon: Lexicon) -> None:
    assert read("zcl25号", lexicon).bases == ("ZCL",)
    assert read("zhanganlu25", lexicon).number == Number(25, "door")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("北京市朝阳区建国路甲92号", ("建国路", Number(92, "door", "A"))),
        ("西安市雁塔区科技二路东段78号", ("科技2路", Number(78, "door"))),
        ("西直门外大街18号院3号楼2单元501", ("西直门外大街", Number(18, "door"))),
        ("中关村南大街5号院", ("中关村南大街", Number(5, "door"))),
        ("新华南路东一巷12号", ("新华南路东1巷", Number(12, "door"))),
        ("北新桥三条3号", ("北新桥3条", Number(3, "door"))),
        ("府右街丙27号", ("府右街", Number(27, "door", "C"))),
        ("大王庄村4组12号", ("大王庄村", Number(4, "group"))),
        ("G107国道1234公里处", ("G107国道", None)),
        ("成都南路l32弄", ("成都南路", Number(132, "lane"))),
        ("育秀九区3号", ("育秀9区", Number(3, "door"))),
        ("红旗乡前进村委会东200米", ("前进村委会", None)),
        ("浙江温州乐清虹桥镇幸福路8号", ("幸福路", Number(8, "door"))),
        ("昆山花园路5号", ("昆山花园路", Number(5, "door"))),
        ("杭州文三路5号", ("文3路", Number(5, "door"))),
        ("余杭区临平五洲路186号", ("5洲路", Number(186, "door"))),
        ("瓯海梧田街道南村幸福路12号", ("幸福路", Number(12, "door"))),
        ("绍兴柯桥时代广场8号", ("时代广场", Number(8, "door"))),
        ("昌平区南口镇南大街7号", ("南大街", Number(7, "door"))),
        ("山阳镇镇西路7号", ("镇西路", Number(7, "door"))),
        ("下沙11号大街南1244号", ("11号大街", Number(1244, "door"))),
        ("新华街街道民航路3号", ("民航路", Number(3, "door"))),
        ("太古城南区5幢101室", ("太古城", Number(5, "building"))),
        ("新田村3组8号", ("新田村", Number(3, "group"))),
    ],
)
def test_ways_of_other_cities(text: str, expected: tuple[str, Number | None]) -> None:
    reading = read(text, Lexicon())
    assert (reading.bases[-1], reading.number) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("4川北路", "四川北路"), ("长桥2村", "长桥二村"), ("21世纪大厦", "二十一世纪大厦"),
     ("81路", "八一路"), ("51广场", "五一广场"), ("82路", "八十二路"),
     ("G15公路", "G15公路"),
     ("107国道", "107国道")],
)  # fmt: skip
def test_names_in_words(name: str, expected: str) -> None:
    assert in_words(name) == expected
    assert arabic(in_words(name)) == name


def test_the_number_may_come_first(lexicon: Lexicon) -> None:
    reading = read("25号长安路望川区", lexicon)
    assert (reading.bases, reading.number) == (("长安路",), Number(25, "door"))


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("文山壮族苗族自治州丘北县锦屏镇", {"文山壮族苗族自治州": "city", "丘北县": "district"}),
        ("浙江省江干区丁桥镇", {"浙江省": "province", "江干区": "district"}),
        ("浙江温州瓯海梧田街道", {"温州": "city", "瓯海": "district", "梧田街道": "town"}),
        ("杭州湾大道12号", {"杭州湾大道": "road"}),
        ("东阳市南马镇", {"东阳市": "district", "南马镇": "town"}),
        ("萍水街1108号口腔医院", {"口腔医院": "point"}),
        ("人民路1023号三宏国际大厦", {"3宏国际大厦": "point"}),
        ("教工路5号杭州求是医院", {"杭州求是医院": "point"}),
        ("福田市场一区一楼C25504", {"福田市场": "estate", "C25504": "room"}),
        ("朝晖酒店对面清水公寓", {"朝晖酒店": "point", "对面": "relation", "清水公寓": "estate"}),
    ],
)  # fmt: skip
def test_what_each_part_is(text: str, kinds: dict[str, str]) -> None:
    found = {element.text: element.kind for element in read(text, Lexicon()).elements}
    assert {name: found.get(canonical(name)) for name in kinds} == kinds


@given(st.text(alphabet="浙江省杭州市西湖区和平路村镇新中山大道园里12号弄-,楼某A", max_size=30))
def test_the_parts_are_the_text(text: str) -> None:
    reading = read(text, Lexicon())
    if not reading.code:
        for element in reading.elements:
            assert reading.canonical[element.start : element.end] == element.text
        starts = [element.start for element in reading.elements]
        assert starts == sorted(starts)


@given(
    st.lists(st.sampled_from(words.BEFORE_WORDS), max_size=3),
    st.sampled_from(["长安路25号", "望川区长安路120弄8号", "长安路25号3号楼102室", "南营12号"]),
    # 25号楼下 may be below 25号楼.
    st.sampled_from(["", *(word for word in words.RELATIONS if not word.startswith("楼"))]),
    st.lists(st.sampled_from([word for word in words.AFTER_WORDS if len(word) > 1]), max_size=3),
    st.sampled_from(["", "狗叫了三天"]),
)
def test_what_is_said_around_an_address_changes_nothing(
    before: list[str], address: str, relation: str, after: list[str], rest: str
) -> None:
    lexicon = Lexicon([("望川区", DISTRICT), ("长安路", ROAD), ("南营", PLACE)])
    alone = read(address, lexicon)
    around = read("".join([*before, address, relation, *after, rest if after else ""]), lexicon)
    for part in ("districts", "towns", "bases", "number", "tail"):
        assert getattr(around, part) == getattr(alone, part)
    if relation:
        assert around.relative is not None
        assert around.relative.relation == words.RELATIONS[relation]


@pytest.mark.parametrize(
    ("text", "bases", "number"),
    [
        ("虹盛路160弄", ("虹盛路",), Number(160, "lane")),
        ("望川区金松丰路396号2幢", ("金松丰路",), Number(396, "door")),
        ("我要反映虹盛路160弄门口有人乱设摊", ("虹盛路",), Number(160, "lane")),
        ("从化北路12号", ("从化北路",), Number(12, "door")),
        ("临平五洲路8号", ("临平", "5洲路"), Number(8, "door")),
        ("昆山花园路8号", ("昆山花园路",), Number(8, "door")),
    ],
)
def test_roads_that_the_gazetteer_does_not_have(text: str, bases: tuple[str, ...], number: Number) -> None:
    reading = read(text, Lexicon([("望川区", DISTRICT)]))
    assert reading.bases == bases
    assert reading.number == number


@pytest.mark.parametrize(
    "name",
    [
        "四川北路",
        "三门路",
        "五角场",
        "长桥二村",
        "市第一中学",
        "十里堡",
        "7-11便利店",
        "永和餐馆(24小时店)",
        "3号线",
        "105医院",
    ],
)
def test_names_are_shown_as_signs_write_them(name: str) -> None:
    assert in_words(canonical(name)) == name
