"""kill -9 of each process under load: what the broker acknowledged is stored, once."""

import time

import pytest

from benchmarks.durability import VICTIMS, running_platform, strike
from benchmarks.servers import new_servers, scratch_folder


@pytest.mark.parametrize("victim", VICTIMS)
def test_acknowledged_equals_stored(victim: str) -> None:
    with scratch_folder(None) as folder:
        servers = new_servers(folder)
        with running_platform(servers, devices=50, side=10) as (children, keys):
            outcome = strike(
                servers, children, keys, victim,
                messages=4_000, per_second=1_000, kills=1, start_s=time.time() - 7_200,
            )  # fmt: skip
    assert outcome.sent == 4_000
    assert outcome.sound, outcome
