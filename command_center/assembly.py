"""Which packages make up the platform: whose tables and migrations belong to its database."""

import gis_core.identity.models
import gis_core.models  # noqa: F401
import tracking.models  # noqa: F401

PACKAGES = ("gis_core", "tracking")
"""Packages with a ``migrations/versions`` folder, lowest first."""
