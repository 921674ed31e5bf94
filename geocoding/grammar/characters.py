"""Characters of an address brought to one form: width, traditional, punctuation, blanks.

Every rule maps one character to one, so a folded text has the length of the original.
"""

import re
from functools import lru_cache
from importlib.resources import files

from pypinyin.pinyin_dict import pinyin_dict

_TONES = str.maketrans("āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜńňǹḿüêế", "aaaaeeeeiiiioooouuuuvvvvnnnmvee")
_SEPARATORS = "，。、；;：:！!？?|\t\n\r\u2028\u2029/／\\＼·•．.“”\"'‘’…＋+*＊=＝"
_DASHES = "－—–―‐‑‒−─～~﹣"
_OPEN, _CLOSE = "（【［｛〔〈《「『[{<＜", "）】］｝〕〉》」』]}>＞"

_STRANGE = re.compile(r"[^\u3007\u3400-\u9fff\U00020000-\U0003134fA-Z0-9(),\-#&_ ]")
_BLANKS = re.compile(r"(?<![0-9A-Z]) +| +(?![0-9A-Z])")
_EDGE = re.compile(r"^[ ,\-]+|[ ,\-]+$")


def _traditional() -> dict[int, str]:
    """Traditional to simplified, character by character; the first form where OpenCC knows several."""
    table: dict[int, str] = {}
    source = (files("opencc") / "dictionary" / "TSCharacters.txt").read_text(encoding="utf-8")
    for line in source.splitlines():
        before, _, after = line.partition("\t")
        if len(before) == 1 and after:
            table[ord(before)] = after.split(" ")[0][0]
    return table


def _fold_table() -> dict[int, str]:
    table = _traditional()
    table.update({code: chr(code - 0xFEE0).upper() for code in range(0xFF10, 0xFF5B)})
    table.update({ord(letter): letter.upper() for letter in "abcdefghijklmnopqrstuvwxyz"})
    for characters, form in ((_SEPARATORS, ","), (_DASHES, "-"), (_OPEN, "("), (_CLOSE, ")")):
        table.update({ord(character): form for character in characters})
    table.update(dict.fromkeys((*range(9), 11, 12, *range(14, 32), 12288, 160, 8203, 65279), " "))
    table.update({0x2460 + i: str(i + 1) for i in range(9)})
    table.update({ord("＃"): "#", ord("＆"): "&", ord("○"): "〇", ord("Ｏ"): "O", ord("衖"): "弄"})
    return table


_FOLD = _fold_table()


def fold(text: str) -> str:
    """Half width, upper case, simplified characters, one comma, one dash, one pair of brackets.

    Characters that no address has (emoji, control characters) become blanks; blanks stay only
    between two letters or digits, where they part two numbers.
    """
    folded = text.translate(_FOLD)
    if _STRANGE.search(folded):
        folded = _STRANGE.sub(" ", folded)
    if " " in folded:
        folded = _BLANKS.sub("", folded).replace(" ", ",")
    return _EDGE.sub("", folded)


@lru_cache(maxsize=1)
def _syllables() -> dict[int, str]:
    return {
        code: readings.split(",")[0].translate(_TONES) + "'"
        for code, readings in pinyin_dict.items()
        if code > 0x2E80
    }


def pinyin(name: str) -> str:
    """Toneless syllables of the first reading, each closed by an apostrophe: ``"nan'jing'lu'"``."""
    return name.translate(_syllables())


_BLURRED = re.compile(r"(?<=[zcs])h|(?<=[aei]n)g(?=')|^l(?=[aeiou])|(?<=')l(?=[aeiou])")


def spoken(name: str) -> str:
    """``pinyin`` without what callers mix up: zh/z, ch/c, sh/s, -ng/-n and l-/n-."""
    return _BLURRED.sub(lambda hit: "n" if hit.group() == "l" else "", pinyin(name))


def initials(name: str) -> str:
    """First letters of the syllables, as typed into a search box: 南京东路 -> ``njdl``."""
    table = _syllables()
    return "".join(table[ord(c)][0] if ord(c) in table else c.lower() for c in name)
