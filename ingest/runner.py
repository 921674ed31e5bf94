"""The ingest process: broker → pipeline → database → acknowledgement."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import FrameType

import msgspec
import structlog

from gis_core.identity.secrets import Keyring
from gis_core.settings import BrokerSettings, DatabaseSettings
from ingest import topics
from ingest.metrics import IngestMetrics
from ingest.mqtt_source import Incoming, MqttSource
from ingest.settings import IngestSettings
from ingest.writer import BatchWriter, DatabaseAway, pause_before
from tracking.arrival import Arrival
from tracking.clock import now_us
from tracking.pipeline import Work
from tracking.rules import make_rules
from tracking.settings import TrackingSettings

METRICS_EVERY_S = 5.0
LETTERS_EVERY_S = 1.0
"""How often it looks for dead letters to decode again, while there is no backlog."""
IDLE_S = 0.2
"""How often an idle process looks for changed grids and devices."""

OnCommit = Callable[[Sequence[Work]], None]
"""Told of each batch after COMMIT; must not raise."""

_log = structlog.get_logger(__name__)


class Ingest:
    """Takes batches from the source and stores them until told to stop."""

    def __init__(
        self,
        source: MqttSource,
        writer: BatchWriter,
        settings: IngestSettings,
        *,
        on_commit: OnCommit | None = None,
    ) -> None:
        self._source = source
        self._writer = writer
        self._settings = settings
        self._metrics_file = settings.metrics_file
        self._on_commit = on_commit
        self.metrics = IngestMetrics()
        self._stopping = False
        self._metrics_due = 0.0
        self._letters_due = 0.0
        self._away_us: int | None = None
        self._outage: bool | None = None
        """None: one may be on record from before."""

    def stop(self) -> None:
        """Finish the batch in hand, then end ``run``."""
        self._stopping = True

    def run(self) -> None:
        self._source.start()
        try:
            while not self._stopping:
                batch = self._source.take(
                    self._settings.batch_messages,
                    first_within_s=IDLE_S,
                    linger_s=self._settings.batch_wait_s,
                    max_bytes=self._settings.batch_bytes,
                )
                if batch:
                    self._handle(batch)
                backlog = len(batch) >= self._settings.batch_messages or (
                    self._source.waiting_bytes() >= self._settings.batch_bytes
                )
                self._watch_broker()
                self._look_around(backlog=backlog)
                if not backlog:
                    self._rerun_letters()
                self._publish_metrics()
        finally:
            self._source.stop()
            self._writer.close()
            self._publish_metrics(at_once=True)
            _log.info("ingest_stopped")

    def _handle(self, batch: Sequence[Incoming]) -> None:
        began = time.perf_counter()
        protocols = Counter(topics.route(message.topic)[0] for message in batch)
        for protocol, count in protocols.items():
            self.metrics.received.labels(protocol).inc(count)
        tries = 0
        arrivals: list[Arrival] = []
        while True:
            try:
                if not arrivals:
                    secrets = self._writer.secrets()
                    arrivals = [self._read(message, secrets) for message in batch]
                done = self._writer.write(arrivals)
                break
            except DatabaseAway as error:
                tries += 1
                self.metrics.failures.labels("database").inc()
                _log.warning("database_away", error=str(error), tries=tries, waiting=self._source.waiting())
                if self._stopping:
                    return  # not acknowledged: the broker keeps these and sends them again
                time.sleep(pause_before(tries, self._settings.retry_max_s))
        self._source.acknowledge(batch)
        if self._on_commit is not None:
            self._on_commit([work for work, _ in done])
        self._count(done)
        self.metrics.batch_seconds.observe(time.perf_counter() - began)
        self.metrics.lag_seconds.observe((now_us() - batch[0].received_us) / 1e6)

    def _read(self, message: Incoming, secrets: Mapping[str, str]) -> Arrival:
        return self._decode(
            message.topic, message.payload, message.received_us, secrets, retained=message.retained
        )

    def _decode(
        self,
        topic: str,
        payload: bytes,
        received_us: int,
        secrets: Mapping[str, str],
        *,
        retained: bool = False,
    ) -> Arrival:
        return topics.read(
            topic,
            payload,
            received_us,
            retained=retained,
            max_payload_bytes=self._settings.max_payload_bytes,
            allow_missing_checksum=self._settings.allow_missing_checksum,
            secrets=secrets,
        )

    def _watch_broker(self) -> None:
        """While the broker cannot be reached the devices cannot be heard: their silence is not theirs."""
        away_us = None if self._source.connected.is_set() else self._away_us or now_us()
        long = away_us is not None and now_us() - away_us > self._settings.broker_away_s * 1e6
        try:
            if away_us is None and self._outage is not False:
                self._writer.broker_away(None)
                self._outage = False
            elif long and self._outage is not True:
                self._writer.broker_away(away_us)
                self._outage = True
        except DatabaseAway as error:
            _log.warning("database_away", error=str(error))
        self._away_us = away_us

    def _look_around(self, *, backlog: bool) -> None:
        try:
            self._writer.tend(backlog=backlog)
        except DatabaseAway as error:
            self.metrics.failures.labels("database").inc()
            _log.warning("database_away", error=str(error))
            time.sleep(1.0)

    def _rerun_letters(self) -> None:
        """Decode again the dead letters that somebody asked for, some hundred at a time."""
        now = time.monotonic()
        if now < self._letters_due:
            return
        self._letters_due = now + LETTERS_EVERY_S
        try:
            letters = self._writer.requested_letters()
            if not letters:
                return
            secrets = self._writer.secrets()
            arrivals = [
                msgspec.structs.replace(
                    self._decode(letter.topic, letter.payload, letter.received_us, secrets),
                    letter_id=letter.id,
                )
                for letter in letters
            ]
            done = self._writer.write(arrivals)
        except DatabaseAway as error:
            _log.warning("database_away", error=str(error))
            return
        self._letters_due = 0.0
        self._count(done)
        _log.info("letters_rerun", letters=len(letters), fixes=sum(inserted for _, inserted in done))

    def _count(self, done: Sequence[tuple[Work, int]]) -> None:
        for work, inserted in done:
            self.metrics.committed.inc(inserted)
            self.metrics.repeated.inc(work.repeats + len(work.fixes) - inserted)
            for reason, count in work.rejected().items():
                self.metrics.rejected.labels(str(reason)).inc(count)
            if work.rejects:
                _log.info("rejected", **{str(reason): count for reason, count in work.rejected().items()})
            for change in work.changes:
                _log.info("alert", change=change.kind, rule=change.rule, device_id=change.device_id)

    def _publish_metrics(self, *, at_once: bool = False) -> None:
        now = time.monotonic()
        if self._metrics_file is None or (now < self._metrics_due and not at_once):
            return
        self._metrics_due = now + METRICS_EVERY_S
        self.metrics.waiting.set(self._source.waiting())
        self.metrics.connected.set(self._source.connected.is_set())
        try:
            self.metrics.write(self._metrics_file)
        except OSError as error:
            _log.warning("metrics_not_written", path=str(self._metrics_file), error=str(error))


def make_ingest(
    database: DatabaseSettings,
    broker: BrokerSettings,
    settings: IngestSettings,
    *,
    keyring: Keyring | None = None,
    on_commit: OnCommit | None = None,
) -> Ingest:
    """The process's parts put together; nothing is connected yet.

    ``keyring`` opens the secrets of devices that encrypt their payloads.
    """
    source = MqttSource(
        broker.mqtt_url,
        broker.mqtt_client_id,
        topics.SUBSCRIPTIONS,
        queue_messages=settings.queue_messages,
        queue_bytes=settings.queue_bytes,
        retry_max_s=settings.retry_max_s,
    )
    writer = BatchWriter(
        database.database_url,
        tracking=TrackingSettings(),
        rules=make_rules(),
        directory_every_s=settings.directory_every_s,
        grids_every_s=settings.grids_every_s,
        keyring=keyring,
    )
    return Ingest(source, writer, settings, on_commit=on_commit)


def run() -> None:
    """``serve ingest``: run until SIGTERM or SIGINT, with settings from the environment."""
    secret_key = os.environ.get("WANMI_SECRET_KEY")
    if secret_key is None:
        _log.warning("no_secret_key", lost="encrypted payloads of devices cannot be opened")
    keyring = Keyring(secret_key) if secret_key else None
    ingest = make_ingest(DatabaseSettings(), BrokerSettings(), IngestSettings(), keyring=keyring)

    def end(_signal: int, _frame: FrameType | None) -> None:
        ingest.stop()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    ingest.run()
