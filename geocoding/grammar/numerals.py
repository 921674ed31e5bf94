"""Chinese numerals to Arabic ones, inside names too, so that 长桥二村 and 长桥2村 are one name."""

import re

_DIGIT = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "壹": 1, "贰": 2, "叁": 3}
_DIGIT |= {"肆": 4, "伍": 5, "陆": 6, "柒": 7, "捌": 8, "玖": 9}
_RUN = re.compile(
    r"(?P<before>[0-9])?(?P<run>[廿卅零〇一二三四五六七八九十]"
    r"(?:[廿卅零〇一二三四五六七八九十]|(?<=[一二三四五六七八九])[百千])*)(?P<after>[0-9])?"
)


def value(numeral: str) -> str:
    """Arabic digits of one numeral: 二十一 -> 21, 一五三八 -> 1538, 一千二百零五 -> 1205.

    A run without 十, 百 or 千 is read digit by digit; zeros in front are kept.
    """
    if numeral[0] in "廿卅":
        numeral = ("二十" if numeral[0] == "廿" else "三十") + numeral[1:]
    if not any(c in numeral for c in "十百千"):
        return "".join(str(_DIGIT[c]) for c in numeral if c in _DIGIT)
    total, digit, smallest = 0, 0, 10_000
    for c in numeral:
        if c in _DIGIT:
            digit = _DIGIT[c]
            continue
        size = {"十": 10, "百": 100, "千": 1000}.get(c, 10)
        total += (digit or 1) * size
        smallest, digit = size, 0
    if digit and smallest > 10 and numeral[-2] not in "零〇":
        digit *= smallest // 10
    return str(total + digit)


def _replace(hit: re.Match[str]) -> str:
    before, after = hit["before"], hit["after"]
    return f"{before + ',' if before else ''}{value(hit['run'])}{',' + after if after else ''}"


def arabic(text: str) -> str:
    """``text`` with every Chinese numeral in Arabic digits.

    A comma parts a numeral from Arabic digits that stand right beside it: they are two numbers.
    百 and 千 count only after a digit, so 百色路 and 千阳路 stay.
    """
    return _RUN.sub(_replace, text)


_SHORT = re.compile(r"(?<![A-Z0-9/.#(-])[1-9]\d?(?![0-9A-Z/.#-]|号|小时|元|天|分|周|期)")
_DIGITS = "零一二三四五六七八九"


_DAYS = frozenset((51, 61, 71, 81))
"""Holidays that roads are called after, said digit by digit: 八一路."""


def _word(hit: re.Match[str]) -> str:
    number = int(hit[0])
    if number in _DAYS:
        return "".join(_DIGITS[int(digit)] for digit in hit[0])
    if number < 10:
        return _DIGITS[number]
    tens = "" if number < 20 else _DIGITS[number // 10]
    return f"{tens}十{_DIGITS[number % 10] if number % 10 else ''}"


def in_words(name: str) -> str:
    """A canonical name as signs write it: 4川北路 -> 四川北路, 长桥2村 -> 长桥二村. Numbers of three digits
    and more stay, those beside Latin letters and signs (7-11), and counts (3号线, 24小时)."""
    return _SHORT.sub(_word, name)
