"""All routes of the city's data, in the order in which addresses are matched."""

from fastapi import APIRouter

from command_center.city import (
    areas_routes,
    catalogue_routes,
    components_routes,
    duplicates_routes,
    history_routes,
    layers_routes,
    zones_routes,
)

ROUTERS: list[APIRouter] = [
    catalogue_routes.router,
    areas_routes.router,
    duplicates_routes.router,
    components_routes.router,
    zones_routes.router,
    layers_routes.router,
    history_routes.router,
]
