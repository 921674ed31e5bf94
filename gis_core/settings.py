"""Settings, read from the environment once and passed on; never read at import."""

from pathlib import Path

from pydantic import Field, PositiveFloat, PositiveInt
from pydantic_settings import BaseSettings, SettingsConfigDict


class DatabaseSettings(BaseSettings):
    """Where PostgreSQL + PostGIS is, and how many connections a process may hold."""

    model_config = SettingsConfigDict(env_prefix="WANMI_", frozen=True)

    database_url: str
    """libpq URL, ``postgresql://user:password@host:port/name``."""
    database_pool_size: PositiveInt = 8


class BrokerSettings(BaseSettings):
    """Where the MQTT broker is and how ingest subscribes to it."""

    model_config = SettingsConfigDict(env_prefix="WANMI_", frozen=True)

    mqtt_url: str
    """``mqtt://user:password@host:port``; ``mqtts://`` for TLS."""
    mqtt_client_id: str = "wanmi-ingest"
    """Names the persistent session: what arrives while ingest is down waits under it."""


class StorageSettings(BaseSettings):
    """Folders and keys of this installation."""

    model_config = SettingsConfigDict(env_prefix="WANMI_", frozen=True)

    data_dir: Path = Path("var")
    secret_key: str = Field(min_length=32)
    """Hex key (>= 16 bytes) that the encryption, blind-index and audit keys are derived from."""


class LogSettings(BaseSettings):
    """How processes log."""

    model_config = SettingsConfigDict(env_prefix="WANMI_", frozen=True)

    log_level: str = "INFO"
    log_json: bool = False
    slow_query_s: PositiveFloat = 1.0
