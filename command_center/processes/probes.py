"""Asking whether a process lives and whether an address answers."""

import http.client
import os
import ssl
from urllib.parse import urlsplit


def is_running(pid: int | None) -> bool:
    """Whether a process of this number exists, a zombie included."""
    if pid is None:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def answers_http(url: str, *, timeout_s: float = 2.0) -> bool:
    """Whether ``url`` (http or https) answers with a success.

    The certificate is not checked: it is our own process on this machine that is asked, under a
    name the certificate need not carry.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(host, parts.port, timeout=timeout_s, context=context)
    else:
        connection = http.client.HTTPConnection(host, parts.port, timeout=timeout_s)
    try:
        connection.request("GET", parts.path or "/")
        return connection.getresponse().status < 400
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
