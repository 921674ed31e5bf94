"""What the sentences of one moment say together."""

from dataclasses import dataclass, field
from datetime import date
from math import hypot

from ingest import values
from ingest.nmea import fields as read
from ingest.nmea.scanner import Sentence

SYSTEMS = {
    "GP": "gps",
    "GL": "glonass",
    "GA": "galileo",
    "BD": "beidou",
    "GB": "beidou",
    "PQ": "beidou",
    "GQ": "qzss",
    "QZ": "qzss",
    "GI": "navic",
}
"""Satellite systems by talker; GN is several of them, and any other talker another instrument."""
TIME_FIELD = {"RMC": 0, "GGA": 0, "GNS": 0, "ZDA": 0, "GLL": 4}
SHORTEST = {"RMC": 9, "GGA": 9, "GNS": 8, "ZDA": 4, "GLL": 4, "VTG": 4, "GSA": 14, "GST": 7, "GSV": 3}
"""Fields a sentence has at least; GLL of NMEA 0183 1.5 ends after the position, VTG has four numbers."""
_GNS_MODES = "RFDPAEMS"
"""From the best down."""
_POSITION_FIELD = {"RMC": 2, "GGA": 1, "GNS": 1, "GLL": 0}
_ESTIMATED = 6
"""Quality of dead reckoning, which needs no satellites."""
_PREFERRED = ("GGA", "GNS", "RMC", "GLL")
"""Whose position is taken when several sentences of an epoch have one."""


@dataclass(slots=True)
class Position:
    """A position and whether its sentence vouches for it. None: the field is empty or no angle."""

    lon: float | None
    lat: float | None
    valid: bool
    readable: bool
    """False when the sentence vouches for something that is no position."""


