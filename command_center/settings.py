"""Settings of the web process."""

from pathlib import Path

from pydantic import PositiveInt
from pydantic_settings import BaseSettings, SettingsConfigDict


class WebSettings(BaseSettings):
    """``WANMI_…``: what the HTTP side needs beyond database, storage and identity."""

    model_config = SettingsConfigDict(env_prefix="WANMI_", frozen=True)

    webdist: Path = Path(__file__).parent / "webdist"
    """Folder of the built web app."""
    demo: bool = False
    """Demo mode: the login page offers the demo logins."""
    tls: bool = False
    """Whether we are reached by HTTPS: cookies become Secure and HSTS is sent."""
    public_origin: str | None = None
    """``https://host[:port]`` that browsers see, where a proxy in front changes the Host header."""
    max_body_bytes: PositiveInt = 1 << 20
    """Largest request body; larger ones are for the paths in ``app.state.body_limits``."""
