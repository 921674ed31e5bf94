import hashlib
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis_core.identity import secrets

KEY = bytes.fromhex("0123456789abcdeffedcba9876543210")


@pytest.fixture
def keyring() -> secrets.Keyring:
    return secrets.Keyring(os.urandom(32).hex())


def test_sm3_of_the_standard() -> None:
    """GB/T 32905-2016, annex A."""
    assert secrets.sm3(b"abc").hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    assert (
        secrets.sm3(b"abcd" * 16).hex() == "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"
    )


def test_hmac_sm3() -> None:
    expected = "28d8a61be67d8bf7652c4eda7092b612f88be62184f55005c57ddf076e764199"
    assert secrets.hmac_sm3(KEY, b"abc").hex() == expected


def test_sm4_gcm_of_rfc_8998() -> None:
    nonce = bytes.fromhex("00001234567800000000ABCD")
    associated = bytes.fromhex("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2")
    plain = b"".join(bytes.fromhex(digit * 16) for digit in "ABCDEFEA")
    sealed = secrets.sm4_gcm_encrypt(KEY, nonce, plain, associated)
    assert sealed[:-16] == bytes.fromhex(
        "17F399F08C67D5EE19D0DC9969C4BB7D5FD46FD3756489069157B282BB200735"
        "D82710CA5C22F0CCFA7CBF93D496AC15A56834CBCF98C397B4024A2691233B8D"
    )
    assert sealed[-16:] == bytes.fromhex("83DE3541E4C2B58177E065A9BF7B62EC")
    assert secrets.sm4_gcm_decrypt(KEY, nonce, sealed, associated) == plain


@settings(max_examples=30)
@given(st.text(max_size=200))
def test_what_is_encrypted_comes_back(text: str) -> None:
    ring = secrets.Keyring("00" * 16)
    assert ring.decrypt(ring.encrypt(text, "person.mobile"), "person.mobile") == text


def test_ciphertext_is_bound_to_field_key_and_every_bit(keyring: secrets.Keyring) -> None:
    sealed = keyring.encrypt("13812345678", "person.mobile")
    assert sealed != keyring.encrypt("13812345678", "person.mobile")
    with pytest.raises(secrets.Unreadable):
        keyring.decrypt(sealed, "person.name")
    with pytest.raises(secrets.Unreadable):
        secrets.Keyring(os.urandom(16).hex()).decrypt(sealed, "person.mobile")
    for place in range(len(sealed)):
        damaged = bytearray(sealed)
        damaged[place] ^= 1
        with pytest.raises(secrets.Unreadable):
            keyring.decrypt(bytes(damaged), "person.mobile")


def test_keys_differ_by_use(keyring: secrets.Keyring) -> None:
    assert keyring.blind_index("x", "a") != keyring.blind_index("x", "b")
    assert keyring.audit_key not in (keyring._index_key, keyring._data_key)


@pytest.mark.parametrize("bad", ["", "00" * 15, "zz" * 16])
def test_bad_secret_key(bad: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - hex and length errors differ in wording
        secrets.Keyring(bad)


def test_tokens_are_long_and_hashed() -> None:
    token = secrets.new_token()
    assert len(token) >= 43
    assert secrets.token_hash(token) == hashlib.new("sm3", token.encode()).digest()
    assert secrets.new_api_token().startswith(secrets.BEARER_PREFIX)


@pytest.mark.parametrize(
    ("text", "normal", "masked"),
    [
        ("13812345678", "13812345678", "138****5678"),
        ("+86 138-1234-5678", "13812345678", "138****5678"),
        ("+44 20 7946 0018", "+442079460018", "+44******0018"),
    ],
)
def test_mobile_numbers(text: str, normal: str, masked: str) -> None:
    assert secrets.normal_mobile(text) == normal
    assert secrets.mask_mobile(normal) == masked


@pytest.mark.parametrize("text", ["", "12345", "abc", "110", "138123456789"])
def test_no_mobile_number(text: str) -> None:
    assert secrets.normal_mobile(text) is None
