"""Files of GDAL's formats, layer by layer and some thousand features at a time."""

import errno
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError
from pyproj import CRS

from gis_core.coordinates import Datum
from gis_core.errors import Text
from gis_core.importing import shapefile_text
from gis_core.importing.archives import Dataset, check_zip, copy_shapefile, unpack
from gis_core.importing.errors import (
    DamagedFile,
    EncodingWrong,
    FileEmpty,
    FileMissing,
    ImportRefused,
    LayerNeeded,
    UnknownFormat,
    UnknownLayer,
)
from gis_core.importing.features import Column, Features, joined, object_column
from gis_core.importing.geometry_repair import shapes_from_wkb
from gis_core.importing.placing import crs_of
from gis_core.importing.shapefile_text import TableText
from gis_core.importing.tables import TableLayer, is_table, open_tables

BATCH = 20_000
SPREAD_RUNS = 20
SPREAD_FEATURES = 100_000
"""How far a sample reaches into a file that can only be read from its beginning, such as GeoJSON."""
_SEEKABLE = (".shp", ".gpkg")
_OSM_SUFFIXES = (".osm", ".osm.gz", ".osm.bz2", ".osm.pbf", ".pbf")
# What GDAL warns of here is told feature by feature in the report.
warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"pyogrio\.")
_GDAL_ERRORS = (DataSourceError, DataLayerError, FeatureError)


def is_osm(path: Path) -> bool:
    return path.name.lower().endswith(_OSM_SUFFIXES)


