"""Keys derived from the installation's secret; personal data encrypted, indexed and masked; tokens."""

import hashlib
import hmac
import os
import re
import secrets
from functools import cached_property
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SM3
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_FORMAT: Final = b"\x01"
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_TOKEN_BYTES: Final = 32
BEARER_PREFIX: Final = "wmt_"
"""Lets people and secret scanners recognise a bearer token that was left lying about."""


class Unreadable(ValueError):
    """Ciphertext of another key or field, or damaged."""


class Keyring:
    """The keys of one installation, each for one use, derived by HKDF-SM3 from ``WANMI_SECRET_KEY``.

    ``secret_key`` is hex, at least 16 bytes; ValueError otherwise.
    """

    def __init__(self, secret_key: str) -> None:
        self._secret = bytes.fromhex(secret_key)
        if len(self._secret) < 16:
            raise ValueError("the secret key must be at least 16 bytes of hex")

    def _derive(self, use: str, length: int) -> bytes:
        return HKDF(SM3(), length, salt=None, info=f"wanmi {use}".encode()).derive(self._secret)

    @cached_property
    def _data_key(self) -> bytes:
        return self._derive("personal data SM4-GCM", 16)

    @cached_property
    def _index_key(self) -> bytes:
        return self._derive("blind index HMAC-SM3", 32)

    @cached_property
    def audit_key(self) -> bytes:
        """Key of the audit chain (HMAC-SM3)."""
        return self._derive("audit chain HMAC-SM3", 32)

    def encrypt(self, text: str, field: str) -> bytes:
        """SM4-GCM: format byte, 12-byte random nonce, ciphertext, tag.

        ``field`` (such as ``person.mobile``) is authenticated: a value moved to another column does
        not decrypt there.
        """
        nonce = os.urandom(_NONCE_BYTES)
        return _FORMAT + nonce + sm4_gcm_encrypt(self._data_key, nonce, text.encode(), field.encode())

    def decrypt(self, data: bytes, field: str) -> str:
        """The text given to ``encrypt``. Raises Unreadable."""
        if data[:1] != _FORMAT or len(data) < 1 + _NONCE_BYTES + _TAG_BYTES:
            raise Unreadable(f"{field}: not a value of this format")
        nonce, sealed = data[1 : 1 + _NONCE_BYTES], data[1 + _NONCE_BYTES :]
        return sm4_gcm_decrypt(self._data_key, nonce, sealed, field.encode()).decode()

    def blind_index(self, text: str, field: str) -> bytes:
        """HMAC-SM3 that finds equal values without making them readable."""
        return hmac_sm3(self._index_key, f"{field}\0{text}".encode())


def sm3(data: bytes) -> bytes:
    """GB/T 32905."""
    return hashlib.new("sm3", data).digest()


def hmac_sm3(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "sm3")


def sm4_gcm_encrypt(key: bytes, nonce: bytes, plain: bytes, associated: bytes) -> bytes:
    """Ciphertext followed by the 16-byte tag (RFC 8998)."""
    encryptor = Cipher(algorithms.SM4(key), modes.GCM(nonce)).encryptor()
    encryptor.authenticate_additional_data(associated)
    return encryptor.update(plain) + encryptor.finalize() + encryptor.tag


def sm4_gcm_decrypt(key: bytes, nonce: bytes, sealed: bytes, associated: bytes) -> bytes:
    """Reverse of ``sm4_gcm_encrypt``. Raises Unreadable when the tag does not fit."""
    body, tag = sealed[:-_TAG_BYTES], sealed[-_TAG_BYTES:]
    decryptor = Cipher(algorithms.SM4(key), modes.GCM(nonce, tag)).decryptor()
    decryptor.authenticate_additional_data(associated)
    try:
        return decryptor.update(body) + decryptor.finalize()
    except InvalidTag:
        raise Unreadable("wrong key or field, or damaged data") from None


def new_token() -> str:
    """256 random bits, URL-safe."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def new_api_token() -> str:
    return BEARER_PREFIX + new_token()


def token_hash(token: str) -> bytes:
    """SM3 of a token; enough without salt, as tokens are random and long."""
    return sm3(token.encode())


_CHINESE_MOBILE = re.compile(r"(?:\+?86)?(1[3-9]\d{9})")


def normal_mobile(text: str) -> str | None:
    """The 11 digits of a mainland mobile number, or ``+`` and digits of a foreign one; None if neither."""
    bare = re.sub(r"[\s\-()]", "", text)
    if match := _CHINESE_MOBILE.fullmatch(bare):
        return match[1]
    return bare if re.fullmatch(r"\+[1-9]\d{6,14}", bare) else None


def mask_mobile(number: str) -> str:
    """``138****5678``: enough to tell two people apart, not enough to ring one."""
    if len(number) < 8:
        return "*" * len(number)
    return number[:3] + "*" * (len(number) - 7) + number[-4:]
