"""Which packages make up the platform, and how its database comes to the newest schema."""

from pathlib import Path

import geocoding.models  # noqa: F401
import gis_core.identity.models
import gis_core.models  # noqa: F401
import tracking.alert_models
import tracking.duty_models
import tracking.models
import tracking.settled_models  # noqa: F401
from command_center.devices.credentials import Credentials, NoCredentials
from command_center.processes.broker import DeviceCredentials
from command_center.worker import prepare_job_tables
from gis_core.migrate import migrate

PACKAGES = ("gis_core", "geocoding", "tracking")
"""Packages with a ``migrations/versions`` folder, lowest first."""


def prepare_database(database_url: str) -> None:
    """All tables of the platform and of its job queue, at their newest."""
    migrate(database_url, PACKAGES)
    prepare_job_tables(database_url)


def device_credentials(data_dir: Path) -> Credentials:
    """Where devices' broker logins are given out and taken away: our private broker, if there is one."""
    folder = data_dir / "broker"
    return DeviceCredentials(folder) if (folder / "services.json").exists() else NoCredentials()
