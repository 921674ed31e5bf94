"""What a reading of an address consists of."""

from typing import NamedTuple


class Element(NamedTuple):
    """One part of an address and how it was read.

    ``start`` and ``end`` are positions in the canonical text; ``how`` is ``gazetteer`` (a name the
    gazetteer has), ``suffix`` (named by its last word), ``structure`` (number and unit), ``words``
    (vocabulary) or ``rest`` (nothing known fits).
    """

    kind: str
    text: str
    start: int
    end: int
    how: str


class Number(NamedTuple):
    """A number after a base name. ``unit``: ``lane`` 弄, ``door`` 号, ``building`` 幢, ``group`` 组.

    ``mark`` is what distinguishes doors of one number (甲, -1, 附2); ``upto`` the end of a range.
    """

    value: int
    unit: str
    mark: str = ""
    upto: int = 0


class Relative(NamedTuple):
    """A place told from another: ``relation`` at, opposite, beside, near, behind, front, inside,
    offset; ``bearing_deg`` clockwise from north and ``distance_m`` where told."""

    relation: str
    bearing_deg: float | None = None
    distance_m: float | None = None


class Reading(NamedTuple):
    """An address as read. ``bases`` are names from large to small, of which the last but
    one may be the village of a hamlet; ``number`` belongs to the last of them."""

    canonical: str
    elements: tuple[Element, ...]
    districts: tuple[str, ...]
    towns: tuple[str, ...]
    communities: tuple[str, ...]
    bases: tuple[str, ...]
    number: Number | None
    tail: tuple[Number, ...]
    """Numbers below ``number``: 支弄, door in a lane, building, unit, floor, room."""
    point: str
    """Name of a shop or organisation after the number."""
    crossing: tuple[str, str] | None
    relative: Relative | None
    code: str
    """Unit grid (14 or 15 digits) or component (16 digits) code."""
    stretch: tuple[str, str, str] | None = None
    """A road, and the two that bound the stretch of it that is meant: 长安路(青石巷至采莲路)."""
