"""All routes of the city's data, in the order in which addresses are matched."""

from fastapi import APIRouter

from command_center.city import (
    areas_routes,
    components_routes,
    history_routes,
    layers_routes,
    zones_routes,
)

ROUTERS: list[APIRouter] = [
    areas_routes.router,
    components_routes.router,
    zones_routes.router,
    layers_routes.router,
    history_routes.router,
]
