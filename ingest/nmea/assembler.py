"""Epochs out of sentences: those with one time of day belong together, the others to what they follow."""

from ingest.nmea import fields as read
from ingest.nmea.epoch import SHORTEST, TIME_FIELD, Epoch
from ingest.nmea.scanner import Refused, Sentence, shown
from tracking.reasons import Reason, Reject

MOST_SENTENCES = 200
"""An epoch of so many sentences is ended: a stream without times must not grow it for ever."""
_MAY_REPEAT = frozenset({"GSA", "GSV"})


class Assembler:
    """Fed with sentences in the order of their coming; gives epochs when the next begins."""

    def __init__(self) -> None:
        self._epoch: Epoch | None = None

    def add(self, sentence: Sentence) -> list[Epoch | Refused]:
        """What a sentence ends, or its own refusal."""
        name, fields = sentence.name, sentence.fields
        if len(fields) < SHORTEST[name]:
            reject = Reject(Reason.BAD_SENTENCE, f"too few fields: {shown(sentence.raw)}")
            return [Refused(reject, sentence.raw)]
        ended: list[Epoch | Refused] = []
        told = fields[TIME_FIELD[name]] if name in TIME_FIELD and len(fields) > TIME_FIELD[name] else ""
        moment = read.time_of_day_us(told)
        epoch = self._epoch
        if epoch is not None and self._begins_another(epoch, sentence, moment):
            ended.append(epoch)
            epoch = None
        if epoch is None:
            epoch = self._epoch = Epoch()
        if epoch.time_us is None:
            epoch.time_us = moment
        if told and moment is None:
            epoch.bad_time = told
        if name not in _MAY_REPEAT:
            epoch.seen.add((sentence.talker, name))
        epoch.take(sentence)
        return ended

    def finish(self) -> list[Epoch]:
        """The epoch that was still open."""
        epoch, self._epoch = self._epoch, None
        return [] if epoch is None else [epoch]

    @staticmethod
    def _begins_another(epoch: Epoch, sentence: Sentence, moment: int | None) -> bool:
        if moment is not None and epoch.time_us is not None and moment != epoch.time_us:
            return True
        return (sentence.talker, sentence.name) in epoch.seen or len(epoch.sentences) >= MOST_SENTENCES
