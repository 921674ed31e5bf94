"""Imports as they go over HTTP."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from gis_core.coordinates import Datum
from gis_core.models.area import AREA_LEVELS

Word = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
Pairs = Annotated[dict[Word, Word], Field(max_length=200)]
Level = Literal["city", "district", "street", "community"]
assert set(AREA_LEVELS) == set(Level.__args__)  # type: ignore[attr-defined]


class ImportOptions(BaseModel):
    """How to import the file: the vocabulary of ``./wanmi import`` and of recipes."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    target: Word | None = None
    layer: Word | None = None
    source: Word | None = Field(None, description="来源名称；再次导入按它更新 / rows are found again by it")
    within: Word | None = Field(None, description="只导入该区域内的 / only inside this area's code")
    touching: bool = False
    srid: int | None = Field(None, ge=1, le=999_999)
    datum: Datum | None = None
    accept_datum: bool = Field(False, description="接受证据的建议 / take what the evidence proposes")
    encoding: Word | None = None
    lon_column: Word | None = None
    lat_column: Word | None = None
    key: Word | None = Field(None, description="键字段 / field that identifies a feature")
    level: Level | None = None
    parent: Word | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    provisional_codes: bool = False
    remove_missing: bool = False
    map: Pairs = Field(default_factory=dict, description="列=字段 / column to field")
    set: Pairs = Field(default_factory=dict, description="列=固定值 / column to one value for all")
    class_: Pairs = Field(default_factory=dict, alias="class", description="名称=代码 / word to class code")


class TargetOut(BaseModel):
    key: str
    geometry: str
    columns: list[str]
    needs: list[str]


class ImportIssueOut(BaseModel):
    feature: str
    severity: Literal["note", "repaired", "refused"]
    code: str
    message_zh: str
    message_en: str


class IssuePage(BaseModel):
    issues: list[ImportIssueOut]
    next: str | None


class ImportOut(BaseModel):
    """``state``: uploaded, queued, running, tried (a dry run ended well), done, refused."""

    id: int
    file_name: str
    file_bytes: int
    state: Literal["uploaded", "queued", "running", "tried", "done", "refused"]
    dry_run: bool
    options: dict[str, Any]
    read: int
    total: int | None
    report: dict[str, Any] | None
    """counts by target, reasons with number and text, datum, evidence, differences."""
    refusal: dict[str, Any] | None
    import_run_id: int | None
    person_id: int
    person: str
    person_en: str | None
    created_at: datetime
    changed_at: datetime


class ImportDetail(ImportOut):
    inspection: dict[str, Any]
    """format, source, remembered options, and by layer: fields with samples, proposed target, mappings by
    target, key, encoding, srid, datum evidence, or why it cannot be read as it is."""
    issues: IssuePage


class ReadingOut(BaseModel):
    """The same features under one coordinate system and datum, as GeoJSON in lon/lat."""

    crs: str
    srid: int | None
    datum: Datum
    bbox: tuple[float, float, float, float] | None
    features: dict[str, Any]
    to_roads: dict[str, Any]
    """Lines from features to the roads they name: short where the reading is right."""


class ImportPreview(BaseModel):
    sampled: int
    """Features the evidence was drawn from."""
    size: int | None
    shown: int
    readings: list[ReadingOut]
    named: dict[str, Any] = Field(default_factory=dict)
    """The known roads and areas that the features name."""


class ImportPage(BaseModel):
    imports: list[ImportOut]
    next: str | None


class RunOut(BaseModel):
    id: int
    file_name: str
    file_sha256: str
    target: str
    source: str
    srid: int | None
    state: Literal["running", "done", "refused"]
    started_at: datetime
    finished_at: datetime | None
    counts: dict[str, Any]
    person_id: int | None
    person: str | None
    person_en: str | None


class RunPage(BaseModel):
    runs: list[RunOut]
    next: str | None
