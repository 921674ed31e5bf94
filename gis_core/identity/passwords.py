"""Passwords: PBKDF2-HMAC-SM3, with the parameters kept beside each hash."""

import hashlib
import hmac
import secrets
from typing import Final

from gis_core.errors import DomainError, Text

SCHEME: Final = "pbkdf2-sm3"
ITERATIONS: Final = 100_000
"""Ten times the least of NIST SP 800-63B; about 0.05 s of one core, so that 50 people who log in at once
on two cores wait under 2 s. The lock-out holds off guessing at the door. Raise it
(``WANMI_IDENTITY_PASSWORD_ITERATIONS``) where cores allow: hashes are renewed at the next log-in."""
SALT_BYTES: Final = 16
MIN_LENGTH: Final = 10
MAX_LENGTH: Final = 128
"""Longer input would only be a way to keep our processor busy."""
MIN_CLASSES: Final = 3


class WeakPassword(DomainError):
    status, slug = 422, "weak-password"
    title = Text("密码不符合要求", "Password too weak")
    detail = Text(
        "密码须为 {min_length} 至 {max_length} 个字符，"
        "含大写字母、小写字母、数字、其他字符中的至少 {min_classes} 类，且不得包含登录名。",
        "A password needs {min_length} to {max_length} characters of at least {min_classes} of: capitals,"
        " small letters, digits, others; and it must not contain the login.",
    )

    def __init__(self) -> None:
        super().__init__(
            field="password", min_length=MIN_LENGTH, max_length=MAX_LENGTH, min_classes=MIN_CLASSES
        )


def check_complexity(password: str, login: str | None) -> None:
    """Raise WeakPassword unless the rule of GB/T 22239 level 2 practice is met."""
    classes = (
        any(c.isupper() for c in password),
        any(c.islower() for c in password),
        any(c.isdigit() for c in password),
        any(not c.isupper() and not c.islower() and not c.isdigit() for c in password),
    )
    long_enough = MIN_LENGTH <= len(password) <= MAX_LENGTH
    holds_login = bool(login) and len(login or "") > 2 and (login or "").lower() in password.lower()
    if not long_enough or sum(classes) < MIN_CLASSES or holds_login:
        raise WeakPassword


def hash_password(password: str, *, iterations: int = ITERATIONS) -> str:
    """``pbkdf2-sm3$iterations$salt$hash`` (hex) with a fresh salt. Keeps a core busy for about 0.05 s."""
    salt = secrets.token_bytes(SALT_BYTES)
    return f"{SCHEME}${iterations}${salt.hex()}${_derive(password, salt, iterations).hex()}"


def verify_password(password: str, stored: str) -> bool:
    """Whether the password is the stored one; compared in constant time.

    Parameters come from ``stored``, so old hashes stay valid. Raises ValueError for a string that
    ``hash_password`` cannot have made.
    """
    scheme, iterations, salt, expected = _parts(stored)
    if scheme != SCHEME:
        raise ValueError(f"unknown password scheme {scheme!r}")
    return hmac.compare_digest(_derive(password, salt, iterations), expected)


def needs_rehash(stored: str, *, iterations: int = ITERATIONS) -> bool:
    """Whether the hash was made with weaker parameters than today's."""
    scheme, used, salt, _ = _parts(stored)
    return scheme != SCHEME or used < iterations or len(salt) < SALT_BYTES


def _derive(password: str, salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac("sm3", password.encode(), salt, iterations)


def _parts(stored: str) -> tuple[str, int, bytes, bytes]:
    scheme, iterations, salt, expected = stored.split("$")
    return scheme, int(iterations), bytes.fromhex(salt), bytes.fromhex(expected)
