"""Tables of the city."""

from gis_core.models.area import Area
from gis_core.models.catalogue import Layer, LayerLook, LayerVersion
from gis_core.models.component import (
    Component,
    ComponentClass,
    ComponentCodeSequence,
    ComponentDuplicate,
)
from gis_core.models.dictionary import EventClass, FilingCondition
from gis_core.models.grid import (
    ResponsibilityGrid,
    ResponsibilityGridPerson,
    ResponsibilityGridUnit,
    UnitGrid,
)
from gis_core.models.gridding import (
    GridDraft,
    GridDraftCell,
    GridDraftIssue,
    GridDraftOperation,
    UnitGridCode,
    UnitGridCounter,
)
from gis_core.models.ground import Building, Facility, LandCover, Road
from gis_core.models.history import Edit, EditInsert, EditRow
from gis_core.models.import_run import ImportIssue, ImportMapping, ImportRun, ImportTask
from gis_core.models.outbox import Outbox
from gis_core.models.patrol import PatrolPoint, PatrolRoute
from gis_core.models.succession import AreaSuccession
from gis_core.models.zone import Zone, ZoneAttachment

__all__ = [
    "Area",
    "AreaSuccession",
    "Building",
    "Component",
    "ComponentClass",
    "ComponentCodeSequence",
    "ComponentDuplicate",
    "Edit",
    "EditInsert",
    "EditRow",
    "EventClass",
    "Facility",
    "FilingCondition",
    "GridDraft",
    "GridDraftCell",
    "GridDraftIssue",
    "GridDraftOperation",
    "ImportIssue",
    "ImportMapping",
    "ImportRun",
    "ImportTask",
    "LandCover",
    "Layer",
    "LayerLook",
    "LayerVersion",
    "Outbox",
    "PatrolPoint",
    "PatrolRoute",
    "ResponsibilityGrid",
    "ResponsibilityGridPerson",
    "ResponsibilityGridUnit",
    "Road",
    "UnitGrid",
    "UnitGridCode",
    "UnitGridCounter",
    "Zone",
    "ZoneAttachment",
]
