"""Figures of the ingest process, written to a text file that ``/metrics`` reads along."""

from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, write_to_textfile

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)


class IngestMetrics:
    """Counters since the process began, and gauges."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.received = Counter(
            "wanmi_ingest_messages", "Messages taken from the broker", ["protocol"], registry=self.registry
        )
        self.committed = Counter("wanmi_ingest_fixes", "Fixes newly stored", registry=self.registry)
        self.repeated = Counter(
            "wanmi_ingest_repeats", "Fixes that were there already", registry=self.registry
        )
        self.rejected = Counter(
            "wanmi_ingest_rejects", "Messages or parts refused", ["reason"], registry=self.registry
        )
        self.batch_seconds = Histogram(
            "wanmi_ingest_batch_seconds",
            "From taking a batch to COMMIT",
            buckets=SECONDS,
            registry=self.registry,
        )
        self.lag_seconds = Histogram(
            "wanmi_ingest_lag_seconds",
            "From receiving the oldest message of a batch to COMMIT",
            buckets=SECONDS,
            registry=self.registry,
        )
        self.waiting = Gauge("wanmi_ingest_waiting", "Messages in the queue", registry=self.registry)
        self.connected = Gauge("wanmi_ingest_connected", "1 while subscribed", registry=self.registry)
        self.failures = Counter(
            "wanmi_ingest_failures", "Tries to store that failed", ["kind"], registry=self.registry
        )

    def write(self, path: Path) -> None:
        """Replace the file at once, so that a reader never sees half of it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_to_textfile(str(path), self.registry)
