"""The truth of fixes: what of a track is repeated, displaced, frozen, copied or told by a wrong clock."""

from tracking.quality.checks import Checked, check
from tracking.quality.findings import Finding, Why
from tracking.quality.settings import QualitySettings
from tracking.quality.track import Track

__all__ = ["Checked", "Finding", "QualitySettings", "Track", "Why", "check"]
