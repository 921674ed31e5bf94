"""Addresses made worse by rule, as callers and clerks do: for self-examination and evaluation."""

import random
import re
from collections.abc import Callable

from geocoding.grammar.characters import pinyin
from geocoding.grammar.elements import Reading
from geocoding.grammar.structure import written
from geocoding.index.gazetteer import Gazetteer
from geocoding.index.similar import shape

_DIGITS = "〇一二三四五六七八九"
_BEFORE = ("我要反映", "你好，我在", "市民来电，", "麻烦查一下", "请问", "投诉：")
_AFTER = ("门口有人乱设摊", "附近路灯不亮", "有垃圾没人清", "这边噪音扰民", "旁边井盖破损", "违章停车")


class Noise:
    """Makes variants of addresses of one gazetteer; seeded, so that a run can be repeated.

    Homophones and look-alikes are drawn from the characters that names of the gazetteer use.
    """

    def __init__(self, gazetteer: Gazetteer, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 not a secret
        characters = sorted({c for name in gazetteer.bases.texts for c in name if "\u4e00" <= c <= "\u9fff"})
        self._sound: dict[str, list[str]] = {}
        self._shape: dict[str, list[str]] = {}
        for character in characters:
            self._sound.setdefault(pinyin(character), []).append(character)
            self._shape.setdefault(shape(character), []).append(character)
        self.kinds: dict[str, Callable[[str, Reading], str | None]] = {
            "clean": lambda text, reading: text,
            "numerals": lambda text, reading: _in_chinese(text),
            "homophone": lambda text, reading: self._swap(text, reading, self._sound, pinyin),
            "look_alike": lambda text, reading: self._swap(text, reading, self._shape, shape),
            "reordered": _reordered,
            "chatter": lambda text, reading: (
                self._random.choice(_BEFORE) + text + self._random.choice(_AFTER)
            ),
            "full_width": lambda text, reading: _full_width(text),
        }

    def make(self, kind: str, text: str, reading: Reading) -> str | None:
        """The variant, or None where the address does not allow it."""
        made = self.kinds[kind](text, reading)
        return None if made is None or (made == text and kind != "clean") else made

    def _swap(
        self, text: str, reading: Reading, families: dict[str, list[str]], key: Callable[[str], str]
    ) -> str | None:
        if not reading.bases:
            return None
        name = reading.bases[-1]
        at = text.find(name)
        if at < 0:
            return None
        places = [i for i in range(len(name) - 1) if len(families.get(key(name[i]), ())) > 1]
        if not places:
            return None
        i = self._random.choice(places)
        other = self._random.choice([c for c in families[key(name[i])] if c != name[i]])
        return text[: at + i] + other + text[at + i + 1 :]


def _in_chinese(text: str) -> str:
    return re.sub(r"\d+", lambda hit: "".join(_DIGITS[int(digit)] for digit in hit[0]), text)


def _full_width(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def _reordered(text: str, reading: Reading) -> str | None:
    """The number before the road, the district at the end: 25号长安路望川区."""
    if reading.number is None or not reading.bases:
        return None
    numbers = "".join(map(written, (reading.number, *reading.tail)))
    return f"{reading.bases[-1]}{numbers}{''.join(reading.districts)}"
