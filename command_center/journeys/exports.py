"""A track as a file: GPX 1.1, GeoJSON (RFC 7946) or CSV."""

import csv
import io
import json
from datetime import UTC, datetime
from xml.sax.saxutils import escape, quoteattr

from tracking.tracks import Track


def as_gpx(name: str, track: Track) -> str:
    points = "".join(
        f'<trkpt lat="{lat}" lon="{lon}"><time>{_spoken(moment)}</time></trkpt>\n'
        for (lon, lat), moment in zip(track.coordinates, track.times, strict=True)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<gpx version="1.1" creator={quoteattr("Wanmi")} xmlns="http://www.topografix.com/GPX/1/1">\n'
        f"<trk><name>{escape(name)}</name><trkseg>\n{points}</trkseg></trk></gpx>\n"
    )


def as_geojson(name: str, track: Track) -> str:
    """A point a fix, so that times and speeds stay with their places in any program."""
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": list(place)},
            "properties": {"name": name, "time": _spoken(moment), "speed_mps": speed},
        }
        for place, moment, speed in zip(track.coordinates, track.times, track.speeds, strict=True)
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)


def as_csv(name: str, track: Track) -> str:
    """As ``./wanmi tracks analyse`` and ``replay`` read it."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["device", "time", "lon", "lat", "speed_mps"])
    for (lon, lat), moment, speed in zip(track.coordinates, track.times, track.speeds, strict=True):
        rows.writerow([name, _spoken(moment), lon, lat, "" if speed is None else speed])
    return text.getvalue()


def _spoken(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
