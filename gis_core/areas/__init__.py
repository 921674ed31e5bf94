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
from gis_core.areas.readings import AreaRow, Succession, area_history, area_on, areas_on, successions_of

__all__ = [
    "AreaChange",
    "AreaRow",
    "AreaShape",
    "NewArea",
    "Succession",
    "area_history",
    "area_on",
    "areas_on",
    "change_area",
    "close_area",
    "codes_inside",
    "create_area",
    "merge_areas",
    "split_area",
    "successions_of",
]
