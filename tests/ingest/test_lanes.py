"""The order in which waiting messages are taken."""

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from ingest.lanes import Lanes


class Waiting(NamedTuple):
    device: str | None
    number: int
    payload: bytes


def lanes() -> Lanes[Waiting]:
    return Lanes(lambda message: message.device)


def message(device: str | None, number: int, size: int = 10) -> Waiting:
    return Waiting(device, number, b"x" * size)


STEPS = st.lists(
    st.tuples(st.none() | st.sampled_from("abc"), st.integers(0, 50))
    | st.tuples(st.integers(1, 5), st.integers(1, 120)),
    max_size=60,
)


@given(STEPS)
def test_nothing_is_lost_or_doubled_and_live_ones_keep_their_order(steps: list[tuple]) -> None:
    queue, put, taken = lanes(), list[Waiting](), list[Waiting]()
    for number, (what, size) in enumerate(steps):
        if isinstance(what, int):
            before = len(queue)
            got = queue.take(what, size)
            assert bool(got) == bool(before)
            assert len(got) <= what + 1
            taken += got
        else:
            put.append(message(what, number, size))
            queue.put(put[-1:])
        assert queue.bytes == sum(len(one.payload) for one in put) - sum(len(one.payload) for one in taken)
    while len(queue):
        taken += queue.take(2, 60)
    assert sorted(taken, key=lambda one: one.number) == put
    assert [one for one in taken if one.device is None] == [one for one in put if one.device is None]


def test_a_short_backlog_is_taken_in_order() -> None:
    queue = lanes()
    queue.put([message("a", number) for number in range(5)])
    assert [one.number for one in queue.take(10, 1_000)] == [0, 1, 2, 3, 4]


def test_of_long_backlogs_each_devices_newest_comes_first_and_live_ones_before() -> None:
    queue = lanes()
    queue.put([message(device, number) for number in range(20) for device in "ab"])
    queue.put([message(None, 99)])
    first = queue.take(100, 60)
    assert [(one.device, one.number) for one in first[:3]] == [(None, 99), ("a", 19), ("b", 19)]
    assert [one.number for one in first[3:]] == [0, 0, 1]
    queue.put([message("a", 20)])
    assert [(one.device, one.number) for one in queue.take(100, 10)] == [("a", 20)]


def test_live_messages_do_not_starve_a_backlog() -> None:
    queue = lanes()
    queue.put([message(None, number) for number in range(10)])
    queue.put([message("a", 0)])
    assert [one.device for one in queue.take(2, 1_000)] == [None, None, "a"]
