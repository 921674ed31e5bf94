"""The alert rules, in the order they are judged. A rule that is built in joins the list in ``make_rules``."""

from tracking.rules.base import Change, Judgement, Last, Remembered, Rule, Scene
from tracking.rules.live import LiveRule
from tracking.rules.outside_grid import OutsideGrid, outside_grid_definition
from tracking.settings import OutsideGridSettings

__all__ = ["Change", "Judgement", "Last", "Remembered", "Rule", "Scene", "make_rules"]


def make_rules() -> tuple[Rule, ...]:
    """The built-in rules with their settings from the environment."""
    settings = OutsideGridSettings()
    return (LiveRule(outside_grid_definition(settings), kind=OutsideGrid(settings)),)
