"""Write the demo people, their devices and rosters, and hand out logins and tokens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from command_center.demo.load import FOUNDED, Connection, copy_rows, reserve_ids
from command_center.demo.people import Staff, draw_up_rosters, new_password
from command_center.processes.broker import DeviceCredentials
from gis_core.identity.passwords import hash_password
from gis_core.identity.secrets import Keyring, token_hash
from gis_core.identity.settings import IdentitySettings

MOBILE_FIELD = "person.mobile"


@dataclass(frozen=True)
class Login:
    """What somebody needs to try the platform; ``role`` names are those of the table ``role``."""

    login: str
    password: str
    role_key: str
    role: str
    role_en: str
    area: str | None


def load_people(
    connection: Connection,
    staff: Staff,
    seed: int,
    *,
    duty_ids: Sequence[int],
    route_ids: Sequence[int],
    keyring: Keyring,
    credentials: DeviceCredentials,
) -> tuple[list[Login], dict[str, int]]:
    """All people in the caller's transaction. Tokens of the devices reach the broker at once.

    Returns the logins with their passwords in clear, which are kept nowhere in the database, and the
    number of rows by table.
    """
    org_ids = dict(
        zip(
            [o.code for o in staff.organisations],
            reserve_ids(connection, "org_unit", len(staff.organisations)),
            strict=True,
        )
    )
    copy_rows(
        connection,
        "org_unit",
        ("id", "code", "name", "name_en", "kind", "parent_id", "area_code"),
        (
            (
                org_ids[o.code],
                f"demo-{o.code}",
                o.name.zh,
                o.name.en,
                o.kind,
                org_ids.get(o.parent or ""),
                o.area,
            )
            for o in staff.organisations
        ),
    )
    post_ids = dict(
        zip(
            [(p.organisation, p.key) for p in staff.posts],
            reserve_ids(connection, "post", len(staff.posts)),
            strict=True,
        )
    )
    copy_rows(
        connection,
        "post",
        ("id", "org_unit_id", "key", "name", "name_en"),
        (
            (post_ids[(p.organisation, p.key)], org_ids[p.organisation], p.key, p.name.zh, p.name.en)
            for p in staff.posts
        ),
    )
    person_ids, logins = _load_members(connection, staff, org_ids, post_ids, keyring)
    copy_rows(
        connection,
        "responsibility_grid_person",
        ("responsibility_grid_id", "person_id", "valid_from"),
        (
            (duty_ids[m.duty_grid], i, FOUNDED)
            for i, m in zip(person_ids, staff.members, strict=True)
            if m.duty_grid is not None
        ),
    )
    device_ids = _load_devices(connection, staff, person_ids, org_ids, credentials)
    turns = draw_up_rosters(seed, staff.units, datetime.now(UTC))
    counts = {
        "org_unit": len(org_ids),
        "person": len(person_ids),
        "device": len(device_ids),
        "roster": copy_rows(
            connection,
            "roster",
            ("device_id", "starts_at", "ends_at", "responsibility_grid_id", "route_id"),
            (
                (device_ids[t.unit], t.starts_at, t.ends_at, _of(duty_ids, staff.units[t.unit].duty_grid),
                 _of(route_ids, staff.units[t.unit].route))
                for t in turns
            ),
        ),
    }  # fmt: skip
    return logins, counts


def _of(ids: Sequence[int], number: int | None) -> int | None:
    return None if number is None else ids[number]


def _load_members(
    connection: Connection,
    staff: Staff,
    org_ids: Mapping[str, int],
    post_ids: Mapping[tuple[str, str], int],
    keyring: Keyring,
) -> tuple[list[int], list[Login]]:
    ids = reserve_ids(connection, "person", len(staff.members))
    roles = {key: (zh, en) for key, zh, en in connection.execute("SELECT key, name, name_en FROM role")}
    iterations = IdentitySettings().password_iterations
    logins: list[Login] = []
    rows: list[tuple[Any, ...]] = []
    for i, m in zip(ids, staff.members, strict=True):
        password = None
        if m.login and m.role:
            clear = new_password()
            password = hash_password(clear, iterations=iterations)
            logins.append(Login(m.login, clear, m.role, *roles[m.role], m.scope_area))
        rows.append(
            (i, m.login, m.name.zh, m.name.en, org_ids[m.organisation],
             post_ids.get((m.organisation, m.post)), m.area,
             keyring.encrypt(m.mobile, MOBILE_FIELD), keyring.blind_index(m.mobile, MOBILE_FIELD), password)
        )  # fmt: skip
    copy_rows(
        connection,
        "person",
        (
            "id",
            "login",
            "name",
            "name_en",
            "org_unit_id",
            "post_id",
            "area_code",
            "mobile",
            "mobile_index",
            "password",
        ),
        rows,
    )
    copy_rows(
        connection,
        "role_grant",
        ("person_id", "role_key", "area_code", "org_unit_id"),
        (
            (i, m.role, m.scope_area, org_ids[m.scope_organisation] if m.scope_organisation else None)
            for i, m in zip(ids, staff.members, strict=True)
            if m.login and m.role
        ),
    )
    return ids, logins


def _load_devices(
    connection: Connection,
    staff: Staff,
    person_ids: Sequence[int],
    org_ids: Mapping[str, int],
    credentials: DeviceCredentials,
) -> list[int]:
    plated = [u for u in staff.units if u.plate]
    vehicle_ids = dict(
        zip([u.plate for u in plated], reserve_ids(connection, "vehicle", len(plated)), strict=True)
    )
    copy_rows(
        connection,
        "vehicle",
        ("id", "plate", "kind", "org_unit_id", "area_code"),
        ((vehicle_ids[u.plate], u.plate, u.kind, org_ids[u.organisation], u.area) for u in plated),
    )
    ids = reserve_ids(connection, "device", len(staff.units))
    tokens = credentials.issue_many([u.key for u in staff.units])
    copy_rows(
        connection,
        "device",
        ("id", "key", "person_id", "vehicle_id", "unit_kind", "area_code", "org_unit_id", "period_s",
         "token_hash"),
        (
            (i, u.key, _of(person_ids, u.member), vehicle_ids.get(u.plate), u.kind, u.area,
             org_ids[u.organisation], u.period_s, token_hash(tokens[u.key]))
            for i, u in zip(ids, staff.units, strict=True)
        ),
    )  # fmt: skip
    return ids
