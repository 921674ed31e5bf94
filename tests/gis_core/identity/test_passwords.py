import pytest

from gis_core.identity import passwords


def test_round_trip_and_parameters_travel_with_the_hash() -> None:
    stored = passwords.hash_password("Cloud-Marsh-7", iterations=1000)
    scheme, iterations, salt, digest = stored.split("$")
    assert (scheme, iterations, len(salt), len(digest)) == ("pbkdf2-sm3", "1000", 32, 64)
    assert passwords.verify_password("Cloud-Marsh-7", stored)
    assert not passwords.verify_password("Cloud-Marsh-8", stored)
    assert passwords.needs_rehash(stored)
    assert not passwords.needs_rehash(stored, iterations=1000)


def test_same_password_has_another_hash() -> None:
    assert passwords.hash_password("x", iterations=1) != passwords.hash_password("x", iterations=1)


def test_stored_string_of_another_make() -> None:
    with pytest.raises(ValueError, match="scheme"):
        passwords.verify_password("x", "bcrypt$1$00$00")
    with pytest.raises(ValueError, match="unpack"):
        passwords.verify_password("x", "plain")


@pytest.mark.parametrize("good", ["Abcdefgh12", "密码密码密码密码A1", "lower-case-1"])
def test_complex_enough(good: str) -> None:
    passwords.check_complexity(good, "operator")


@pytest.mark.parametrize("bad", ["", "Abc1-", "abcdefghijk", "abcdefgh123", "Operator-2026", "Aa1" * 60])
def test_too_weak(bad: str) -> None:
    with pytest.raises(passwords.WeakPassword):
        passwords.check_complexity(bad, "operator")
