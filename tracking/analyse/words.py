"""Times as the records say them."""

from typing import Any

from tracking.clock import datetime_of

Record = dict[str, Any]


def spoken(moment_us: float) -> str:
    """ISO 8601 in UTC; milliseconds only where there are some."""
    try:
        moment = datetime_of(int(moment_us))
    except OverflowError:
        return f"{moment_us / 1e6:.3f}"
    text = moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")
    return text.replace("+00:00", "Z")
