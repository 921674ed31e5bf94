"""The layer catalogue: what may be shown on a map, by whom, and how."""

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from gis_core.database import Base


class Layer(Base):
    """A view in schema ``publish`` with its names, zoom range and rights.

    Tiles, search, export and OGC read the catalogue and the view, and nothing else. A view has
    ``id``, ``geom`` (EPSG:4326) and the columns in ``properties``; where ``scoped`` it has
    ``area_code`` too, and a reader sees only rows of his areas. ``min_zoom_column`` names a column
    that holds the lowest zoom a row is drawn at.
    """

    __tablename__ = "layer"
    __table_args__ = (
        CheckConstraint("geometry IN ('point','line','polygon')", name="geometry"),
        CheckConstraint("min_zoom BETWEEN 0 AND 22 AND max_zoom BETWEEN min_zoom AND 22", name="zooms"),
    )

    key: Mapped[str] = mapped_column(primary_key=True)
    view: Mapped[str]
    """Name of the view in schema ``publish``."""
    title: Mapped[str]
    title_en: Mapped[str]
    geometry: Mapped[str]
    min_zoom: Mapped[int]
    max_zoom: Mapped[int]
    properties: Mapped[list[str]] = mapped_column(JSONB)
    min_zoom_column: Mapped[str | None]
    permission: Mapped[str] = mapped_column(server_default="map.view")
    scoped: Mapped[bool] = mapped_column(server_default="false")
    sort_order: Mapped[int] = mapped_column(server_default="100")
    style: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    max_features: Mapped[int] = mapped_column(server_default="20000")
    """Most features in one tile; beyond that the first by ``id`` are drawn."""
    relation: Mapped[str | None]
    """The table whose rows the view shows under the same ``id``; None where there is no such one."""
    editable: Mapped[bool] = mapped_column(server_default="false")
    """Whether features may be added, changed and taken away by hand."""


class LayerVersion(Base):
    """Counts changes to a layer's data; a tile cache is valid for one version."""

    __tablename__ = "layer_version"

    key: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(server_default="1")


class LayerLook(Base):
    """How one person wants a layer drawn; goes before the layer's own style, on his pages only."""

    __tablename__ = "layer_look"

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    layer_key: Mapped[str] = mapped_column(ForeignKey("layer.key", ondelete="CASCADE"), primary_key=True)
    style: Mapped[dict[str, Any]] = mapped_column(JSONB)
