"""Names that sound or look like a name, or differ from it by one character."""

import re
import tomllib
from functools import lru_cache
from importlib.resources import files
from typing import Protocol

from geocoding.grammar.characters import initials, pinyin, spoken
from geocoding.grammar.numerals import in_words
from geocoding.grammar.vocabulary import canonical

SAME_SOUND, LIKE_SOUND, LIKE_SHAPE, ONE_EDIT, WILD = 0.92, 0.85, 0.88, 0.6, 0.85
PINYIN, INITIALS = 0.85, 0.6
SERIES, FEW, PART, INSIDE_LOST, REPLACED = 0.45, 0.3, 0.8, 0.9, 0.8
"""How far a name found so is believed before the number and the area are looked at: the order in
which people make these mistakes."""


@lru_cache(maxsize=1)
def _families() -> dict[int, str]:
    """Each character of a look-alike family to the family's first; families that share one are joined."""
    table = tomllib.loads((files("geocoding.index") / "look_alikes.toml").read_text(encoding="utf-8"))
    first: dict[int, str] = {}
    for family in table["families"].split():
        head = next((first[ord(c)] for c in family if ord(c) in first), family[0])
        first |= {ord(c): head for c in family}
    return first


def shape(name: str) -> str:
    """``name`` with each character replaced by the first of its look-alike family."""
    return name.translate(_families())


_PART = re.compile(r"(?<=..)(?:[东南西北中]\d{0,2}|\d{1,2})(?=(?:公路|大道|大街|路|街)$)")
"""What tells the parts of a long road: 文昌北路, 中山东1路."""


class SimilarNames:
    """Finds known names near an unknown one by five keys, each a dictionary look-up."""

    def __init__(self) -> None:
        self._sound: dict[str, list[str]] = {}
        self._shape: dict[str, list[str]] = {}
        self._edits: dict[str, list[str]] = {}
        self._latin: dict[str, list[tuple[str, bool]]] = {}
        self._parts: dict[str, list[str]] = {}
        self._known: set[str] = set()

    def add(self, name: str, *, edits: bool) -> None:
        """``edits``: also found when one character is wrong, missing or too many (3 or more of them)."""
        if name in self._known or len(name) < 2:
            return
        self._known.add(name)
        said = in_words(name)
        self._sound.setdefault(spoken(said), []).append(name)
        self._shape.setdefault(shape(name), []).append(name)
        if edits:
            self._latin.setdefault(pinyin(said).replace("'", "").upper(), []).append((name, True))
            self._latin.setdefault(initials(said).upper(), []).append((name, False))
        if edits and (part := _PART.search(name)) is not None:
            self._parts.setdefault(name[: part.start()] + name[part.end() :], []).append(name)
        if edits and len(name) >= 3:
            for i in range(len(name)):
                self._edits.setdefault(name[:i] + name[i + 1 :], []).append(name)

    def __contains__(self, name: str) -> bool:
        return name in self._known

    def parts(self, name: str) -> list[str]:
        """Names of the parts of a road."""
        return self._parts.get(name, [])

    def find(self, name: str, *, edits: bool = True) -> list[tuple[str, float, str]]:
        """Known names like ``name`` with belief and reason, best first; never ``name`` itself.

        Without ``edits`` only names that sound or look the same."""
        found: dict[str, tuple[float, str]] = {}

        def offer(other: str, belief: float, reason: str) -> None:
            if other != name and belief > found.get(other, (0.0, ""))[0]:
                found[other] = (belief, reason)

        if name.isascii() and name.isalpha():
            for other, whole in self._latin.get(name, ()):
                offer(other, PINYIN if whole else INITIALS, "pinyin" if whole else "initials")
            return _ranked(found)
        if "_" in name:
            for i, character in enumerate(name):
                if character == "_":
                    for other in self._edits.get(name[:i] + name[i + 1 :], ()):
                        if len(other) == len(name) and other[:i] == name[:i]:
                            offer(other, WILD, "unreadable_character")
            return _ranked(found)
        said = in_words(name)
        sound = pinyin(said)
        for other in self._sound.get(spoken(said), ()):
            exact = pinyin(in_words(other)) == sound
            offer(other, SAME_SOUND if exact else LIKE_SOUND, "homophone" if exact else "like_sound")
        for other in self._shape.get(shape(name), ()):
            offer(other, LIKE_SHAPE, "look_alike")
        for other in self._parts.get(name, ()):
            offer(other, PART, "part")
        if edits and len(name) >= 3:
            self._by_edit(name, offer)
        return _ranked(found)

    def _by_edit(self, name: str, offer: "Offer") -> None:
        belief = ONE_EDIT * (1.0 - 1.0 / len(name)) * (FEW if len(name) <= 3 and name[-1] == "村" else 1.0)
        for other in self._edits.get(name, ()):
            # The first character is the one that is swallowed: 川北路.
            offer(other, belief * (1.0 if other.endswith(name) else INSIDE_LOST), "missing_character")
        for i in range(len(name)):
            without = name[:i] + name[i + 1 :]
            if without in self._known:
                offer(without, belief, "extra_character")
            for other in self._edits.get(without, ()):
                if len(other) == len(name) and other[:i] == name[:i] and other[i + 1 :] == name[i + 1 :]:
                    if i and name[i - 1] == "第":
                        continue  # Nobody takes the ninth hospital for the seventh.
                    if name[i].isdigit() and other[i].isdigit():
                        # 3村 lies by 2村 and 4村; nobody mistakes the one for the other
                        steps = abs(int(name[i]) - int(other[i]))
                        offer(other, SERIES - 0.03 * steps, "series")
                        continue
                    # The kind of road is rarely mistaken, its name is; a character is sooner left out than
                    # replaced by one that neither sounds nor looks like it.
                    offer(other, belief * (0.5 if i == len(name) - 1 else REPLACED), "one_character")


class Offer(Protocol):
    """Signature of the callback that collects names."""

    def __call__(self, other: str, belief: float, reason: str) -> None: ...


def _ranked(found: dict[str, tuple[float, str]]) -> list[tuple[str, float, str]]:
    return sorted(((n, b, r) for n, (b, r) in found.items()), key=lambda item: (-item[1], item[0]))


def like(one: str, other: str) -> str:
    """The reason for which two names may be one, or the empty text."""
    if canonical(one) == canonical(other):
        return "same"
    if spoken(in_words(one)) == spoken(in_words(other)):
        return "homophone"
    return "look_alike" if shape(one) == shape(other) else ""
