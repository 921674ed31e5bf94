"""What is left of a name without the words that many names end with: 成达色母粒 of 成达色母粒有限公司."""

import re
from functools import lru_cache

from geocoding.grammar import vocabulary as words

SHORTEST_CORE = 2
_ENDINGS = (
    *("有限", "责任", "分", "总", "实业", "科技", "工程", "贸易", "物业", "管理"),
    *words.ORGANISATION_SUFFIXES,
    *words.ESTATE_SUFFIXES,
    *words.COMMUNITY_SUFFIXES,
)
_ENDING = re.compile("(?:" + "|".join(map(re.escape, _ENDINGS)) + ")$")


@lru_cache(maxsize=65_536)
def core_of(name: str) -> str:
    """The core of a canonical name; ``SHORTEST_CORE`` characters of it always stay."""
    while (hit := _ENDING.search(name)) is not None and hit.start() >= SHORTEST_CORE:
        name = name[: hit.start()]
    return name
