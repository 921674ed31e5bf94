"""Figures of the gateway in the text form of Prometheus."""

from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, write_to_textfile
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from ingest.gateway.door import Door


class Figures:
    """Reads what the door counted, when it is asked."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """What prometheus_client calls."""
        events = CounterMetricFamily("wanmi_gateway_events", "What happened, by kind", labels=["event"])
        for event, count in self._door.counted.items():
            events.add_metric([event], count)
        yield events
        here = len(self._door.terminals)
        yield GaugeMetricFamily("wanmi_gateway_terminals", "JT/T 808 terminals that are in", value=here)
        waiting = self._door.link.in_flight
        yield GaugeMetricFamily(
            "wanmi_gateway_in_flight", "Messages the broker has not confirmed", value=waiting
        )

    def write(self, path: Path) -> None:
        """Replace the file at once, so that a reader never sees half of it. Raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_to_textfile(str(path), self._registry)
