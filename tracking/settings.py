"""Settings of the tracking rules and checks."""

from datetime import UTC, datetime

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic_settings import BaseSettings, SettingsConfigDict


class TrackingSettings(BaseSettings):
    """What is accepted as a fix, and when."""

    model_config = SettingsConfigDict(env_prefix="WANMI_TRACKING_", frozen=True)

    oldest_days: PositiveInt = 400
    """A fix older than this at its arrival is refused (``too_old``); daily partitions reach back so far."""
    earliest: datetime = datetime(2000, 1, 1, tzinfo=UTC)
    """No fix is older than this, whatever ``oldest_days`` says: earlier dates are clocks that never ran."""
    future_tolerance_s: NonNegativeFloat = 300.0
    """A fix further ahead of our clock than this is refused (``in_future``)."""
    zero_island_deg: NonNegativeFloat = 0.001
    """A position nearer to 0,0 than this on both axes is a receiver without a fix."""
    derived_speed_within_s: PositiveFloat = 600.0
    """A device that reports no speed is shown with that of its way since the fix before, if that is not
    longer ago than this."""
    position_noise_m: NonNegativeFloat = 15.0
    """A way shorter than this may be the noise of a receiver at rest: no speed."""
    partitions_ahead: PositiveInt = 7
    """Days for which partitions of ``fix`` are made in advance."""


class OutsideGridSettings(BaseSettings):
    """When "outside responsibility grid" opens and closes."""

    model_config = SettingsConfigDict(env_prefix="WANMI_OUTSIDE_GRID_", frozen=True)

    buffer_m: NonNegativeFloat = 20.0
    """A fix counts as outside beyond this distance plus its own accuracy from the grid."""
    default_accuracy_m: NonNegativeFloat = 10.0
    """Taken when the device does not say how accurate the fix is."""
    max_accuracy_m: PositiveFloat = 100.0
    """A worse accuracy is taken as this: a poor receiver must not hide an absence."""
    open_after_fixes: PositiveInt = 2
    """So many fixes in a row must lie outside before the episode opens …"""
    open_after_s: NonNegativeFloat = 20.0
    """… and the last of them so long after the first."""
    close_after_fixes: PositiveInt = 2
    """So many fixes in a row inside the grid (no buffer) close the episode."""
    update_every_s: PositiveFloat = 30.0
    """An open episode is written again at most so often, in fix time."""


class CorrectionSettings(BaseSettings):
    """When late fixes correct the alerts of their device."""

    model_config = SettingsConfigDict(env_prefix="WANMI_CORRECTION_", frozen=True)

    quiet_s: NonNegativeFloat = 3.0
    """When no more late fixes of a device have come for so long …"""
    longest_s: NonNegativeFloat = 60.0
    """… or the first of them has waited for so long."""
    share: PositiveFloat = 0.2
    """Part of the writer's time that corrections may take while fixes come in."""
    timers_after_s: NonNegativeFloat = 60.0
    """After a start no silence is told for so long: what the broker kept comes first."""
    checkpoint_days: PositiveInt = 400
    """How long checkpoints are kept; older fixes are judged again from the device's first."""
