"""The request's transaction, principal, rights and audit trail, as routes of this package use them.

The dependencies live in ``gis_core.identity.requests``, so that the routes of lower packages have them.
"""

from gis_core.identity.requests import (
    SESSION_COOKIE,
    Audit,
    AuditTrail,
    Conn,
    CurrentPrincipal,
    authenticate,
    client_ip,
    language_of,
    origin_of,
    requires,
)

__all__ = [
    "SESSION_COOKIE",
    "Audit",
    "AuditTrail",
    "Conn",
    "CurrentPrincipal",
    "authenticate",
    "client_ip",
    "language_of",
    "origin_of",
    "requires",
]
