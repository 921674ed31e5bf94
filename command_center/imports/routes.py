"""The import wizard's interface: hand in, look, try, take, and read the reports."""

import asyncio
import json
import shutil
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal

import anyio
import anyio.to_process
import structlog
from fastapi import APIRouter, Query, Request
from fastapi import Path as PathParameter
from fastapi.responses import FileResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from command_center.imports.files import FILE_BODY, ISSUES, receive_upload, source_path, task_folder
from command_center.imports.shapes import (
    ImportDetail,
    ImportIssueOut,
    ImportOptions,
    ImportOut,
    ImportPage,
    ImportPreview,
    IssuePage,
    RunOut,
    RunPage,
    TargetOut,
)
from command_center.paging import Cursor, Limit, cursor_of, row_id_of
from command_center.problems import Conflict
from command_center.requests import Audit, AuditTrail, Conn, authenticate, origin_of, requires
from gis_core.database import load_queries
from gis_core.errors import DomainError, NotFound, Text
from gis_core.identity.principal import Principal
from gis_core.importing.errors import Cancelled
from gis_core.importing.inspection import inspect_or_refuse, target_choices
from gis_core.importing.preview import preview_or_refuse
from gis_core.importing.recipes import request_of
from gis_core.importing.request import ImportRequest

IMPORT = "city.import"
LAST = 1 << 62
FIRST_ISSUES = 100

router = APIRouter(tags=["导入 Import"])
Importer = Annotated[Principal, requires(IMPORT)]
TaskId = Annotated[int, PathParameter(ge=1, le=2**31 - 1)]
Suffix = Literal["csv", "json", "geojson"]
Severity = Annotated[Literal["note", "repaired", "refused"] | None, Query()]
_SQL = load_queries("command_center.imports")
_Read = tuple[dict[str, Any], dict[str, str] | None]
log = structlog.get_logger(__name__)


class Busy(Conflict):
    slug = "import-busy"
    detail = Text(
        "此导入正在进行或已完成，不能再次开始。", "This import is under way or done; it cannot start again."
    )


class NotUnderWay(Conflict):
    slug = "import-not-under-way"
    detail = Text("此导入没有在进行，不能取消。", "This import is not under way; there is nothing to stop.")


class UploadGone(Conflict):
    slug = "upload-gone"
    detail = Text("上传的文件已清理，请重新上传。", "The uploaded file was cleared away; upload it again.")


class Unreadable(DomainError):
    status, slug = 422, "import-unreadable"
    title = Text("无法读取", "Cannot be read")
    detail = Text("{reason_zh}", "{reason}")


def _whose(importer: Principal) -> dict[str, Any]:
    """Whose imports the caller sees: with the right for the whole city everybody's, else his own."""
    return {"person_id": importer.person_id, "everybody": importer.area_prefixes(IMPORT) is None}


def _allowed_areas(importer: Principal) -> list[str] | None:
    codes = {scope.area_code for scope in importer.scopes.get(IMPORT, ())}
    return None if None in codes else sorted(code for code in codes if code)


@router.get("/imports/targets", summary="可导入的数据类型 / What a layer can be imported as")
async def list_targets(importer: Importer) -> list[TargetOut]:
    return [TargetOut(**one) for one in target_choices()]


@router.post(
    "/imports",
    summary="上传并查看文件 / Hand in a file and look at it",
    status_code=201,
    openapi_extra=FILE_BODY,
)
async def hand_in(request: Request) -> ImportDetail:
    """Nothing is imported. A file that cannot be read comes back in the state ``refused`` with the reason.

    Needs the permission ``city.import``. No database connection is held while the file comes in.
    """
    state = request.app.state
    importer = await authenticate(request)
    importer.require(IMPORT)
    upload = await receive_upload(request, state.data_dir)
    try:
        async with state.engine.begin() as conn:
            values = {"person_id": importer.person_id, "file_name": upload.name,
                      "file_sha256": upload.sha256, "file_bytes": upload.size}  # fmt: skip
            task_id = int(await conn.scalar(_SQL["insert_task"], values) or 0)
            folder = task_folder(state.data_dir, task_id)
            shutil.rmtree(folder, ignore_errors=True)
            upload.folder.rename(folder)
            audit = AuditTrail(conn, state.keyring, importer, origin_of(request))
            told = {"file": upload.name, "sha256": upload.sha256}
            await audit("import.upload", "import_task", task_id, told)
    except BaseException:
        shutil.rmtree(upload.folder, ignore_errors=True)
        raise
    looked = await _look(request, task_id, ImportOptions())
    async with state.engine.begin() as conn:
        await conn.execute(_SQL["set_inspection"], looked)
        return await _detail(request, conn, importer, task_id)


