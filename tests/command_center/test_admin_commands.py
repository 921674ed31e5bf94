"""The verbs as a person at the terminal runs them: in a process of their own."""

import os
import subprocess
import sys

import psycopg
import pytest

PASSWORD = "Mill-Stream-44"


@pytest.fixture
def environment(database_url: str, secret_key: str) -> dict[str, str]:
    return os.environ | {
        "WANMI_DATABASE_URL": database_url,
        "WANMI_SECRET_KEY": secret_key,
        "LC_ALL": "en_US.UTF-8",
    }


def run(environment: dict[str, str], code: str, said: str = "") -> subprocess.CompletedProcess[str]:
    program = f"import typer; from command_center.admin_commands import *; {code}"
    return subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        input=said,
        capture_output=True,
        text=True,
        timeout=60,
    )


CREATE = "create('chief', name='测试员', area_code=None, password_stdin=True)"


def test_first_administrator_then_the_trail(environment: dict[str, str], database_url: str) -> None:
    made = run(environment, CREATE, f"{PASSWORD}\n")
    assert "chief" in made.stdout, made.stderr
    with psycopg.connect(database_url, autocommit=True) as conn:
        row = conn.execute(
            "SELECT p.name, o.name, g.role_key, g.area_code"
            " FROM person p JOIN org_unit o ON o.id = p.org_unit_id"
            " JOIN role_grant g ON g.person_id = p.id WHERE p.login = 'chief'"
        ).fetchone()
        assert row == ("测试员", "监督指挥中心", "admin", None)
        sound = run(environment, "audit_verify(None)")
        assert "1 entries" in sound.stdout
        head = sound.stdout.split()[-1]
        conn.execute("UPDATE audit SET actor = 'nobody'")
        broken = run(environment, "audit_verify(None)")
        assert "ChainBroken" in broken.stderr
        conn.execute("DELETE FROM audit")
        assert run(environment, "audit_verify(None)").returncode == 0
        assert "ChainBroken" in run(environment, f"audit_verify('{head}')").stderr


def test_login_twice_and_weak_password_are_refused(environment: dict[str, str]) -> None:
    assert run(environment, CREATE, f"{PASSWORD}\n").returncode == 0
    assert "LoginTaken" in run(environment, CREATE, f"{PASSWORD}\n").stderr
    assert "WeakPassword" in run(environment, CREATE.replace("chief", "other"), "weak\n").stderr
