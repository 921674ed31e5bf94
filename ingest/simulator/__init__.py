"""Demo people and vehicles that move through the city and report by real MQTT, as devices do."""

from ingest.simulator.runner import run

__all__ = ["run"]
