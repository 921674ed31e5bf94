"""The alert rules, in the order they are judged. A new rule joins the list in ``make_rules``."""

from tracking.rules.base import Change, Judgement, Rule, RuleContext
from tracking.rules.outside_grid import OutsideGrid
from tracking.settings import OutsideGridSettings

__all__ = ["Change", "Judgement", "Rule", "RuleContext", "make_rules"]


def make_rules() -> tuple[Rule, ...]:
    """All rules with their settings from the environment."""
    return (OutsideGrid(OutsideGridSettings()),)