@router.post("/imports/{task_id}/inspection", summary="按新选项再看一次 / Look again with other options")
async def look_again(
    task_id: TaskId, body: ImportOptions, request: Request, conn: Conn, importer: Importer
) -> ImportDetail:
    """With an encoding, an EPSG code or coordinate columns said."""
    await _require_idle(conn, importer, task_id)
    await conn.execute(_SQL["set_inspection"], await _look(request, task_id, body))
    return await _detail(request, conn, importer, task_id)


@router.post("/imports/{task_id}/preview", summary="按各种坐标读法显示 / How it lies in each reading")
async def preview(
    task_id: TaskId, body: ImportOptions, request: Request, conn: Conn, importer: Importer
) -> ImportPreview:
    """Some hundred features of a layer, from all over the file, lon/lat, in each coordinate system and datum
    they can be in, with lines to the roads of the database that they name. Nothing is imported.

    422 with the reason where the file cannot be read as said, or where several layers leave open which.
    """
    await _task(conn, importer, task_id)
    told, refusal = await _read(request, task_id, body, preview_or_refuse)
    if refusal is not None:
        raise Unreadable(reason_zh=refusal["zh"], reason=refusal["en"])
    return ImportPreview(**told)


async def _look(request: Request, task_id: int, options: ImportOptions) -> dict[str, Any]:
    inspection, refusal = await _read(request, task_id, options, inspect_or_refuse)
    return {
        "id": task_id,
        "inspection": json.dumps(inspection, ensure_ascii=False, default=str).replace("\\u0000", ""),
        "refusal": None if refusal is None else json.dumps(refusal, ensure_ascii=False),
    }


async def _read(
    request: Request, task_id: int, options: ImportOptions, read: Callable[[ImportRequest, str], _Read]
) -> _Read:
    """In a process of its own: reading a large file must not hold up the live map."""
    path = source_path(request.app.state.data_dir, task_id)
    if path is None:
        raise UploadGone
    said = {key: getattr(options, key) for key in ("target", "layer", "source", "srid", "encoding")}
    said |= {"lon_column": options.lon_column, "lat_column": options.lat_column}
    wanted = request_of({key: value for key, value in said.items() if value is not None}, path)
    url = request.app.state.settings.database.database_url
    return await anyio.to_process.run_sync(read, wanted, url, cancellable=True)


@router.post("/imports/{task_id}/dry-run", summary="试导入 / Try it, keeping nothing", status_code=202)
async def try_import(
    task_id: TaskId, body: ImportOptions, request: Request, conn: Conn, importer: Importer, audit: Audit
) -> ImportOut:
    """Reads all, compares with what is there, keeps nothing; the report tells the differences."""
    return await _queue(task_id, body, request, conn, importer, audit, dry_run=True)


@router.post("/imports/{task_id}/run", summary="导入 / Take it", status_code=202)
async def run_import_task(
    task_id: TaskId, body: ImportOptions, request: Request, conn: Conn, importer: Importer, audit: Audit
) -> ImportOut:
    """All of it or nothing; only features within the areas of the caller's grant are taken."""
    return await _queue(task_id, body, request, conn, importer, audit, dry_run=False)


