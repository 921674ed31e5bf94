"""What the servers of the gateway share: who is in, the broker, and how much is on its way."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

from ingest.gateway.link import BrokerLink
from ingest.gateway.roll import Roll
from ingest.gateway.settings import GatewaySettings


class Reachable(Protocol):
    """A connection that commands can be sent down."""

    def command(self, command_id: str, kind: str, words: str) -> None:
        """Raises ValueError for what cannot be sent."""


@dataclass
class Door:
    """One a process. ``terminals``: connected JT/T 808 terminals by device key."""

    settings: GatewaySettings
    roll: Roll
    link: BrokerLink
    terminals: dict[str, Reachable] = field(default_factory=dict)
    counted: Counter[str] = field(default_factory=Counter)

    @property
    def crowded(self) -> bool:
        """So much is on its way to the broker that nothing more is read."""
        return self.link.in_flight >= self.settings.in_flight_total
