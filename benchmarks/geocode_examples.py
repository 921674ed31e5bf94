"""Twenty hard addresses with their full explanations, as Markdown: what was read, found and refused, and why.

The addresses are of public places of one large city. No points are printed: the registers that the gazetteer
was made from may not be passed on; what the answer says of its own trust is what is shown.
"""

from pathlib import Path

from benchmarks.geocode_data import apart_m, load
from geocoding.answers import REASON, WHY, Answer, explain, geocode
from geocoding.calibration import calibrate
from geocoding.examination import examine
from geocoding.forward import Hints
from geocoding.grammar.vocabulary import canonical

HARD = (
    ("南京东路３００號", "", "full width, traditional"),
    ("黄浦区人民大道二百号", "", "Chinese numerals"),
    ("上海市上海市黄浦区黄浦区中山东一路12号", "", "repeated areas"),
    ("淮海中路99号", "黄浦区", "district only as a hint"),
    ("世纪大道八号国金中心二期", "", "building after the number"),
    ("我要反映南京西路325号门口有人乱设摊", "", "chatter before and after"),
    ("师傅我在外滩中山东一路20号这边路灯不亮", "", "chatter, landmark before the road"),
    ("南京冬路300号", "", "homophone"),
    ("准海中路99号", "黄浦区", "look-alike"),
    ("njdl300号", "", "initials"),
    ("西藏中路与南京东路交叉口", "", "crossing"),
    ("人民广场来福士门口", "", "a place, and words after it that are nobody's name"),
    ("南京西路325号对面", "", "opposite"),
    ("南京西路325号往东50米", "", "offset"),
    ("江苏省南京市中山南路315号", "", "a road and number of another city that this one has too"),
    ("陆家嘴环路1000弄5号楼2单元", "", "lane, building, unit"),
    ("中山北路3663号", "", "a road through several districts"),
    ("人民路9999号", "", "a number that cannot be"),
    ("无此路12号", "", "a road that is not there"),
    ("300号南京东路黄浦区", "", "reordered"),
)


def markdown(tables: Path) -> str:
    """All examples on the gazetteer of ``tables`` (nine tenths of it, as for the accuracy)."""
    split = load(tables)
    calibration = calibrate(examine(split.gazetteer))
    parts = [
        "# Twenty hard addresses\n",
        "Made by `./wanmi bench geocode --accuracy tables.toml --examples docs/geocoding-examples.md`;"
        " no points are printed, as the registers may not be passed on.\n",
        f"Threshold of acceptance in this run: {calibration.threshold:.3f}.\n",
    ]
    for number, (text, district, why) in enumerate(HARD, 1):
        answer = geocode(split.gazetteer, calibration, text, Hints(canonical(district)), limit=4)
        parts.append(f"## {number}. {text}" + (f" (hint: {district})" if district else "") + "\n")
        parts.append(f"*{why}*\n")
        parts.append(_explained(answer))
    return "\n".join(parts)


def _explained(answer: Answer) -> str:
    reading = answer.reading
    combination = f"{answer.combination.number} {answer.combination.name}" if answer.combination else "none"
    lines = [
        f"- canonical: `{reading.canonical}`",
        "- read as: "
        + ", ".join(f"{e['text']} = {e['kind']} ({e['how']})" for e in explain(answer)["elements"]),
        f"- combination: {combination}; status: **{answer.status}**",
    ]
    if answer.elsewhere:
        lines.append(f"- said to lie elsewhere: {answer.elsewhere}")
    if reading.crossing:
        lines.append(f"- crossing: {reading.crossing[0]} × {reading.crossing[1]}")
    if reading.relative:
        told = [reading.relative.relation]
        if reading.relative.bearing_deg is not None:
            told.append(f"bearing {reading.relative.bearing_deg:.0f}°")
        if reading.relative.distance_m is not None:
            told.append(f"{reading.relative.distance_m:.0f} m")
        lines.append("- relative: " + ", ".join(told))
    if answer.candidates:
        lines += ["", "| matched | level | confidence | error m | name | why | from the first |",
                  "| --- | --- | --- | --- | --- | --- | --- |"]  # fmt: skip
    first = answer.best
    for c in answer.candidates:
        away = apart_m(c.lon, c.lat, first.lon, first.lat) if first else 0.0
        lines.append(
            f"| {c.matched} | {c.level} | {c.confidence:.3f} | {c.error_m:.0f} | {REASON[c.reason].en} |"
            f" {WHY[c.why].en}{', a shared point' if c.shared else ''} | {away:,.0f} m |"
        )
    return "\n".join(lines) + "\n"
