"""The local authority: browsers' rules kept, the certificate made again only when it must be."""

import ipaddress
import shutil
import socket
import ssl
import threading
from pathlib import Path

import pytest
from cryptography import x509

from command_center.processes import tls


def test_a_client_that_trusts_the_authority_accepts_the_server(tmp_path: Path) -> None:
    made = tls.made(tmp_path / "tls", "0.0.0.0")
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(made.chain, made.key)
    trusting = ssl.create_default_context(cafile=str(made.authority))
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with serving.wrap_socket(connection, server_side=True) as wrapped:
                wrapped.recv(1)

        thread = threading.Thread(target=answer)
        thread.start()
        with socket.create_connection(listening.getsockname()) as plain:
            for_name = trusting.wrap_socket(plain, server_hostname="127.0.0.1")
            for_name.send(b"x")
            for_name.close()
        thread.join()


def test_it_is_kept_while_good_and_made_again_for_a_new_address(tmp_path: Path) -> None:
    first = tls.made(tmp_path, "0.0.0.0").chain.read_bytes()
    assert tls.made(tmp_path, "0.0.0.0").chain.read_bytes() == first
    again = tls.made(tmp_path, "203.0.113.7")
    assert again.chain.read_bytes() != first
    names = x509.load_pem_x509_certificate(again.chain.read_bytes()).extensions
    carried = names.get_extension_for_class(x509.SubjectAlternativeName).value
    assert ipaddress.ip_address("203.0.113.7") in carried.get_values_for_type(x509.IPAddress)
    for key in ("wanmi-ca.key", "server.key"):
        assert (tmp_path / key).stat().st_mode & 0o077 == 0


def test_a_given_certificate_must_belong_to_its_key(tmp_path: Path) -> None:
    one, other = tls.made(tmp_path / "one", "a.example"), tls.made(tmp_path / "two", "b.example")
    assert tls.given(one.chain, one.key).authority is None
    with pytest.raises(tls.BadCertificate, match="does not belong"):
        tls.given(one.chain, other.key)
    shutil.copy(one.key, tmp_path / "broken.pem")
    with pytest.raises(tls.BadCertificate, match="unreadable"):
        tls.given(tmp_path / "broken.pem", one.key)
    with pytest.raises(tls.BadCertificate, match="unreadable"):
        tls.given(tmp_path / "absent.pem", one.key)
