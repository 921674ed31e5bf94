"""Code lists of the standards, by edition, shipped with the package."""

from gis_core.dictionaries.component_classes import (
    COMPONENT_EDITION,
    ComponentClassEntry,
    load_component_classes,
    read_component_classes,
)

__all__ = ["COMPONENT_EDITION", "ComponentClassEntry", "load_component_classes", "read_component_classes"]
