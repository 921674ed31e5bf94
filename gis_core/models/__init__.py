"""Tables of the city."""

from gis_core.models.area import Area
from gis_core.models.catalogue import Layer, LayerVersion
from gis_core.models.component import Component, ComponentClass
from gis_core.models.grid import (
    ResponsibilityGrid,
    ResponsibilityGridPerson,
    ResponsibilityGridUnit,
    UnitGrid,
)
from gis_core.models.ground import Building, Facility, LandCover, Road
from gis_core.models.history import Edit, EditInsert, EditRow
from gis_core.models.import_run import ImportIssue, ImportMapping, ImportRun, ImportTask
from gis_core.models.outbox import Outbox
from gis_core.models.zone import Zone

__all__ = [
    "Area",
    "Building",
    "Component",
    "ComponentClass",
    "Edit",
    "EditInsert",
    "EditRow",
    "Facility",
    "ImportIssue",
    "ImportMapping",
    "ImportRun",
    "ImportTask",
    "LandCover",
    "Layer",
    "LayerVersion",
    "Outbox",
    "ResponsibilityGrid",
    "ResponsibilityGridPerson",
    "ResponsibilityGridUnit",
    "Road",
    "UnitGrid",
    "Zone",
]
