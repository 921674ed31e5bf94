"""NMEA 0183: the sentences of one epoch (RMC, GGA, GLL, GNS, VTG, ZDA, GSA, GSV) make one fix.

Bytes -> ``scanner`` (sentences, checksums) -> ``assembler`` (epochs) -> ``reading`` (dates, fixes).
Fields are read here and not by a library: each has to be judged from its raw text anyway, as the
libraries at hand take an empty position for 0,0 and fail on broken dates.
"""

from collections.abc import Iterator

from ingest.nmea.assembler import Assembler
from ingest.nmea.epoch import Epoch
from ingest.nmea.reading import Calendar, outcome_of
from ingest.nmea.scanner import Refused, Scanner
from tracking.arrival import Outcome
from tracking.reasons import Reason, Reject

__all__ = ["Stream", "decode", "outcome_of"]


class Stream:
    """Epochs of bytes that come piece by piece, as over TCP or from a file."""

    def __init__(self, *, allow_missing_checksum: bool = False) -> None:
        self._scanner = Scanner(allow_missing_checksum=allow_missing_checksum)
        self._assembler = Assembler()
        self.calendar = Calendar()

    def feed(self, data: bytes) -> Iterator[Epoch | Refused]:
        """Epochs that are complete, and what was refused, in their order."""
        for found in self._scanner.feed(data):
            yield from [found] if isinstance(found, Refused) else self._assembler.add(found)

    def pause(self) -> list[Epoch]:
        """The open epoch: the receiver has been silent long enough to have said all of it."""
        return self._assembler.finish()

    def finish(self) -> Iterator[Epoch | Refused]:
        """What is left at the end."""
        for found in self._scanner.finish():
            yield from [found] if isinstance(found, Refused) else self._assembler.add(found)
        yield from self._assembler.finish()

    def outcome(self, found: Epoch | Refused, received_us: int | None) -> Outcome | None:
        """A fix or a reject; None for an epoch without position. Epochs must come in their order."""
        if isinstance(found, Refused):
            return found.reject
        return outcome_of(found, *self.calendar.date(found, received_us))


def decode(payload: bytes, *, received_us: int | None, allow_missing_checksum: bool = False) -> list[Outcome]:
    """Fixes and rejects of a message that holds whole epochs, in their order.

    A sentence with a wrong checksum is refused, and one without unless that is allowed.
    ``received_us`` dates epochs that only have the time of day and mends dates before a week rollover;
    None (a retained message, of any age): neither is done.
    """
    stream = Stream(allow_missing_checksum=allow_missing_checksum)
    found = [*stream.feed(payload), *stream.finish()]
    outcomes = [outcome for one in found if (outcome := stream.outcome(one, received_us)) is not None]
    if not outcomes:
        return [Reject(Reason.BAD_SENTENCE, "no sentence with a position")]
    return outcomes
