"""Settings of the gateway process."""

from pathlib import Path

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt
from pydantic_settings import BaseSettings, SettingsConfigDict


class GatewaySettings(BaseSettings):
    """Where it listens, and what bounds a terminal."""

    model_config = SettingsConfigDict(env_prefix="WANMI_GATEWAY_", frozen=True)

    host: str = "127.0.0.1"
    """JT/T 808 and NMEA are not encrypted: beyond this machine, put them behind a VPN or a private APN."""
    jt808_port: NonNegativeInt = 0
    """0: any free port; which one is told in the log and in ``gateway.json``."""
    nmea_port: NonNegativeInt = 0
    http_port: NonNegativeInt = 0
    connections: PositiveInt = 20_000
    """Of each protocol; one more is closed at once."""
    connections_of_address: PositiveInt = 20_000
    """Of each protocol from one address; all terminals of a mobile network may come from one."""
    strangers_of_address: PositiveInt = 1_000
    """Of these, so many that have not said who they are."""
    login_within_s: PositiveFloat = 30.0
    """A connection that has not said who it is by then is closed."""
    idle_s: PositiveFloat = 900.0
    """A terminal that was silent so long is gone."""
    half_frame_s: PositiveFloat = 30.0
    """A frame that has begun must end within this time."""
    frames_per_s: PositiveFloat = 50.0
    """A terminal that sends more is read more slowly."""
    burst_frames: PositiveInt = 500
    bad_frames: PositiveInt = 50
    """In a row; the connection is then closed."""
    in_flight: PositiveInt = 64
    """Messages of one terminal that the broker has not confirmed; then it is not read."""
    in_flight_total: PositiveInt = 20_000
    directory_every_s: PositiveFloat = 30.0
    command_every_s: PositiveFloat = 5.0
    """Commands are looked for so often, besides when one is added."""
    data_dir: Path | None = Field(default=None, validation_alias="WANMI_DATA_DIR")
