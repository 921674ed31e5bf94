"""The records of an analysis as a table of devices and of reasons."""

from collections import Counter
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from tracking.analyse.words import Record

SHOWN = 40


def in_words(records: Iterable[Record]) -> None:
    console = Console()
    reasons: Counter[tuple[str, str]] = Counter()
    devices = Table("设备 device", "定位 fixes", "保留 kept", "里程 km", "±", "停留 stops", "报警 alerts")
    alerts: Counter[str] = Counter()
    count = 0
    for record in records:
        match record["kind"]:
            case "flag" | "drop":
                reasons[record["kind"], record["reason"]] += 1
            case "alert":
                alerts[record["device"]] += 1
                reasons["alert", record["rule"]] += 1
            case "summary":
                count += 1
                if count <= SHOWN:
                    devices.add_row(
                        record["device"],
                        f"{record['fixes']:,}",
                        f"{record['kept']:,}",
                        f"{record['mileage_m'] / 1000:,.1f}",
                        f"{record['mileage_error_m'] / 1000:,.1f}",
                        str(record["stops"]),
                        str(alerts[record["device"]]),
                    )
    console.print(devices)
    if count > SHOWN:
        console.print(f"… {count - SHOWN:,} 个设备未列出 more devices")
    found = Table("种类 kind", "原因 reason", "数 count")
    for (kind, reason), number in sorted(reasons.items()):
        found.add_row(kind, reason, f"{number:,}")
    console.print(found)
