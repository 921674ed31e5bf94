"""Settings of the ingest process."""

from pathlib import Path

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic_settings import BaseSettings, SettingsConfigDict


class IngestSettings(BaseSettings):
    """How messages are gathered into batches, and what bounds them."""

    model_config = SettingsConfigDict(env_prefix="WANMI_INGEST_", frozen=True)

    batch_messages: PositiveInt = 3_000
    """A batch is written when it holds so many messages …"""
    batch_bytes: PositiveInt = 2**20
    """… or its messages so many bytes: 55,000 fixes of compact batches …"""
    batch_wait_s: NonNegativeFloat = 0.1
    """… or when its first message has waited so long."""
    broker_away_s: NonNegativeFloat = 15.0
    """A broker that cannot be reached for longer is an outage, whose time is no silence of the devices."""
    queue_messages: PositiveInt = 100_000
    """Beyond so many waiting messages nothing more is read. More than the broker's ``max_ack_pending``
    for all subscriptions together, so that the broker's own flow control comes first."""
    queue_bytes: PositiveInt = 256 * 2**20
    """Beyond so many waiting bytes nothing more is read."""
    max_payload_bytes: PositiveInt = 393_216
    """A larger message is refused (``too_large``)."""
    allow_missing_checksum: bool = False
    """Whether NMEA sentences without checksum are taken; a wrong one is refused always."""
    retry_max_s: PositiveFloat = 5.0
    """Longest pause between two tries while the database or the broker is away."""
    directory_every_s: PositiveFloat = 300.0
    """Devices and rosters are read again so often, besides when they change."""
    grids_every_s: PositiveFloat = 600.0
    """Grids are read again so often, besides when they change: some begin or end with the day."""
    data_dir: Path | None = Field(default=None, validation_alias="WANMI_DATA_DIR")
    """Folder of the installation; the figures lie there in ``metrics/ingest.prom``. None: no figures."""

    @property
    def metrics_file(self) -> Path | None:
        return None if self.data_dir is None else self.data_dir / "metrics" / "ingest.prom"