async def _queue(
    task_id: int, body: ImportOptions, request: Request, conn: AsyncConnection, importer: Principal,
    audit: Audit, *, dry_run: bool,
) -> ImportOut:  # fmt: skip
    await _require_idle(conn, importer, task_id)
    path = source_path(request.app.state.data_dir, task_id)
    if path is None:
        raise UploadGone
    options = body.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    request_of(options, path)
    if body.within is not None:
        importer.require_in(IMPORT, body.within)
    kept = options | {"allowed_areas": _allowed_areas(importer)}
    values = {"id": task_id, "dry_run": dry_run, "options": json.dumps(kept, ensure_ascii=False)}
    await conn.execute(_SQL["queue_task"], values)
    await request.app.state.jobs.configure_task("imports:import_file").defer_async(task_id=task_id)
    await audit("import.try" if dry_run else "import.start", "import_task", task_id, options)
    return _out(await _task(conn, importer, task_id))


async def _require_idle(conn: AsyncConnection, importer: Principal, task_id: int) -> None:
    """Raises NotFound, or Busy while it is under way or once it is done."""
    await conn.execute(_SQL["close_dead_tasks"])
    await _task(conn, importer, task_id)
    if await conn.scalar(_SQL["lock_task"], {"id": task_id}) in ("queued", "running", "done"):
        raise Busy


@router.post("/imports/{task_id}/cancel", summary="取消导入 / Stop it, keeping nothing", status_code=202)
async def cancel_import(task_id: TaskId, conn: Conn, importer: Importer, audit: Audit) -> ImportOut:
    """While it waits or runs; one that runs ends within seconds in the state ``refused``. What is written
    already is no longer stopped: it comes out as ``done``."""
    await _task(conn, importer, task_id)
    told = {"slug": Cancelled.slug, "zh": Cancelled().text.zh, "en": Cancelled().text.en}
    values = {"id": task_id, "refusal": json.dumps(told, ensure_ascii=False)}
    if await conn.scalar(_SQL["cancel_task"], values) is None:
        raise NotUnderWay
    await audit("import.cancel", "import_task", task_id)
    return _out(await _task(conn, importer, task_id))


@router.get("/imports", summary="导入列表 / Files handed in")
async def list_imports(
    conn: Conn, importer: Importer, limit: Limit = 50, cursor: Cursor = None
) -> ImportPage:
    """Newest first."""
    await conn.execute(_SQL["close_dead_tasks"])
    values = _whose(importer) | {"before": row_id_of(cursor, start=LAST), "max_rows": limit + 1}
    rows = [dict(row) for row in (await conn.execute(_SQL["tasks"], values)).mappings()]
    following = cursor_of(rows[limit - 1]["id"]) if len(rows) > limit else None
    return ImportPage(imports=[_out(row) for row in rows[:limit]], next=following)


@router.get("/imports/{task_id}", summary="导入进度与结果 / One import, its progress and outcome")
async def get_import(task_id: TaskId, request: Request, conn: Conn, importer: Importer) -> ImportDetail:
    await conn.execute(_SQL["close_dead_tasks"])
    return await _detail(request, conn, importer, task_id)


@router.get("/imports/{task_id}/issues", summary="逐条问题 / What was changed or refused")
async def get_issues(
    task_id: TaskId, request: Request, conn: Conn, importer: Importer,
    severity: Severity = None, limit: Limit = 100, cursor: Cursor = None,
) -> IssuePage:  # fmt: skip
    await _task(conn, importer, task_id)
    folder = task_folder(request.app.state.data_dir, task_id)
    return await asyncio.to_thread(_issues, folder, row_id_of(cursor, start=0), limit, severity)


@router.get(
    "/imports/{task_id}/report.{suffix}",
    summary="下载报告 / Download the report",
    response_class=FileResponse,
)
async def get_report(
    task_id: TaskId,
    suffix: Literal["csv", "json", "geojson"],
    request: Request,
    conn: Conn,
    importer: Importer,
) -> FileResponse:
    """CSV: one line an issue; GeoJSON: the issues at their places; JSON: everything."""
    found = await _task(conn, importer, task_id)
    path = task_folder(request.app.state.data_dir, task_id) / f"report.{suffix}"
    if not path.is_file():
        raise NotFound(key=task_id, kind_zh="导入报告", kind="import report")
    kinds = {"csv": "text/csv", "json": "application/json", "geojson": "application/geo+json"}
    stem = found["file_name"].split(".")[0]
    return FileResponse(path, media_type=kinds[suffix], filename=f"{stem}-report.{suffix}")


