"""Which component class a word of the field means."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from psycopg import Connection

from gis_core.dictionaries import ComponentClassEntry, read_component_classes
from gis_core.importing.errors import UnknownClass
from gis_core.importing.osm_tags import KIND_COMPONENTS
from gis_core.named_sql import read_queries

_SQL = read_queries("gis_core.dictionaries")
_SYNONYMS: Mapping[str, str] = {
    "公交站": "公交站亭（牌）",
    "公交站台": "公交站亭（牌）",
    "公交站停靠点": "公交站亭（牌）",
    "公交候车亭": "公交站亭（牌）",
    "红绿灯": "交通信号灯",
    "信号灯": "交通信号灯",
    "消火栓": "消防设施",
    "消防栓": "消防设施",
    "垃圾桶": "垃圾箱",
    "果皮箱": "垃圾箱",
    "废物箱": "垃圾箱",
    "公厕": "公共厕所",
    "给水井盖": "上水井盖",
    "自来水井盖": "上水井盖",
    "弱电井盖": "通信井盖",
    "雨篦子": "雨水箅子",
    "雨水篦子": "雨水箅子",
    "电线杆": "电力立杆",
    "监控": "监控电子眼",
    "摄像头": "监控电子眼",
    "充电桩": "充电站（桩）",
    "座椅": "街头座椅",
    "街头坐椅": "街头座椅",
}
"""Everyday word to the name in the dictionary."""


class FoundClass(NamedTuple):
    edition: str
    code: str
    name: str


def _plain(word: str) -> str:
    return re.sub(r"\s+", "", word).replace("(", "（").replace(")", "）").casefold()


def _edition_word(word: str) -> str:
    return re.sub(r"[\s/_]+", "", word).casefold()


class ClassDictionary:
    """Looks classes up by code, name (with or without its bracket), everyday word or OSM word; a newer
    edition wins. ``own`` holds what the user says: word to code, and under "" the class of every feature."""

    def __init__(self, entries: Iterable[ComponentClassEntry], own: Mapping[str, str] | None = None) -> None:
        self._words: dict[str, FoundClass] = {}
        self._editions: dict[str, str] = {}
        for entry in entries:
            self._editions[_edition_word(entry.edition)] = entry.edition
            found = FoundClass(entry.edition, entry.code, entry.name)
            bare = re.sub(r"（.*?）", "", entry.name)
            for word in filter(None, (entry.code, entry.name, bare, entry.name_en)):
                self._words.setdefault(_plain(word), found)
                self._words.setdefault(_plain(f"{entry.edition}/{word}"), found)
        for word, name in _SYNONYMS.items():
            if (known := self._words.get(_plain(name))) is not None:
                self._words.setdefault(_plain(word), known)
        for word, tag in KIND_COMPONENTS.items():
            if (known := self._words.get(_plain(f"{tag.edition}/{tag.code}"))) is not None:
                self._words.setdefault(word, known)
        self._every: FoundClass | None = None
        for word, code in (own or {}).items():
            if _plain(code) not in self._words:
                raise UnknownClass(code=code)
            if word:
                self._words[_plain(word)] = self._words[_plain(code)]
            else:
                self._every = self._words[_plain(code)]

    @classmethod
    def shipped(cls, own: Mapping[str, str] | None = None) -> "ClassDictionary":
        """With the editions Wanmi ships. Raises UnknownClass where ``own`` names a code they lack."""
        return cls(read_component_classes(), own)

    @classmethod
    def stored(cls, connection: Connection[Any], own: Mapping[str, str] | None = None) -> "ClassDictionary":
        """With every edition of the database, a city's own extensions too; the shipped editions go first
        where they know a word. Raises UnknownClass."""
        shipped = read_component_classes()
        order = {edition: at for at, edition in enumerate(dict.fromkeys(one.edition for one in shipped))}
        rows = connection.execute(_SQL["class_entries"]).fetchall()
        entries = [ComponentClassEntry(*row) for row in rows]
        entries.sort(key=lambda one: (order.get(one.edition, len(order)), one.edition, one.code))
        return cls(entries or shipped, own)

    def edition(self, word: object) -> str | None:
        """The key of the edition a value means: GB/T 30428.2-2013 as well as GBT30428.2-2013."""
        return self._editions.get(_edition_word(str(word)))

    def find(self, word: object, edition: str | None = None) -> FoundClass | None:
        """The class a value means, in ``edition`` where one is said; None where nothing is known by it."""
        if self._every is not None:
            return self._every
        if word is None:
            return None
        return self._words.get(_plain(f"{edition}/{word}" if edition else str(word)))
