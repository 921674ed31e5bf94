"""Zips of GIS offices: unpacked with limits into a folder of our own."""

import shutil
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gis_core.errors import Text
from gis_core.importing.errors import DamagedFile, ImportRefused, NothingInZip, UnsafeZip

MAX_MEMBERS = 2_000
MAX_UNPACKED_BYTES = 4 * 2**30
MAX_RATIO = 200
"""Deflated coordinates shrink 2 to 20 times; a zip bomb 1,000 times and more."""
RATIO_MATTERS_FROM_BYTES = 16 * 2**20
CHUNK_BYTES = 2**20

SHAPEFILE_PARTS = frozenset({".shp", ".shx", ".dbf", ".prj", ".cpg"})
OSM_SUFFIXES = frozenset({".osm", ".pbf"})
DATA_SUFFIXES = OSM_SUFFIXES | {".shp", ".gpkg", ".geojson", ".json", ".kml", ".csv", ".tsv", ".xlsx"}
_PACKED = frozenset({".zip", ".rar", ".7z", ".gz", ".tar", ".kmz"})


@dataclass(frozen=True, slots=True)
class Dataset:
    """A data file ready to read; ``name`` is what people call it (Chinese where the zip has it)."""

    name: str
    path: Path


def member_name(member: zipfile.ZipInfo) -> str:
    """The member's path; names written in GBK without the UTF-8 flag are read as such."""
    if member.flag_bits & 0x800:
        return member.filename
    raw = member.filename.encode("cp437", errors="replace")
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return member.filename


def check_zip(path: Path, file: str) -> None:
    """The same limits for formats that are zips themselves (.kmz, .xlsx).

    Raises UnsafeZip and DamagedFile.
    """
    try:
        with zipfile.ZipFile(path) as opened:
            _check(path, [member for member in opened.infolist() if not member.is_dir()])
    except (zipfile.BadZipFile, EOFError) as error:
        kind = path.suffix
        where = Text(f"内容不是 {kind} 格式", f"the content is not {kind}")
        raise DamagedFile(file=file, where=where) from error


def holds_osm(path: Path) -> bool:
    """Whether the file is a zip with an OpenStreetMap file in it; False where it cannot be opened."""
    if path.suffix.lower() != ".zip":
        return False
    try:
        with zipfile.ZipFile(path) as opened:
            names = [PurePosixPath(name) for name in opened.namelist()]
    except (OSError, zipfile.BadZipFile):
        return False
    return any(name.suffix.lower() in OSM_SUFFIXES and not _is_of_macos(name) for name in names)


def unpack(archive: Path, folder: Path) -> list[Dataset]:
    """Unpack the data files of ``archive`` into ``folder`` under plain names.

    The members' own paths are never used to write, so a path that climbs out leads nowhere; such a zip
    is refused all the same. Raises UnsafeZip (limits, climbing paths, password) and DamagedFile.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [member for member in opened.infolist() if not member.is_dir()]
            _check(archive, members)
            return _unpack_members(opened, members, archive, folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise DamagedFile(file=archive.name, where=str(error)) from error


def _check(archive: Path, members: list[zipfile.ZipInfo]) -> None:
    def refuse(zh: str, en: str) -> ImportRefused:
        return UnsafeZip(file=archive.name, reason=Text(zh, en))

    if len(members) > MAX_MEMBERS:
        raise refuse(f"含有 {len(members)} 个文件，多于 {MAX_MEMBERS} 个", f"more than {MAX_MEMBERS} members")
    for member in members:
        path = PurePosixPath(member_name(member).replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or path.parts[0].endswith(":"):
            raise refuse(f"文件路径 {path} 指向压缩包之外", f"the path {path} leads out of it")
        if member.flag_bits & 0x1:
            raise refuse("有密码", "it has a password")
    size = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members)
    if size > MAX_UNPACKED_BYTES:
        raise refuse(
            f"解压后大于 {MAX_UNPACKED_BYTES >> 30} GiB", f"more than {MAX_UNPACKED_BYTES >> 30} GiB unpacked"
        )
    if size > RATIO_MATTERS_FROM_BYTES and size > MAX_RATIO * max(packed, 1):
        raise refuse(
            f"压缩比超过 {MAX_RATIO}，疑为压缩炸弹", f"it unpacks to over {MAX_RATIO} times its size"
        )


def _unpack_members(
    opened: zipfile.ZipFile, members: list[zipfile.ZipInfo], archive: Path, folder: Path
) -> list[Dataset]:
    stems: dict[str, str] = {}
    datasets: list[Dataset] = []
    left = MAX_UNPACKED_BYTES
    for member in members:
        path = PurePosixPath(member_name(member).replace("\\", "/"))
        suffix = path.suffix.lower()
        if _is_of_macos(path) or suffix not in SHAPEFILE_PARTS | DATA_SUFFIXES:
            continue
        stem = stems.setdefault(str(path.with_suffix("")).casefold(), f"data{len(stems)}")
        written = folder / (stem + (".osm.pbf" if suffix == ".pbf" else suffix))
        with opened.open(member) as source, written.open("wb") as copy:
            # The sizes in a zip's directory may lie: count what really comes.
            while block := source.read(CHUNK_BYTES):
                left -= len(block)
                if left < 0:
                    gib = MAX_UNPACKED_BYTES >> 30
                    told = Text(f"解压后大于 {gib} GiB", f"more than {gib} GiB unpacked")
                    raise UnsafeZip(file=archive.name, reason=told)
                copy.write(block)
        if suffix in DATA_SUFFIXES:
            datasets.append(Dataset(path.stem, written))
    if not datasets:
        raise _nothing(archive, members)
    return datasets


def _is_of_macos(path: PurePosixPath) -> bool:
    """The attributes that macOS writes beside every file, under the names of the data."""
    return "__MACOSX" in path.parts or path.name.startswith("._")


def _nothing(archive: Path, members: list[zipfile.ZipInfo]) -> ImportRefused:
    names = [PurePosixPath(member_name(member).replace("\\", "/")) for member in members]
    suffixes = sorted({name.suffix.lower() or name.name for name in names})
    advice = Text("可装入 .shp、.gpkg、.geojson、.kml、.csv、.xlsx 或 .osm。",
                  "It may hold .shp, .gpkg, .geojson, .kml, .csv, .xlsx or .osm.")  # fmt: skip
    inner = next((name.name for name in names if name.suffix.lower() in _PACKED), None)
    if inner is not None:
        advice = Text(
            f"里面还有压缩包 {inner}，请先解开再导入。", f"Unpack {inner}, which is inside it, first."
        )
    elif ".dbf" in suffixes:
        advice = Text(
            "只有属性表而没有图形：请连同 .shp 一起打包。", "It has a table without shapes: add the .shp."
        )
    found = Text(" ".join(suffixes[:12]) or "空的", " ".join(suffixes[:12]) or "empty")
    return NothingInZip(file=archive.name, found=found, advice=advice)


def copy_shapefile(path: Path, folder: Path) -> Dataset:
    """A shapefile with its companions in ``folder``, where a missing index may be rebuilt and the
    companions have the suffixes GDAL looks for, whatever their case was."""
    for part in path.parent.iterdir():
        if part.stem == path.stem and part.suffix.lower() in SHAPEFILE_PARTS:
            shutil.copyfile(part, folder / f"data0{part.suffix.lower()}")
    return Dataset(path.stem, folder / "data0.shp")
