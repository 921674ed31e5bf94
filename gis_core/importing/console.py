"""Reports of imports as text on a terminal, in both languages."""

from typing import Any

from rich.console import Console
from rich.table import Table

from gis_core.importing.report import ImportReport

_TITLES = {
    "read": "读入\nread",
    "inserted": "新增\ninserted",
    "updated": "更新\nupdated",
    "unchanged": "未变\nunchanged",
    "repaired": "修复\nrepaired",
    "refused": "拒绝\nrefused",
    "outside": "范围外\noutside",
    "missing": "缺失\nmissing",
    "removed": "去掉\nremoved",
}
_ALWAYS = ("read", "inserted", "updated", "unchanged", "refused")
"""The others are shown where they are not all nought, for a terminal of 80 columns."""
_LISTED = 20


def print_report(report: ImportReport, console: Console) -> None:
    facts = [report.file, report.layer, report.crs, report.encoding, f"source={report.source}"]
    console.print(" · ".join(fact for fact in facts if fact), highlight=False, soft_wrap=True)
    if report.evidence is not None and report.dry_run:
        print_evidence(report.evidence, console)
    table = Table(box=None, pad_edge=False)
    table.add_column("", no_wrap=True)
    found = [counts.as_dict() for counts in report.counts.values()]
    told = [name for name in _TITLES if name in _ALWAYS or any(figures[name] for figures in found)]
    for name in told:
        table.add_column(_TITLES[name], justify="right", no_wrap=True)
    for target, figures in zip(report.counts, found, strict=True):
        table.add_row(target, *(f"{figures[name]:,}" for name in told))
    console.print(table)
    if reasons := report.reasons():
        table = Table(box=None, pad_edge=False)
        for title in ("", "原因 reason", "数 n", "例 example"):
            table.add_column(title, justify="right" if title.startswith("数") else "left", overflow="fold")
        labels = {"refused": "拒绝 refused", "repaired": "修复 repaired", "note": "提示 note"}
        for severity, code, number, text in reasons:
            table.add_row(labels[severity], code, f"{number:,}", f"{text.zh} / {text.en}")
        console.print(table)
    if report.differences:
        _print_differences(report, console)
    if report.skipped:
        console.print(f"其他对象 other objects, not for these tables: {report.skipped:,}", highlight=False)
    rows = sum(counts.read for counts in report.counts.values())
    rate = rows / report.seconds if report.seconds else 0
    ending = "试导入，未保存 dry run, nothing kept" if report.dry_run else f"import_run {report.run_id}"
    console.print(f"{report.seconds:.2f} s · {rate:,.0f}/s · {ending}", highlight=False)


def _print_differences(report: ImportReport, console: Console) -> None:
    table = Table(box=None, pad_edge=False)
    for title in ("", "", "键 key", "变化 change"):
        table.add_column(title, overflow="fold")
    marks = {"inserted": "+ 新增", "updated": "~ 改变", "missing": "- 缺失"}
    found = report.differences or []
    for one in found[:_LISTED]:
        words = "; ".join(
            f"{name}: {new}" if name == "geom" else f"{name}: {old} → {new}"
            for name, (old, new) in one.columns.items()
        )
        table.add_row(marks[one.kind], one.target, one.key, words[:300])
    console.print(table)
    if len(found) > _LISTED:
        console.print(f"… 另有 {len(found) - _LISTED:,} 条 more (--json)", highlight=False)


def print_evidence(evidence: dict[str, Any], console: Console) -> None:
    """The table of hypotheses; what has no number had nothing to compare with."""
    table = Table(box=None, pad_edge=False)
    titles = (
        "读作\nread as", "中国境内\nin China", "已知区域内\nin known areas", "同名道路数\nnamed roads",
        "距离中位数\nmedian m", "所写区域内\nin named area", "面数\npolygons", "重合度\nIoU",
    )  # fmt: skip
    for at, title in enumerate(titles):
        table.add_column(title, justify="right" if at else "left", no_wrap=True)
    for one in evidence["hypotheses"]:
        table.add_row(
            f"{one['crs']} {one['datum']}",
            _share(one["in_china"]),
            _share(one["known_area_share"]),
            f"{one['roads']:,}",
            "–" if one["road_median_m"] is None else f"{one['road_median_m']:,.0f}",
            _share(one["named_area_share"]),
            f"{one['polygons']:,}",
            "–" if one["iou"] is None else f"{one['iou']:.3f}",
        )
    console.print(table)
    if evidence["nmea_share"] is not None:
        told = f"小数位 decimals: {evidence['decimals']} · 1/600000° 整数倍 multiples: "
        console.print(told + _share(evidence["nmea_share"]), highlight=False)
    proposal = evidence["proposal"]
    reasons = "；".join(one["zh"] for one in evidence["why"]) or "没有可对照的数据 nothing to compare with"
    console.print(
        f"建议 proposal: {proposal['crs']} {proposal['datum']}，把握 confidence {evidence['confidence']:.0%}"
        f"（{reasons}）",
        highlight=False,
        soft_wrap=True,
    )


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"
