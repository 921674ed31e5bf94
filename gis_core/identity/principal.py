"""Who asks, what he may do, and for which areas and departments."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gis_core.area_codes import area_prefix
from gis_core.errors import NotAllowed, OutOfScope

PERMISSIONS = frozenset(
    {
        "map.view",
        "units.view",
        "units.track",
        "units.command",
        "alerts.view",
        "alerts.handle",
        "rules.define",
        "rosters.manage",
        "privacy.manage",
        "city.import",
        "city.edit",
        "devices.manage",
        "people.manage",
        "audit.view",
        "system.view",
        "dead_letters.view",
        "replay.run",
    }
)


@dataclass(frozen=True, slots=True)
class Scope:
    """One grant's reach: an area (None: the whole city) and departments (None: all)."""

    area_code: str | None = None
    org_units: frozenset[int] | None = None

    def covers(self, area_code: str, org_unit_id: int | None) -> bool:
        in_area = self.area_code is None or area_code.startswith(area_prefix(self.area_code))
        return in_area and (self.org_units is None or org_unit_id in self.org_units)


@dataclass(frozen=True, slots=True)
class Principal:
    """A person, or a program that acts for one.

    Rows are filtered in SQL by one of two conditions. Rows of the city, which belong to no
    department (``areas`` from ``area_patterns``)::

        (CAST(:areas AS text[]) IS NULL OR area_code LIKE ANY (CAST(:areas AS text[])))

    Rows that have an ``org_unit_id`` too (``scope_areas``, ``scope_org_units`` from
    ``scope_parameters``)::

        EXISTS (SELECT 1
                  FROM unnest(CAST(:scope_areas AS text[]), CAST(:scope_org_units AS int[])) AS s (a, o)
                 WHERE area_code LIKE s.a AND (s.o IS NULL OR org_unit_id = s.o))
    """

    person_id: int
    login: str
    name: str
    scopes: Mapping[str, tuple[Scope, ...]]
    """By permission; a permission that is not held has no entry."""
    name_en: str | None = None
    roles: tuple[str, ...] = ()
    program: bool = False
    """Came by bearer token."""

    @property
    def permissions(self) -> frozenset[str]:
        return frozenset(self.scopes)

    def may(self, permission: str) -> bool:
        return permission in self.scopes

    def require(self, permission: str) -> None:
        """Raise NotAllowed unless the permission is held for some area."""
        if permission not in self.scopes:
            raise NotAllowed(permission=permission)

    def require_in(self, permission: str, area_code: str, org_unit_id: int | None = None) -> None:
        """Raise NotAllowed, or OutOfScope when it is held but not for this area and department."""
        self.require(permission)
        if not any(scope.covers(area_code, org_unit_id) for scope in self.scopes[permission]):
            raise OutOfScope(area_code=area_code)

    def area_prefixes(self, permission: str) -> tuple[str, ...] | None:
        """Digits that codes of the permitted areas begin with; None for the whole city, () for none.

        Departments are left out of account: for rows that belong to none.
        """
        scopes = self.scopes.get(permission, ())
        codes = {scope.area_code for scope in scopes}
        return None if None in codes else tuple(sorted({area_prefix(code) for code in codes if code}))

    def area_patterns(self, permission: str) -> list[str] | None:
        """``area_prefixes`` as LIKE patterns, to be bound as ``:areas``."""
        prefixes = self.area_prefixes(permission)
        return None if prefixes is None else [prefix + "%" for prefix in prefixes]

    def scope_parameters(self, permission: str) -> dict[str, list[Any]]:
        """Parallel arrays ``scope_areas`` (LIKE patterns) and ``scope_org_units`` (None: all)."""
        pairs: list[tuple[str, int | None]] = []
        for scope in self.scopes.get(permission, ()):
            pattern = "%" if scope.area_code is None else area_prefix(scope.area_code) + "%"
            departments: Iterable[int | None] = (
                (None,) if scope.org_units is None else sorted(scope.org_units)
            )
            pairs += [(pattern, department) for department in departments]
        return {"scope_areas": [a for a, _ in pairs], "scope_org_units": [o for _, o in pairs]}

    def area_codes(self) -> list[str] | None:
        """All area codes of any grant, None when one is for the whole city."""
        codes = {scope.area_code for scopes in self.scopes.values() for scope in scopes}
        return None if None in codes else sorted(code for code in codes if code)


def build_principal(rows: Sequence[Mapping[str, Any]], *, program: bool) -> Principal:
    """From the rows of the statement ``principal``, at least one."""
    person = rows[0]
    scopes: dict[str, tuple[Scope, ...]] = {}
    grants = [row for row in rows if row["role_key"] is not None]
    for grant in grants:
        units = grant["org_units"]
        scope = Scope(grant["area_code"], None if units is None else frozenset(units))
        for permission in grant["permissions"]:
            if person["at_most"] is None or permission in person["at_most"]:
                scopes[permission] = (*scopes.get(permission, ()), scope)
    return Principal(
        person_id=person["id"],
        login=person["login"] or "",
        name=person["name"],
        name_en=person["name_en"],
        scopes=scopes,
        roles=tuple(dict.fromkeys(grant["role_key"] for grant in grants)),
        program=program,
    )