@dataclass(slots=True)
class Epoch:
    """Sentences are taken as they come; the epoch is read when the next one begins."""

    time_us: int | None = None
    """Microseconds since midnight UTC."""
    day: date | None = None
    day_vouched: bool = False
    """Whether the date is that of a valid RMC, or of ZDA."""
    positions: dict[str, Position] = field(default_factory=dict)
    seen: set[tuple[str, str]] = field(default_factory=set)
    """Talker and name of what may come once in an epoch."""
    sentences: list[Sentence] = field(default_factory=list)
    bad_time: str | None = None
    altitude_m: float | None = None
    speed_mps: float | None = None
    course_deg: float | None = None
    satellites: int | None = None
    hdop: float | None = None
    accuracy_m: float | None = None
    """Of GST: standard errors of latitude and longitude together."""
    pdop: float | None = None
    vdop: float | None = None
    quality: int | None = None
    """Of GGA: 0 none, 1 autonomous, 2 differential, 4 RTK fixed, 5 RTK float, 6 estimated, 8 simulated."""
    mode: str | None = None
    """Mode letter of RMC, GLL or VTG (A, D, E, F, M, N, P, R, S)."""
    dimensions: int | None = None
    """Of GSA: 1 no fix, 2 or 3 dimensions; the best of several systems."""
    coasting: bool = False
    """GGA claims a fix from no satellite: some receivers guess on from the last position."""
    in_view: dict[str, int] = field(default_factory=dict)

    def take(self, sentence: Sentence) -> None:
        """Add what a sentence says. What an earlier sentence said already is kept, where both do."""
        self.sentences.append(sentence)
        getattr(self, f"_take_{sentence.name.lower()}")(sentence, sentence.fields)

    @property
    def position(self) -> Position | None:
        """The best position that is vouched for; else the best that is not; None without any."""
        present = [self.positions[name] for name in _PREFERRED if name in self.positions]
        return next((p for p in present if p.valid), present[0] if present else None)

    @property
    def refused(self) -> bool:
        """Whether a sentence says that there is no fix, or only one that is coasting says there is."""
        only_gga = self.positions.keys() == {"GGA"}
        return any(not p.valid for p in self.positions.values()) or (self.coasting and only_gga)

    def _take_position(self, sentence: Sentence, valid: bool) -> None:
        at = _POSITION_FIELD[sentence.name]
        lat_text, ns, lon_text, ew = sentence.fields[at : at + 4]
        lat, lon = read.angle(lat_text, ns, "N", "S"), read.angle(lon_text, ew, "E", "W")
        empty = not (lat_text and lon_text)
        known = lat is not None and lon is not None
        if sentence.name not in self.positions or (known and valid):
            self.positions[sentence.name] = Position(lon, lat, valid and known, known or empty or not valid)

    def _take_rmc(self, sentence: Sentence, fields: tuple[str, ...]) -> None:
        mode = fields[11] if len(fields) > 11 else ""
        self.mode = self.mode or mode or None
        self._take_position(sentence, fields[1] == "A" and mode != "N")
        self._date(read.date_of(fields[8]), vouched=fields[1] == "A")
        if fields[1] == "A":
            knots = values.not_negative(read.number(fields, 6))
            if knots is not None:
                self.speed_mps = values.speed(knots * read.KNOT)
            course = values.course(read.number(fields, 7))
            self.course_deg = self.course_deg if course is None else course

    def _take_gga(self, sentence: Sentence, fields: tuple[str, ...]) -> None:
        quality = read.number(fields, 5)
        self._take_position(sentence, bool(quality))
        self.coasting = self.coasting or (quality != _ESTIMATED and read.number(fields, 6) == 0)
        if self.quality is None and quality is not None:
            self.quality = int(quality)
        self._count(fields, 6)
        if self.hdop is None:
            self.hdop = read.number(fields, 7)
        height = read.number(fields, 8)
        if self.altitude_m is None and quality and height is not None:
            feet = fields[9:10] in (("F",), ("f",))
            self.altitude_m = values.altitude(height * read.FOOT if feet else height)

    def _take_gns(self, sentence: Sentence, fields: tuple[str, ...]) -> None:
        self._take_position(sentence, any(letter not in "N " for letter in fields[5]))
        self.mode = self.mode or next((mode for mode in _GNS_MODES if mode in fields[5]), None)
        self._count(fields, 6)
        if self.hdop is None:
            self.hdop = read.number(fields, 7)
        if self.altitude_m is None and self.positions["GNS"].valid:
            self.altitude_m = values.altitude(read.number(fields, 8))

    def _take_gll(self, sentence: Sentence, fields: tuple[str, ...]) -> None:
        mode = fields[6] if len(fields) > 6 else ""
        self.mode = self.mode or mode or None
        self._take_position(sentence, (len(fields) < 6 or fields[5] == "A") and mode != "N")

    def _take_zda(self, _sentence: Sentence, fields: tuple[str, ...]) -> None:
        self._date(read.date_of_parts(fields[1], fields[2], fields[3]), vouched=True)

    def _date(self, day: date | None, *, vouched: bool) -> None:
        if day is not None and (self.day is None or (vouched and not self.day_vouched)):
            self.day, self.day_vouched = day, vouched

    def _take_vtg(self, _sentence: Sentence, fields: tuple[str, ...]) -> None:
        if len(fields) > 8 and fields[8] == "N":
            return
        if len(fields) < 7:  # before version 2: true course, magnetic course, knots, km/h
            fields = (fields[0], "T", fields[1], "M", fields[2], "N", fields[3], "K")
        if self.speed_mps is None and fields[5] == "N":
            knots = values.not_negative(read.number(fields, 4))
            self.speed_mps = None if knots is None else values.speed(knots * read.KNOT)
        if self.speed_mps is None and fields[7:8] == ("K",):
            kmh = values.not_negative(read.number(fields, 6))
            self.speed_mps = None if kmh is None else values.speed(kmh * read.KMH)
        if self.course_deg is None and fields[1] == "T":
            self.course_deg = values.course(read.number(fields, 0))

    def _take_gsa(self, _sentence: Sentence, fields: tuple[str, ...]) -> None:
        if fields[1] in ("1", "2", "3"):
            self.dimensions = max(self.dimensions or 0, int(fields[1]))
        if self.pdop is None:
            self.pdop = read.number(fields, 14)
        if self.hdop is None:
            self.hdop = read.number(fields, 15)
        if self.vdop is None:
            self.vdop = read.number(fields, 16)

    def _take_gst(self, _sentence: Sentence, fields: tuple[str, ...]) -> None:
        told = read.time_of_day_us(fields[0])
        north, east = read.number(fields, 5), read.number(fields, 6)
        if (told is None or told == self.time_us) and north is not None and east is not None:
            self.accuracy_m = values.not_negative(round(hypot(north, east), 3))

    def _take_gsv(self, sentence: Sentence, fields: tuple[str, ...]) -> None:
        count = values.count(read.number(fields, 2))
        if count is not None:
            system = SYSTEMS.get(sentence.talker, sentence.talker.lower())
            self.in_view[system] = max(count, self.in_view.get(system, 0))

    def _count(self, fields: tuple[str, ...], index: int) -> None:
        count = values.count(read.number(fields, index))
        if count is not None:
            self.satellites = max(count, self.satellites or 0)
