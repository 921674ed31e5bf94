"""City components 部件: their codes, what may be written of them, and questions about them."""

from gis_core.components.codes import CodeForm, CodesExhausted, ComponentCode, issue_codes
from gis_core.components.duplicates import DuplicateDecision, DuplicatePair, find_duplicates
from gis_core.components.questions import (
    ComponentCount,
    NearComponent,
    count_components,
    nearest_components,
)
from gis_core.components.records import (
    ComponentDetails,
    NewComponent,
    change_component,
    create_component,
    move_component,
    retire_component,
)

__all__ = [
    "CodeForm",
    "CodesExhausted",
    "ComponentCode",
    "ComponentCount",
    "ComponentDetails",
    "DuplicateDecision",
    "DuplicatePair",
    "NearComponent",
    "NewComponent",
    "change_component",
    "count_components",
    "create_component",
    "find_duplicates",
    "issue_codes",
    "move_component",
    "nearest_components",
    "retire_component",
]
