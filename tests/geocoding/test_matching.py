"""Whether two spellings mean one place. All places are made up."""

import pytest

from geocoding.matching import agreement


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("长安路232弄51号", "望川区长安路二百三十二弄51号", "exact"),
        ("望川区静园小区3号楼", "静园小区三号楼", "exact"),
        ("静园小区3号楼", "静园小区5号楼", "partial"),
        ("长安路25号", "长安路", "partial"),
        ("长安路25号", "采莲路25号", "none"),
        ("永和餐饮有限公司", "听松餐饮有限公司", "none"),
        ("", "长安路25号", "none"),
    ],
)
def test_agreement(one: str, other: str, expected: str) -> None:
    assert agreement(one, other) == expected
