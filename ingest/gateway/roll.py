"""Who may come in: devices by terminal number and by key."""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field

from gis_core.identity.secrets import Keyring, token_hash

CODE_LENGTH = 32


@dataclass(frozen=True, slots=True)
class Known:
    """An enabled device. ``number`` is its terminal number, ``speed_unit`` that of its OsmAnd client."""

    id: int
    key: str
    number: str | None
    token_hash: bytes | None
    speed_unit: str


def plain_number(sent: str) -> str:
    """A terminal number without the zeros that fill it up: 2013 and 2019 fill to different lengths."""
    return sent.lstrip("0")


@dataclass(frozen=True)
class Roll:
    """Devices of one moment; replaced as a whole."""

    keyring: Keyring
    by_number: dict[str, Known] = field(default_factory=dict)
    by_key: dict[str, Known] = field(default_factory=dict)

    @classmethod
    def of(cls, keyring: Keyring, devices: Iterable[Known]) -> "Roll":
        known = list(devices)
        numbered = {device.number: device for device in known if device.number}
        return cls(keyring, numbered, {device.key: device for device in known})

    def terminal(self, sent: str) -> Known | None:
        return self.by_number.get(plain_number(sent))

    def code(self, device: Known) -> str:
        """The authentication code of a terminal: derived, so that nothing has to be kept.

        It changes with the device's token; who takes the token away shuts the terminal out.
        """
        secret = f"{device.number}\0{(device.token_hash or b'').hex()}"
        return self.keyring.blind_index(secret, "jt808.authentication").hex()[:CODE_LENGTH]

    def code_is_right(self, device: Known, told: str) -> bool:
        return hmac.compare_digest(self.code(device).encode(), told.encode("utf-8", "replace"))

    def token_is_right(self, device: Known | None, told: str) -> bool:
        """Compares also when there is no such device, so that the time tells nothing."""
        held = device.token_hash if device else None
        right = hmac.compare_digest(held or b"\0" * 32, token_hash(told))
        return right and held is not None
