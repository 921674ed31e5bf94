"""The secrets of devices that encrypt their payloads: sealed in the database, open only in memory."""

from collections.abc import Mapping
from typing import Any

import psycopg
import structlog

from gis_core.identity.secrets import Keyring, Unreadable
from tracking.sql import psycopg_queries

FIELD = "device.payload_secret"
"""What the sealed value is bound to."""
LONGEST = 32
"""Bytes: the secret is the key of the box, filled up with zeros."""
QUERIES = psycopg_queries("ingest", "payload_secrets.sql")

_log = structlog.get_logger(__name__)


def check_secret(secret: str) -> str:
    """The secret as it is. Raises ValueError when it can be none."""
    if not 1 <= len(secret.encode("utf-8", "surrogatepass")) <= LONGEST or not secret.isprintable():
        raise ValueError(f"1 to {LONGEST} bytes in UTF-8, no control characters")
    return secret


def load_payload_secrets(connection: psycopg.Connection[Any], keyring: Keyring) -> Mapping[str, str]:
    """By device key. A value that was sealed with another key of the installation is left out."""
    found: dict[str, str] = {}
    for key, sealed in connection.execute(QUERIES["payload_secrets"]):
        try:
            found[key] = keyring.decrypt(sealed, FIELD)
        except Unreadable:
            _log.error("payload_secret_unreadable", device=key)
    return found
