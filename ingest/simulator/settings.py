"""Settings of the simulator."""

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic_settings import BaseSettings, SettingsConfigDict


class SimulatorSettings(BaseSettings):
    """``WANMI_SIMULATOR_…``: what the demo units do. Rates are for the whole city."""

    model_config = SettingsConfigDict(env_prefix="WANMI_SIMULATOR_", frozen=True)

    mqtt_url: str | None = None
    """Broker account that may publish for all devices; the platform's ``WANMI_MQTT_URL`` if not set."""
    seed: int = 1
    tick_s: PositiveFloat = 1.0
    leaves_per_minute: NonNegativeFloat = 1.2
    """How often an inspector leaves his grid; one is away for about six minutes."""
    most_away: PositiveInt = 10
    """Never more inspectors than this outside their grids at a time."""
    losses_per_minute: NonNegativeFloat = 0.8
    """How often a unit loses its signal, for one to four minutes."""
    speedings_per_minute: NonNegativeFloat = 0.3
    parkings_per_minute: NonNegativeFloat = 0.25
    max_queued: PositiveInt = 20_000
    """Messages kept while the broker is away; further ones are dropped and counted."""
    refresh_s: PositiveFloat = 600.0
    """How often rosters are read again."""