@router.delete("/imports/{task_id}", summary="删除上传 / Clear an upload away", status_code=204)
async def clear_away(task_id: TaskId, request: Request, conn: Conn, importer: Importer, audit: Audit) -> None:
    """The record of a run stays."""
    await _task(conn, importer, task_id)
    if await conn.scalar(_SQL["delete_task"], {"id": task_id}) is None:
        raise Busy
    await audit("import.clear", "import_task", task_id)
    await asyncio.to_thread(
        shutil.rmtree, task_folder(request.app.state.data_dir, task_id), ignore_errors=True
    )


@router.get("/import-runs", summary="导入记录 / Record of all runs, from the command line too")
async def list_runs(
    conn: Conn, importer: Importer, source: Annotated[str | None, Query(max_length=200)] = None,
    limit: Limit = 50, cursor: Cursor = None,
) -> RunPage:  # fmt: skip
    values = _whose(importer) | {
        "source": source, "before": row_id_of(cursor, start=LAST), "max_rows": limit + 1,
    }  # fmt: skip
    rows = [dict(row) for row in (await conn.execute(_SQL["runs"], values)).mappings()]
    following = cursor_of(rows[limit - 1]["id"]) if len(rows) > limit else None
    return RunPage(runs=[RunOut(**row) for row in rows[:limit]], next=following)


@router.get("/import-runs/{run_id}/issues", summary="某次导入的逐条问题 / What a run changed or refused")
async def get_run_issues(
    run_id: TaskId, conn: Conn, importer: Importer, severity: Severity = None, limit: Limit = 100,
    cursor: Cursor = None,
) -> IssuePage:  # fmt: skip
    values = _whose(importer) | {
        "id": run_id, "severity": severity, "after": row_id_of(cursor, start=0), "max_rows": limit + 1,
    }  # fmt: skip
    rows = [dict(row) for row in (await conn.execute(_SQL["run_issues"], values)).mappings()]
    following = cursor_of(rows[limit - 1]["id"]) if len(rows) > limit else None
    return IssuePage(issues=[ImportIssueOut(**row) for row in rows[:limit]], next=following)


async def _task(conn: AsyncConnection, importer: Principal, task_id: int) -> dict[str, Any]:
    values = _whose(importer) | {"id": task_id}
    row = (await conn.execute(_SQL["task"], values)).mappings().one_or_none()
    if row is None:
        raise NotFound(key=task_id, kind_zh="导入", kind="import")
    return dict(row)


def _out(row: dict[str, Any]) -> ImportOut:
    options = {key: value for key, value in row["options"].items() if key != "allowed_areas"}
    return ImportOut(**row | {"options": options})


async def _detail(request: Request, conn: AsyncConnection, importer: Principal, task_id: int) -> ImportDetail:
    row = await _task(conn, importer, task_id)
    folder = task_folder(request.app.state.data_dir, task_id)
    issues = await asyncio.to_thread(_issues, folder, 0, FIRST_ISSUES, None)
    told = _out(row).model_dump()
    return ImportDetail(**told, inspection=row["inspection"], issues=issues)


def _issues(folder: Path, after: int, limit: int, severity: str | None) -> IssuePage:
    """A page of the issues written beside the upload; the cursor is the line."""
    path = folder / ISSUES
    if not path.is_file():
        return IssuePage(issues=[], next=None)
    found: list[ImportIssueOut] = []
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(islice(file, after, None), start=after + 1):
            one = json.loads(line)
            if severity is not None and one["severity"] != severity:
                continue
            if len(found) == limit:
                return IssuePage(issues=found, next=cursor_of(number - 1))
            found.append(ImportIssueOut(**one))
    return IssuePage(issues=found, next=None)
