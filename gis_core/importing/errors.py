"""Why a whole file is refused. Nothing of it is imported then."""

import tomllib
from importlib.resources import files
from typing import Any

from gis_core.errors import DomainError, Text
from gis_core.importing.report import ImportReport


class ImportRefused(DomainError):
    """Base of the refusals of a whole file; each has its slug, texts and status from ``refusals.toml``."""

    status, slug = 422, "import-refused"
    title = Text("文件未导入", "Nothing was imported")
    detail = Text("{reason}", "{reason}")
    report: ImportReport | None = None
    """What was found until then, where reading had begun."""


_TEXTS: dict[str, dict[str, Any]] = tomllib.loads(
    (files("gis_core.importing") / "refusals.toml").read_text(encoding="utf-8")
)


def _refusal(slug: str) -> type[ImportRefused]:
    told = _TEXTS[slug]
    name = "".join(word.capitalize() for word in slug.split("-"))
    detail = Text(told["zh"], told["en"])
    members = {"slug": slug, "status": told.get("status", 422), "detail": detail, "__module__": __name__}
    return type(name, (ImportRefused,), members)


BadRecipe = _refusal("bad-recipe")
Cancelled = _refusal("cancelled")
CoordinatesMissing = _refusal("coordinates-missing")
CoordinatesUnreadable = _refusal("coordinates-unreadable")
CrsImplausible = _refusal("crs-implausible")
CrsMissing = _refusal("crs-missing")
CrsUnknown = _refusal("crs-unknown")
DamagedFile = _refusal("damaged-file")
DatabaseLost = _refusal("database-lost")
DatabaseRefused = _refusal("database-refused")
DatumUnclear = _refusal("datum-unclear")
DiskFull = _refusal("disk-full")
EncodingUnknown = _refusal("encoding-unknown")
EncodingWrong = _refusal("encoding-wrong")
FileEmpty = _refusal("file-empty")
FileMissing = _refusal("file-missing")
LayerNeeded = _refusal("layer-needed")
NotRemovable = _refusal("not-removable")
NothingInZip = _refusal("nothing-in-zip")
NothingTaken = _refusal("nothing-taken")
RemoveNeedsKeys = _refusal("remove-needs-keys")
TargetUnclear = _refusal("target-unclear")
UnknownArea = _refusal("unknown-area")
UnknownClass = _refusal("unknown-class")
UnknownEncoding = _refusal("unknown-encoding")
UnknownField = _refusal("unknown-field")
UnknownFormat = _refusal("unknown-format")
UnknownLayer = _refusal("unknown-layer")
UnknownOption = _refusal("unknown-option")
UnsafeZip = _refusal("unsafe-zip")
