"""The demo city as a whole, made step by step from one seed."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import shapely

from command_center.demo.areas import Areas, divide
from command_center.demo.buildings import Buildings, raise_buildings
from command_center.demo.components import Components, place_components
from command_center.demo.duty_grids import DutyGrids, form_duty_grids
from command_center.demo.land import Land, draw_uses, use_land
from command_center.demo.names import NameBag
from command_center.demo.places import Place, ZoneArea, draw_zones, found_facilities
from command_center.demo.plan import Plan, arterial_words, draw_plan
from command_center.demo.roads import Roads, lay_roads
from command_center.demo.routes import VehicleRoute, plan_routes
from command_center.demo.streets import Network, build_network
from command_center.demo.unit_grids import UnitGrids, cut_unit_grids, settle_areas


@dataclass(frozen=True)
class City:
    """Everything that stands in the city, in plan coordinates (metres)."""

    plan: Plan
    network: Network
    areas: Areas
    grids: UnitGrids
    duty: DutyGrids
    roads: Roads
    land: Land
    buildings: Buildings
    components: Components
    facilities: list[Place]
    zones: list[ZoneArea]
    routes: list[VehicleRoute]

    def digest(self) -> str:
        """SHA-256 over all shapes and codes: equal for equal seeds."""
        sha = hashlib.sha256()
        for shapes in (
            self.grids.shapes,
            self.roads.lines,
            self.buildings.shapes,
            self.components.shapes,
            np.array([r.geom for r in self.routes], dtype=object),
            np.array([c.geom for c in self.land.covers], dtype=object),
            np.array([p.geom for p in self.facilities], dtype=object),
        ):
            sha.update(b"".join(shapely.to_wkb(shapes)))
        for texts in (self.grids.codes, self.components.codes, self.duty.codes):
            sha.update("\n".join(texts).encode())
        sha.update("\n".join(n.zh for n in self.roads.names if n).encode())
        return sha.hexdigest()


def make_city(
    seed: int = 1, *, components: int = 30_000, report: Callable[[str], None] = lambda _: None
) -> City:
    """The city of a seed; always the same for the same seed. ``report`` hears each step's name."""
    rng = np.random.default_rng(seed)
    report("plan")
    plan = draw_plan(rng)
    names = NameBag(rng, arterial_words())
    report("streets")
    network = build_network(rng, plan, names)
    report("areas")
    areas = divide(network, names)
    report("unit grids")
    grids = cut_unit_grids(network, areas)
    areas = settle_areas(areas, grids)
    duty = form_duty_grids(grids, areas)
    report("roads and land")
    use = draw_uses(rng, plan, network)
    roads = lay_roads(rng, network, use, grids)
    land = use_land(plan, network, use, grids, roads, names)
    report("buildings")
    buildings = raise_buildings(rng, grids, land, names)
    report("components")
    placed = place_components(rng, roads, grids, land, buildings.shapes, count=components)
    report("facilities and routes")
    facilities = found_facilities(rng, plan, network, roads, grids, areas, land, buildings, names)
    zones = draw_zones(rng, plan, network, areas, land)
    routes = plan_routes(rng, roads, network, areas, {"sanitation": 30, "slag_truck": 12, "enforcement": 12})
    return City(plan, network, areas, grids, duty, roads, land, buildings, placed, facilities, zones, routes)
