"""One process at the broker's other end: the real ingest, or the same client that merely decodes.

Prints a JSON line some times a second: messages taken, and how late they were.
"""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence

import numpy as np

from gis_core.logs import configure_logs
from gis_core.settings import BrokerSettings, DatabaseSettings, LogSettings
from ingest import topics
from ingest.mqtt_source import MqttSource
from ingest.runner import make_ingest
from ingest.settings import IngestSettings
from tracking.batch import FixColumns
from tracking.clock import now_us
from tracking.fix import Fix
from tracking.pipeline import Work

REPORT_EVERY_S = 0.2


class Tally:
    """Counts fixes and keeps their delays from sending (their fix time) until now."""

    def __init__(self) -> None:
        self.fixes = 0
        self._delays: list[np.ndarray] = []
        self._lock = threading.Lock()

    def add(self, fix_times_us: np.ndarray) -> None:
        with self._lock:
            self.fixes += len(fix_times_us)
            self._delays.append(now_us() - fix_times_us)

    def report(self) -> None:
        with self._lock:
            delays, self._delays = self._delays, []
        told = np.concatenate(delays) / 1e6 if delays else np.zeros(0)
        line = {
            "at": time.time(),
            "fixes": self.fixes,
            "cpu_s": time.process_time(),
            "delays_s": np.percentile(told, np.arange(0, 101)).round(4).tolist() if len(told) else [],
        }
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


def full(tally: Tally) -> None:
    """The whole way to COMMIT."""

    def committed(done: Sequence[Work]) -> None:
        for work in done:
            tally.add(work.fixes.fix_time_us)

    ingest = make_ingest(DatabaseSettings(), BrokerSettings(), IngestSettings(), on_commit=committed)
    signal.signal(signal.SIGTERM, lambda *_: ingest.stop())
    ingest.run()


def ceiling(tally: Tally) -> None:
    """Receive, decode, acknowledge."""
    broker, settings = BrokerSettings(), IngestSettings()
    source = MqttSource(
        broker.mqtt_url,
        broker.mqtt_client_id,
        topics.SUBSCRIPTIONS,
        queue_messages=settings.queue_messages,
        queue_bytes=settings.queue_bytes,
        retry_max_s=settings.retry_max_s,
    )
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    source.start()
    while not stopping.is_set():
        batch = source.take(
            settings.batch_messages,
            first_within_s=0.2,
            linger_s=settings.batch_wait_s,
            max_bytes=settings.batch_bytes,
        )
        outcomes = [
            outcome
            for message in batch
            for outcome in topics.read(
                message.topic,
                message.payload,
                message.received_us,
                retained=message.retained,
                max_payload_bytes=settings.max_payload_bytes,
            ).outcomes
        ]
        times = np.array([one.fix_time_us for one in outcomes if isinstance(one, Fix)], dtype=np.int64)
        many = [one.fix_time_us for one in outcomes if isinstance(one, FixColumns)]
        source.acknowledge(batch)
        if outcomes:
            tally.add(np.concatenate([times, *many]))
    source.stop()


def main() -> None:
    configure_logs(LogSettings(), process="bench")
    tally = Tally()

    def report() -> None:
        while True:
            time.sleep(REPORT_EVERY_S)
            tally.report()

    threading.Thread(target=report, daemon=True).start()
    {"full": full, "ceiling": ceiling}[os.environ["BENCH_CONSUMER"]](tally)
    tally.report()


if __name__ == "__main__":
    main()
