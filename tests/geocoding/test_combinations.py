"""The numbered combinations, each by an address of its kind. All places are made up."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from geocoding import combinations as numbered
from geocoding.grammar.lexicon import COMMUNITY, DISTRICT, PLACE, POINT, ROAD, TOWN, Lexicon
from geocoding.grammar.reading import read
from geocoding.grammar.vocabulary import canonical

NAMES = [
    ("望川区", DISTRICT), ("东华街道", TOWN), ("和平社区", COMMUNITY), ("长安路", ROAD), ("鼓楼", PLACE),
    ("南营", PLACE), ("花园小区", PLACE), ("静园", PLACE), ("市第一中学", POINT), ("永和餐馆", POINT),
]  # fmt: skip
ADDRESSES = [
    (1, "东华街道长安路"), (2, "东华街道和平社区长安路"), (3, "长安路25号"), (4, "长安路25号3号楼"),
    (5, "长安路3号楼"), (6, "长安路永和餐馆"), (7, "鼓楼"), (8, "南营12号"), (9, "南营12号2号楼"),
    (10, "花园小区5号楼"), (11, "南营长安路25号"), (12, "市第一中学"), (13, "市第一中学2号楼"),
    (14, "东华街道静园"), (15, "东华街道和平社区静园"), (16, "长安路120弄8号"), (17, "990102001005012"),
    (18, "9901020101000001"), (3, "东华街道长安路25号"), (20, "长安路"), (21, "望川区"),
]  # fmt: skip


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return Lexicon((canonical(name), kind) for name, kind in NAMES)


@pytest.mark.parametrize(("number", "text"), ADDRESSES)
def test_each_combination(number: int, text: str, lexicon: Lexicon) -> None:
    reading = read(text, lexicon)
    kind = lexicon.kinds.get(reading.bases[-1], 0) if reading.bases else 0
    found = numbered.combination_of(numbered.signature(reading, kind))
    assert found is not None
    assert found.number == number


@pytest.fixture
def own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    file = tmp_path / "own.toml"
    file.write_text(
        '[[combination]]\nnumber = 101\nname = "路名＋组"\nname_en = "road + group"\n'
        'pattern = ["road", "group"]\nmodel = "line_point"\nresolution = "door"\n',
        encoding="utf-8",
    )
    monkeypatch.setenv("WANMI_GEOCODE_COMBINATIONS", str(file))
    numbered.combinations.cache_clear()
    yield
    numbered.combinations.cache_clear()


@pytest.mark.usefixtures("own_file")
def test_a_city_adds_its_own() -> None:
    found = numbered.combination_of(("road", "group"))
    assert found is not None
    assert found.number == 101
