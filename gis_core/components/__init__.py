"""City components 部件: their codes, what may be written of them, and questions about them."""

from gis_core.components.codes import CodeForm, CodesExhausted, ComponentCode, issue_codes
from gis_core.components.questions import (
    ComponentCount,
    DuplicatePair,
    NearComponent,
    count_components,
    find_duplicates,
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
