"""Names of a fictional Chinese city, put together from word lists, with their English form.

English follows the road-sign custom: the specific part in pinyin, the generic part translated
(晨枫北路 -> Chenfeng North Road).
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np


class Name(NamedTuple):
    """A name in Chinese and English."""

    zh: str
    en: str


PINYIN = {
    "安": "an", "碧": "bi", "滨": "bin", "柏": "bai", "创": "chuang", "晨": "chen", "澄": "cheng",
    "川": "chuan", "春": "chun", "翠": "cui", "丹": "dan", "德": "de", "渡": "du", "东": "dong",
    "芳": "fang", "枫": "feng", "福": "fu", "港": "gang", "阁": "ge", "鼓": "gu", "光": "guang",
    "桂": "gui", "和": "he", "河": "he", "荷": "he", "湖": "hu", "花": "hua", "华": "hua", "会": "hui",
    "集": "ji", "锦": "jin", "金": "jin", "津": "jin", "景": "jing", "静": "jing", "井": "jing",
    "科": "ke", "兰": "lan", "澜": "lan", "岚": "lan", "乐": "le", "丽": "li", "莲": "lian",
    "林": "lin", "岭": "ling", "柳": "liu", "龙": "long", "楼": "lou", "鹭": "lu", "梅": "mei",
    "茗": "ming", "明": "ming", "南": "nan", "宁": "ning", "平": "ping", "屏": "ping", "浦": "pu",
    "栖": "qi", "启": "qi", "桥": "qiao", "青": "qing", "清": "qing", "泉": "quan", "仁": "ren",
    "瑞": "rui", "山": "shan", "石": "shi", "书": "shu", "水": "shui", "松": "song", "台": "tai",
    "塘": "tang", "桃": "tao", "天": "tian", "田": "tian", "亭": "ting", "望": "wang", "湾": "wan",
    "文": "wen", "梧": "wu", "溪": "xi", "西": "xi", "霞": "xia", "仙": "xian", "晓": "xiao",
    "欣": "xin", "新": "xin", "兴": "xing", "杏": "xing", "秀": "xiu", "学": "xue", "雅": "ya",
    "燕": "yan", "阳": "yang", "业": "ye", "银": "yin", "映": "ying", "永": "yong", "玉": "yu",
    "园": "yuan", "苑": "yuan", "院": "yuan", "云": "yun", "泽": "ze", "长": "chang", "竹": "zhu",
    "洲": "zhou", "庄": "zhuang", "紫": "zi", "北": "bei", "朝": "chao", "嘉": "jia", "昌": "chang",
    "盛": "sheng", "府": "fu", "礼": "li", "贤": "xian", "义": "yi", "信": "xin", "慧": "hui",
    "工": "gong", "通": "tong", "达": "da", "坊": "fang", "里": "li", "城": "cheng", "中": "zhong",
    "庙": "miao", "市": "shi", "米": "mi", "油": "you", "布": "bu", "箭": "jian", "糖": "tang",
    "灯": "deng", "笼": "long", "弓": "gong", "鱼": "yu", "茶": "cha", "豆": "dou", "麦": "mai",
    "环": "huan", "沿": "yan", "江": "jiang", "苏": "su", "丰": "feng", "月": "yue", "星": "xing",
    "洋": "yang", "口": "kou", "门": "men", "海": "hai", "纸": "zhi", "墨": "mo", "琴": "qin",
}  # fmt: skip

_FIRST = "晨青云明文清锦丹翠瑞宁安和福芳兰松柳枫桂梅竹石玉金银碧春桃梧紫秀映晓欣雅永嘉荷莲鹭栖静长望天"
_SECOND = "山水溪湖塘桥泉林园苑亭台岚阁岭屏津渡浦湾洲田庄霞阳景华光月星澜河"
_OLD_FIRST = "箭糖灯弓鱼茶豆麦米油布石井庙书墨琴纸竹柳桂梅杏仁义礼信贤福德"
_OLD_SECOND = "坊井桥门市口楼亭台园院山林塘花灯里庙"
_INDUSTRY = "兴创达通盛启科工丰昌"
_CAMPUS = "学文慧书德启礼贤"

DIRECTIONS = {"东": "East", "西": "West", "南": "South", "北": "North", "中": "Middle"}
GENERICS = {
    "大道": "Avenue",
    "高架路": "Elevated Road",
    "路": "Road",
    "街": "Street",
    "巷": "Lane",
    "弄": "Alley",
}
NUMERALS = "一二三四五六七八九"


def pinyin(text: str) -> str:
    """The pinyin of the characters as one capitalised word; raises KeyError for one not listed."""
    return "".join(PINYIN[char] for char in text).capitalize()


def road_name(base: str, generic: str, section: str = "") -> Name:
    """``road_name("望川", "路", "北")`` is 望川北路, Wangchuan North Road."""
    middle = f" {DIRECTIONS[section]}" if section else ""
    return Name(f"{base}{section}{generic}", f"{pinyin(base)}{middle} {GENERICS[generic]}")


def numbered_road(base: str, number: int) -> Name:
    """``numbered_road("兴业", 3)`` is 兴业三路, Xingye 3rd Road; ``number`` from 1 to 9."""
    ordinal = {1: "1st", 2: "2nd", 3: "3rd"}.get(number, f"{number}th")
    return Name(f"{base}{NUMERALS[number - 1]}路", f"{pinyin(base)} {ordinal} Road")


class NameBag:
    """Draws two-character words, each at most once in a city, in an order set by the generator."""

    def __init__(self, rng: np.random.Generator, reserved: Sequence[str] = ()) -> None:
        self._taken = set(reserved)
        self._modern = self._shuffled(rng, _FIRST, _SECOND)
        self._old = self._shuffled(rng, _OLD_FIRST, _OLD_SECOND)
        self._industry = self._shuffled(rng, _INDUSTRY, "业盛达通华丰")
        self._campus = self._shuffled(rng, _CAMPUS, "苑园林湖达华")

    def modern(self) -> str:
        """A word as in today's street and estate names: 晨枫, 锦溪."""
        return self._draw(self._modern)

    def old(self) -> str:
        """A word as in old lanes, after trades and temples: 糖坊, 箭楼."""
        return self._draw(self._old)

    def industry(self) -> str:
        return self._draw(self._industry)

    def campus(self) -> str:
        return self._draw(self._campus)

    @staticmethod
    def _shuffled(rng: np.random.Generator, first: str, second: str) -> Iterator[str]:
        words = [a + b for a in dict.fromkeys(first) for b in dict.fromkeys(second) if a != b]
        return iter([words[int(i)] for i in rng.permutation(len(words))])

    def _draw(self, words: Iterator[str]) -> str:
        for word in words:
            if word not in self._taken:
                self._taken.add(word)
                return word
        raise LookupError("the word list is used up")
