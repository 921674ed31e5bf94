"""Settings of importing over HTTP."""

from datetime import timedelta

from pydantic import PositiveInt
from pydantic_settings import BaseSettings, SettingsConfigDict


class ImportSettings(BaseSettings):
    """``WANMI_…``: how large handed-in files may be and how long they are kept."""

    model_config = SettingsConfigDict(env_prefix="WANMI_", frozen=True)

    max_upload_bytes: PositiveInt = 2 << 30
    uploads_kept: timedelta = timedelta(days=14)
