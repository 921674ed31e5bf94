"""What device management needs of the broker."""

from typing import Protocol

from gis_core.errors import DomainError, Text


class Credentials(Protocol):
    """Broker logins of devices. Calls touch files and wait for locks: run them in a thread."""

    def issue(self, key: str) -> str:
        """A new token for the device; the one it had is void at once."""

    def revoke(self, key: str) -> bool:
        """Take the device's token away and end its connection."""


class ForeignBroker(DomainError):
    status, slug = 409, "foreign-broker"
    title = Text("消息服务器不由本平台管理", "The broker is not ours")
    detail = Text(
        "当前使用外部 MQTT 服务器，设备口令须在该服务器上管理。",
        "An MQTT broker of your own is in use; manage the device's password there.",
    )


class NoCredentials:
    """For a broker whose users are managed elsewhere."""

    def issue(self, key: str) -> str:
        raise ForeignBroker(device_key=key)

    def revoke(self, key: str) -> bool:
        """Nothing to take away; ingest refuses what a disabled device sends."""
        return False
