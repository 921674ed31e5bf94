"""The alert rules, in the order they are judged. A rule that is built in joins the list in ``make_rules``."""

from tracking.rules.base import Change, Judgement, Last, Remembered, Rule, Scene
from tracking.rules.gathering import Gathering
from tracking.rules.kinds import KINDS
from tracking.rules.live import TIMED, LiveRule
from tracking.rules.never_arrived import NeverArrived
from tracking.rules.outside_grid import OutsideGrid, outside_grid_definition
from tracking.rules.vehicle_kinds import IgnitionOff, Leap, LowBattery
from tracking.settings import OutsideGridSettings

__all__ = ["Change", "Judgement", "Last", "Remembered", "Rule", "Scene", "make_rules"]

KINDS.update(
    low_battery=LowBattery(),
    ignition_off=IgnitionOff(),
    jump=Leap(),
    off_post=OutsideGrid(OutsideGridSettings()),
)
TIMED.update(never_arrived=NeverArrived, gathering=Gathering)


def make_rules() -> tuple[Rule, ...]:
    """The built-in rules with their settings from the environment."""
    settings = OutsideGridSettings()
    return (LiveRule(outside_grid_definition(settings), kind=OutsideGrid(settings)),)
