"""How sessions, wrong tries and sources of requests are judged."""

from pydantic import PositiveInt
from pydantic_settings import BaseSettings, SettingsConfigDict

from gis_core.identity.passwords import ITERATIONS


class IdentitySettings(BaseSettings):
    """``WANMI_IDENTITY_…``; times in seconds."""

    model_config = SettingsConfigDict(env_prefix="WANMI_IDENTITY_", frozen=True)

    password_iterations: PositiveInt = ITERATIONS
    idle_s: PositiveInt = 8 * 3600
    """A session without a request for this long is over."""
    session_s: PositiveInt = 7 * 24 * 3600
    """A session is over after this long in any case."""
    lock_after: PositiveInt = 5
    """Wrong tries in a row before a login is locked."""
    lock_first_s: PositiveInt = 60
    """First lock; each further wrong try doubles it."""
    lock_longest_s: PositiveInt = 3600
    ip_failures: PositiveInt = 30
    """Wrong tries from one address within ``ip_window_s`` before it is turned away."""
    ip_window_s: PositiveInt = 300