@dataclass(frozen=True, slots=True)
class LayerSource:
    """One layer of a file. ``crs``: as the file says, None where it does not."""

    dataset: Dataset
    layer: str
    """Name within GDAL."""
    name: str
    """Name for people."""
    geometry_type: str
    curved: bool
    """Whether the layer is declared to hold arcs; GDAL turns them into segments as it reads."""
    size: int
    field_names: tuple[str, ...]
    crs: CRS | None
    text: TableText | None
    """For shapefiles; the others are UTF-8 by their standards, unless the user says of GeoJSON that it
    is not."""
    crs_by_format: bool = False
    """Whether ``crs`` is only what the format says where the file does not: GeoJSON is WGS 84."""
    datum: Datum | None = None
    """Never declared by these formats."""

    @property
    def expected(self) -> int | None:
        """Features to come, for a progress bar."""
        return self.size

    def batches(self) -> Iterator[Features]:
        """The features in file order. Raises DamagedFile and EncodingWrong."""
        start = 0
        while True:
            features = self._read(start, BATCH)
            if len(features):
                yield features
            if len(features) < BATCH:
                return
            start += BATCH

    def sample(self, size: int) -> Features:
        """The first features."""
        return self._read(0, size)

    def spread_sample(self, size: int) -> Features:
        """Features from all over the file, in runs: files are often sorted by place or by source."""
        if self.size <= size:
            return self.sample(size)
        if self.dataset.path.suffix not in _SEEKABLE:
            every = self._read(0, SPREAD_FEATURES)
            mask = np.zeros(len(every), dtype=bool)
            mask[np.linspace(0, len(every) - 1, size).astype(int)] = True
            return every.where(mask)
        run = max(1, size // SPREAD_RUNS)
        starts = np.linspace(0, self.size - run, SPREAD_RUNS).astype(int)
        return joined([self._read(int(start), run) for start in starts])

    def sample_bounds(self) -> Any:
        """(west, south, east, north) rows of the first features."""
        return shapely.bounds(self.sample(1_000).shapes)

    def _read(self, start: int, limit: int) -> Features:
        options: dict[str, Any] = {} if self.text is None else {"encoding": shapefile_text.RAW}
        try:
            meta, fids, wkb, columns = pyogrio.raw.read(
                self.dataset.path,
                layer=self.layer,
                return_fids=True,
                skip_features=start,
                max_features=limit,
                **options,
            )
        except UnicodeDecodeError as error:
            wrong = error.object[error.start : error.start + 4].hex(" ")
            name = self.dataset.path.name
            raise EncodingWrong(file=name, encoding="utf-8", where=self.name, bytes=wrong) from error
        except _GDAL_ERRORS as error:
            raise _damaged(error, self.dataset.name, self.dataset.path) from error
        if wkb is None:
            wkb = object_column([None] * len(fids))
        ids = object_column([f"fid {fid}" for fid in fids])
        shapes, issues = shapes_from_wkb(object_column(wkb), ids)
        fields: dict[str, Column] = {}
        for raw_name, column in zip(meta["fields"], columns, strict=True):
            name, values = str(raw_name), _plain(column)
            if self.text is not None:
                name = shapefile_text.decode_name(name, self.text.encoding)
                values, cut = shapefile_text.decode_column(
                    values, self.text.encoding, field=name, ids=ids, file=self.dataset.name
                )
                issues += cut
            fields[name] = values
        return Features(ids, shapes, fields, issues=issues)


Layer = LayerSource | TableLayer


def _plain(column: Any) -> Column:
    """Python values, with None for what the file leaves empty (NaN, NaT, blanks)."""
    if column.dtype.kind == "f":
        values = column.astype(object)
        values[np.isnan(column)] = None
        return object_column(values)
    if column.dtype.kind == "M":
        return object_column([None if np.isnat(one) else str(one) for one in column])
    if column.dtype.kind in "iub":
        return object_column(column.tolist())
    return object_column([(one.strip() or None) if isinstance(one, str) else one for one in column])


@dataclass(frozen=True, slots=True)
class TableOptions:
    """What the user says of a table: its text and which columns hold the coordinates."""

    encoding: str | None = None
    lon_field: str | None = None
    lat_field: str | None = None


def open_layers(path: Path, folder: Path, options: TableOptions) -> list[Layer]:
    """All layers with features of a file or zip; ``folder`` is for unpacked copies.

    Raises FileMissing, UnknownFormat, UnsafeZip, DamagedFile, EncodingUnknown, CoordinatesMissing.
    """
    suffix = path.suffix.lower()
    if suffix == ".zip":
        datasets = unpack(path, folder)
        if any(is_osm(dataset.path) for dataset in datasets):
            raise UnknownFormat(file=path.name)
    elif suffix == ".shp":
        datasets = [copy_shapefile(path, folder)]
    elif suffix in (".gpkg", ".geojson", ".json", ".kml", ".kmz") or is_table(path):
        if suffix == ".kmz":
            check_zip(path, path.name)
        datasets = [Dataset(path.name.split(".")[0] if is_table(path) else path.stem, path)]
    else:
        raise UnknownFormat(file=path.name)
    found: list[Layer] = []
    for dataset in datasets:
        if is_table(dataset.path):
            found += open_tables(
                dataset.path,
                dataset.name,
                file=path.name,
                encoding=options.encoding,
                lon_field=options.lon_field,
                lat_field=options.lat_field,
            )
        else:
            found += _layers_of(dataset, options.encoding, path.name)
    return found


def _layers_of(dataset: Dataset, encoding: str | None, file: str) -> Iterator[LayerSource]:
    shapefile = dataset.path.suffix == ".shp"
    text: TableText | None = None
    if shapefile:
        text = shapefile_text.table_encoding(dataset.path, encoding, file)
    elif encoding and dataset.path.suffix.endswith("json"):
        text = TableText(shapefile_text.known_encoding(encoding), "given")
    if shapefile:
        pyogrio.set_gdal_config_options({"SHAPE_RESTORE_SHX": True})
    try:
        for layer, geometry_type in pyogrio.list_layers(dataset.path):
            if geometry_type is None:
                continue
            if dataset.path.suffix in (".kml", ".kmz"):
                geometry_type = "Unknown"
            options = {} if text is None else {"encoding": shapefile_text.RAW}
            info = pyogrio.read_info(dataset.path, layer=layer, force_feature_count=True, **options)
            names = (str(name) for name in info["fields"])
            if text is not None:
                names = (shapefile_text.decode_name(name, text.encoding) for name in names)
            yield LayerSource(
                dataset=dataset,
                layer=str(layer),
                name=dataset.name if shapefile or dataset.path.suffix.endswith("json") else str(layer),
                geometry_type=str(geometry_type),
                curved=dataset.path.suffix == ".gpkg" and _declares_curves(dataset.path, str(layer)),
                size=int(info["features"]),
                field_names=tuple(names),
                crs=crs_of(info["crs"]) if info["crs"] else None,
                text=text,
                crs_by_format=dataset.path.suffix.endswith("json"),
            )
    except _GDAL_ERRORS as error:
        raise _damaged(error, file, dataset.path) from error


def _damaged(error: Exception, file: str, path: Path) -> ImportRefused:
    """GDAL's message without the path of our copy, which says nothing to people."""
    said = str(error).split(";")[0].replace(str(path), file)
    if "not recognized" in said:
        kind = path.suffix
        return DamagedFile(file=file, where=Text(f"内容不是 {kind} 格式", f"the content is not {kind}"))
    return DamagedFile(file=file, where=said[:200])


def _declares_curves(path: Path, layer: str) -> bool:
    """From the GeoPackage's own table: GDAL shows curved layers as their linear kind."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
        try:
            row = database.execute(
                "SELECT geometry_type_name FROM gpkg_geometry_columns WHERE table_name = ?", (layer,)
            ).fetchone()
        except sqlite3.Error as error:
            raise DamagedFile(file=path.name, where=str(error)) from error
    return row is not None and any(word in row[0].upper() for word in ("CURVE", "CIRCULAR", "SURFACE"))


def choose_layer(layers: list[Layer], wanted: str | None, file: str) -> Layer:
    """The layer of that name, or the only one. Raises UnknownLayer and LayerNeeded."""
    if not layers:
        raise DamagedFile(file=file, where=Text("没有带几何的图层", "no layer with geometry"))
    names = ", ".join(layer.name for layer in layers)
    if wanted is None:
        if len(layers) > 1:
            raise LayerNeeded(layers=names)
        return layers[0]
    for layer in layers:
        if wanted in (layer.name, layer.layer):
            return layer
    raise UnknownLayer(layer=wanted, layers=names)


def require_features(layer: Layer, file: str) -> None:
    """Raises FileEmpty where the layer has none."""
    if not len(layer.sample(1)):
        raise FileEmpty(
            file=file, where=Text(f"图层 {layer.name} 没有要素", f"no feature in layer {layer.name}")
        )


def require_readable(path: Path) -> None:
    """Raises FileMissing where the path is no readable file, FileEmpty where there is nothing in it."""
    try:
        with path.open("rb") as file:
            if not file.read(1):
                raise FileEmpty(file=path.name, where=Text("0 字节", "0 bytes"))
            return
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.EACCES, errno.EISDIR, errno.ENOTDIR, errno.EPERM):
            raise FileMissing(file=str(path)) from error
        raise
