"""Encrypted OwnTracks payloads: libsodium's secretbox with a key both sides know.

Source: OwnTracks booklet, "Encryption": ``{"_type":"encrypted","data":base64(nonce + box)}``; the key is
the secret's text, filled up to 32 bytes with zeros.
"""

from base64 import b64decode
from binascii import Error as BadBase64

import msgspec
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox


class Sealed(msgspec.Struct):
    """The members of an encrypted message."""

    type_: str = msgspec.field(name="_type")
    data: str


class CannotOpen(ValueError):
    """Not sealed with this secret, or not sealed at all."""


_SEALED = msgspec.json.Decoder(Sealed)


def box_of(secret: str) -> SecretBox:
    """Raises ValueError for a secret of more than 32 bytes in UTF-8."""
    return SecretBox(secret.encode().ljust(SecretBox.KEY_SIZE, b"\0"))


def open_sealed(payload: bytes, secret: str) -> bytes:
    """The message within an encrypted one. Raises CannotOpen."""
    try:
        sealed = _SEALED.decode(payload)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise CannotOpen(f"no encrypted message: {error}") from error
    return open_data(sealed.data, secret)


def open_data(data: str, secret: str) -> bytes:
    """What the member ``data`` of an encrypted message holds. Raises CannotOpen."""
    try:
        return box_of(secret).decrypt(b64decode(data, validate=True))
    except (BadBase64, CryptoError, ValueError) as error:
        raise CannotOpen(f"not sealed with this device's secret: {error}") from error
