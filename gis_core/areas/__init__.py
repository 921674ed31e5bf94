"""Administrative areas over time: changes with a date, what became of what, names of former days."""

from gis_core.areas.changes import (
    AreaChange,
    AreaShape,
    NewArea,
    change_area,
    close_area,
    codes_inside,
    create_area,
    merge_areas,
    split_area,
)
from gis_core.areas.readings import (
    AreaPart,
    AreaRow,
    Succession,
    Touched,
    area_history,
    area_on,
    areas_named,
    areas_on,
    cut_area,
    successions_of,
    touched_by,
)

__all__ = [
    "AreaChange",
    "AreaPart",
    "AreaRow",
    "AreaShape",
    "NewArea",
    "Succession",
    "Touched",
    "area_history",
    "area_on",
    "areas_named",
    "areas_on",
    "change_area",
    "close_area",
    "codes_inside",
    "create_area",
    "cut_area",
    "merge_areas",
    "split_area",
    "successions_of",
    "touched_by",
]
