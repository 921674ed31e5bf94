"""Small files of every kind that GIS offices send, made on the spot around lon 120.0, lat 30.5."""

import json
import sqlite3
import struct
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely
from pyproj import Transformer

DISTRICT, STREET, OTHER_STREET = "990102", "990102001", "990102002"
WEST, SOUTH = 119.99, 30.49


def square(column: int, row: int, size: float = 0.001) -> Any:
    """A square of ``size`` degrees on a grid that begins in the district's south-west."""
    lon, lat = WEST + 0.002 * column, SOUTH + 0.002 * row
    return shapely.box(lon, lat, lon + size, lat + size)


def geojson(path: Path, features: Sequence[tuple[Any, Mapping[str, Any]]]) -> Path:
    """Shapes (shapely, a GeoJSON dict or None) with properties."""
    collection = {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": dict(properties),
                "geometry": shape
                if shape is None or isinstance(shape, dict)
                else json.loads(shapely.to_geojson(shape)),
            }
            for shape, properties in features
        ],
    }
    path.write_text(json.dumps(collection, ensure_ascii=False), encoding="utf-8")
    return path


def districts(folder: Path) -> Path:
    """One district with two streets, west and east."""
    west = shapely.box(WEST, SOUTH, 120.0, 30.51)
    east = shapely.box(120.0, SOUTH, 120.01, 30.51)
    return geojson(
        folder / "districts.geojson",
        [
            (shapely.union(west, east), {"code": DISTRICT, "name": "望川区"}),
            (west, {"code": f"{STREET}000", "name": "西街道"}),
            (east, {"code": f"{OTHER_STREET}000", "name": "东街道"}),
        ],
    )


def projected(shapes: Sequence[Any], srid: int) -> list[Any]:
    """The shapes in another coordinate system, x east."""
    transformer = Transformer.from_crs(4326, srid, always_xy=True)
    return [
        shapely.transform(
            shape, lambda points: np.column_stack(transformer.transform(points[:, 0], points[:, 1]))
        )
        for shape in shapes
    ]


def shapefile_zip(
    path: Path,
    shapes: Sequence[Any],
    fields: Mapping[str, Sequence[Any]],
    *,
    srid: int = 4326,
    encoding: str = "GBK",
    language_driver: int = 0,
    without: Sequence[str] = (".cpg",),
    replacing: tuple[bytes, bytes] = (b"", b""),
    name: str = "图层",
) -> Path:
    """A zipped shapefile; ``shapes`` are lon/lat and written in ``srid``; ``replacing``: table bytes."""
    folder = path.with_suffix("")
    folder.mkdir()
    kind = shapes[0].geom_type.removeprefix("Multi")
    pyogrio.raw.write(
        folder / "data.shp",
        shapely.to_wkb(np.array(projected(shapes, srid), dtype=object)),
        field_data=[
            np.array(values, dtype=object if isinstance(values[0], str) else None)
            for values in fields.values()
        ],
        fields=list(fields),
        geometry_type=kind,
        crs=f"EPSG:{srid}",
        driver="ESRI Shapefile",
        encoding=encoding,
    )
    table = folder / "data.dbf"
    content = bytearray(table.read_bytes())
    content[29] = language_driver
    table.write_bytes(content.replace(*replacing) if replacing[0] else content)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in folder.iterdir():
            if part.suffix not in without:
                archive.write(part, f"{name}{part.suffix}")
    return path


def geopackage(
    path: Path, layer: str, shapes: Sequence[Any], fields: Mapping[str, Sequence[Any]], **options: Any
) -> Path:
    """A layer in a GeoPackage; further calls append layers."""
    kinds = {shape.geom_type for shape in shapes if shape is not None}
    pyogrio.raw.write(
        path,
        shapely.to_wkb(np.array(shapes, dtype=object)),
        field_data=[
            np.array(values, dtype=object if isinstance(values[0], str) else None)
            for values in fields.values()
        ],
        fields=list(fields),
        layer=layer,
        append=path.exists(),
        **{
            "geometry_type": kinds.pop() if len(kinds) == 1 else "Unknown",
            "crs": "EPSG:4326",
            "driver": "GPKG",
            **options,
        },
    )
    return path


def curve_geopackage(path: Path) -> Path:
    """A circle of about 100 m as CURVEPOLYGON, put into the file's tables by hand."""
    geopackage(path, "buildings", [square(0, 0)], {"id": [1]}, SPATIAL_INDEX="NO")
    lon, lat, r = WEST + 0.005, SOUTH + 0.005, 0.001
    ring = [lon - r, lat, lon, lat + r, lon + r, lat, lon, lat - r, lon - r, lat]
    wkb = struct.pack("<BII", 1, 10, 1) + struct.pack("<BII", 1, 8, 5) + struct.pack("<10d", *ring)
    blob = b"GP\0\x01" + struct.pack("<i", 4326) + wkb
    with sqlite3.connect(path) as database:
        database.execute("UPDATE buildings SET geom = ?", (blob,))
        database.execute("PRAGMA writable_schema = ON")
        database.execute(
            "UPDATE sqlite_master SET sql = replace(sql, 'POLYGON', 'CURVEPOLYGON') WHERE name = 'buildings'"
        )
        database.execute("UPDATE gpkg_geometry_columns SET geometry_type_name = 'CURVEPOLYGON'")
    database.close()
    return path


def osm_xml(path: Path) -> Path:
    """Two streets, a school building, a pond, a signal, a bin, a clinic, and a way with a lost node."""
    nodes = {
        1: (120.001, 30.500), 2: (120.003, 30.500), 3: (120.003, 30.502), 4: (120.001, 30.502),
        5: (120.005, 30.500), 6: (120.006, 30.500), 7: (120.006, 30.501), 8: (120.005, 30.501),
    }  # fmt: skip
    tagged = {
        20: (120.002, 30.500, {"highway": "traffic_signals"}),
        21: (120.0025, 30.5001, {"amenity": "waste_basket"}),
        22: (120.004, 30.5005, {"amenity": "clinic", "name": "望川诊所"}),
        23: (120.0041, 30.5006, {"highway": "crossing"}),
    }
    ways = {
        30: ([1, 2], {"highway": "primary", "name": "望川路", "oneway": "yes", "lanes": "4"}),
        31: ([2, 3], {"highway": "primary_link"}),
        32: (
            [1, 2, 3, 4, 1],
            {"building": "school", "amenity": "school", "name": "望川小学", "height": "12 m"},
        ),
        33: ([5, 6, 7, 8, 5], {"natural": "water", "name": "莲花塘"}),
        34: ([1, 999], {"highway": "residential"}),
    }
    tag = lambda tags: "".join(f'<tag k="{key}" v="{value}"/>' for key, value in tags.items())  # noqa: E731
    lines = [f'<node id="{one}" lon="{lon}" lat="{lat}"/>' for one, (lon, lat) in nodes.items()]
    lines += [
        f'<node id="{one}" lon="{lon}" lat="{lat}">{tag(tags)}</node>'
        for one, (lon, lat, tags) in tagged.items()
    ]
    for one, (refs, tags) in ways.items():
        lines.append(
            f'<way id="{one}">' + "".join(f'<nd ref="{ref}"/>' for ref in refs) + tag(tags) + "</way>"
        )
    path.write_text("<osm version='0.6'>" + "\n".join(lines) + "</osm>", encoding="utf-8")
    return path
