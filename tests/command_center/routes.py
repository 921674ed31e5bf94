"""All routes of an application, for tests that hold for each of them."""

from collections.abc import Iterator
from typing import NamedTuple

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts


class Route(NamedTuple):
    method: str
    path: str
    """With the prefix it is mounted under, as ``/api/v1/units/{unit_id}``."""
    dependant: Dependant
    summary: str

    def dependencies(self) -> Iterator[Dependant]:
        """All of them, also those of dependencies."""
        return _below(self.dependant)


def all_routes(app: FastAPI) -> list[Route]:
    """HTTP routes of the application and of the routers it includes."""
    return [
        Route(method, context.path or "", context.dependant, context.summary or "")
        for context in iter_route_contexts(app.router.routes)
        if isinstance(context.original_route, APIRoute)
        for method in sorted(context.methods or ())
    ]


def _below(dependant: Dependant) -> Iterator[Dependant]:
    for child in dependant.dependencies:
        yield child
        yield from _below(child)
