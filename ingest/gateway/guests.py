"""How many connections an address holds, and how many of them have not said who they are."""

from collections import Counter


class Guests:
    """Terminals of one mobile network may all come from one address: known ones are bounded loosely,
    strangers closely."""

    def __init__(self, *, of_an_address: int, strangers: int) -> None:
        self._of_an_address = of_an_address
        self._most_strangers = strangers
        self._here: Counter[str] = Counter()
        self._strangers: Counter[str] = Counter()

    def enter(self, address: str) -> bool:
        """Whether one more from this address may come in; it is then counted as a stranger."""
        here, strangers = self._here.get(address, 0), self._strangers.get(address, 0)
        if here >= self._of_an_address or strangers >= self._most_strangers:
            return False
        self._here[address] += 1
        self._strangers[address] += 1
        return True

    def known(self, address: str) -> None:
        """One of the strangers has said who it is."""
        _take(self._strangers, address)

    def leave(self, address: str, *, known: bool) -> None:
        _take(self._here, address)
        if not known:
            _take(self._strangers, address)


def _take(counted: Counter[str], address: str) -> None:
    counted[address] -= 1
    if counted[address] <= 0:
        del counted[address]
