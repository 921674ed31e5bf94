"""The names an address may contain, found at any position of a text without scanning the list."""

from collections.abc import Iterable

PROVINCE, CITY, DISTRICT, TOWN, COMMUNITY, ROAD, PLACE, POINT = (1 << bit for bit in range(8))
"""Kinds of name; a name may be several. PLACE: village, estate, district of a city, square, bridge…
POINT: shop, organisation, landmark."""
AREAS = PROVINCE | CITY | DISTRICT | TOWN | COMMUNITY
BASES = ROAD | PLACE


class Lexicon:
    """Canonical names with their kinds. Names found are told by their first two characters, so that
    reading a text costs one look-up a character and one a name of that beginning."""

    def __init__(self, names: Iterable[tuple[str, int]] = ()) -> None:
        self.kinds: dict[str, int] = {}
        self._lengths: dict[str, tuple[int, ...]] = {}
        for name, kind in names:
            self.add(name, kind)

    def add(self, name: str, kind: int) -> None:
        """A name of one character is left out: it would be found everywhere."""
        if len(name) < 2:
            return
        known = self.kinds.get(name, 0)
        self.kinds[name] = known | kind
        if not known:
            pair = name[:2]
            lengths = self._lengths.get(pair, ())
            if len(name) not in lengths:
                self._lengths[pair] = tuple(sorted((*lengths, len(name)), reverse=True))

    def __len__(self) -> int:
        return len(self.kinds)

    def begins(self, pair: str) -> bool:
        """Whether any name begins with these two characters."""
        return pair in self._lengths

    def names_at(self, text: str, start: int, kinds: int) -> list[tuple[str, int]]:
        """Names of one of ``kinds`` that begin at ``start``, longest first, with all their kinds."""
        found = []
        for length in self._lengths.get(text[start : start + 2], ()):
            name = text[start : start + length]
            kind = self.kinds.get(name)
            if kind and kind & kinds and len(name) == length:
                found.append((name, kind))
        return found

    def longest_at(self, text: str, start: int) -> tuple[str, int] | None:
        """The longest name of any kind that begins at ``start``."""
        for length in self._lengths.get(text[start : start + 2], ()):
            name = text[start : start + length]
            kind = self.kinds.get(name)
            if kind and len(name) == length:
                return name, kind
        return None
