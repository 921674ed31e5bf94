"""However the network cuts the stream, the same messages come out; acknowledgements go out whole."""

import itertools
import select
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from paho.mqtt.client import Client

from benchmarks.load import remaining_length
from command_center.processes import tls
from ingest.bulk_client import BulkClient, Published
from ingest.mqtt_source import make_client

CONNACK, PINGRESP = b"\x20\x02\x00\x00", b"\xd0\x00"
TOPICS = st.sampled_from(["wanmi/v1/a/fix", "owntracks/城管/巡1", "x"])


def _packet(message: Published) -> bytes:
    topic = message.topic.encode()
    first = 0x30 | (2 if message.delivery else 0) | (8 if message.duplicate else 0) | int(message.retained)
    number = struct.pack("!H", message.delivery) if message.delivery else b""
    body = struct.pack("!H", len(topic)) + topic + number + message.payload
    return bytes([first]) + remaining_length(len(body)) + body


messages = st.builds(
    Published,
    topic=TOPICS,
    payload=st.binary(max_size=300) | st.sampled_from([b"", b"p" * 130, b"q" * 20_000]),
    delivery=st.integers(0, 65_535),
    retained=st.booleans(),
    duplicate=st.booleans(),
)


@contextmanager
def connected() -> Iterator[tuple[BulkClient, socket.socket]]:
    """A client, and the other end of its connection after CONNECT and CONNACK."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        client, host, port = make_client(
            f"mqtt://127.0.0.1:{server.getsockname()[1]}", "t", clean_session=True
        )
        client.connect(host, port)
        far, _ = server.accept()
        with closing(far):
            far.settimeout(5)
            assert far.recv(1024)[:1] == b"\x10"
            far.sendall(CONNACK)
            while not client.is_connected():
                _wait(client)
                assert client.read_published() == []
            try:
                yield client, far
            finally:
                client.disconnect()


def _make_narrow(client: BulkClient) -> None:
    """Little goes out before the other end reads."""
    connection = client.socket()
    assert isinstance(connection, socket.socket)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8_192)


def _wait(client: BulkClient) -> None:
    connection = client.socket()
    assert connection is not None
    readable, _, _ = select.select([connection], [], [], 5)
    assert readable, "nothing came"


def _read(client: BulkClient, count: int) -> list[Published]:
    found: list[Published] = []
    while len(found) < count:
        if client.drained:
            _wait(client)
        found += client.read_published()
    return found


def _send_in_pieces(far: socket.socket, stream: bytes, cuts: list[int]) -> None:
    far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    places = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    for begin, end in itertools.pairwise(places):
        far.sendall(stream[begin:end])


@settings(max_examples=60, deadline=None)
@example(sent=[Published("x", b"q" * 300_000, 7, False, False)], cuts=[1, 2, 3, 4, 70_000], pings=[0])
@given(
    sent=st.lists(messages, min_size=1, max_size=12),
    cuts=st.lists(st.integers(0, 100_000), max_size=12),
    pings=st.lists(st.integers(0, 12), max_size=3),
)
def test_same_messages_however_cut(sent: list[Published], cuts: list[int], pings: list[int]) -> None:
    packets = [_packet(one) for one in sent]
    for place in pings:
        packets.insert(place, PINGRESP)
    with connected() as (client, far):
        sender = threading.Thread(target=_send_in_pieces, args=(far, b"".join(packets), cuts))
        sender.start()
        assert _read(client, len(sent)) == sent
        sender.join()


def test_acknowledgements_arrive_whole_and_in_order_though_the_network_is_full() -> None:
    deliveries = [number % 65_535 + 1 for number in range(200_000)]
    wanted = b"".join(struct.pack("!BBH", 0x40, 2, number) for number in deliveries)
    with connected() as (client, far):
        _make_narrow(client)
        client.acknowledge(deliveries[:199_000])
        assert client.want_write(), "the network took it all at once: send more"
        client.acknowledge(deliveries[199_000:])
        heard = bytearray()
        while len(heard) < len(wanted):
            heard += far.recv(1 << 20)
            client.loop_write()
        assert bytes(heard) == wanted
        assert not client.want_write()


def test_over_tls_nothing_stays_behind_in_what_was_decrypted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tls.made(tmp_path / "tls", "0.0.0.0")
    monkeypatch.setenv("SSL_CERT_FILE", str(made.authority))
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(made.chain, made.key)
    sent = [Published("x", bytes([number]) * 20_000, number + 1, False, False) for number in range(40)]
    heard: list[bytes] = []

    def serve(server: socket.socket) -> None:
        plain, _ = server.accept()
        with serving.wrap_socket(plain, server_side=True) as far:
            far.recv(1024)
            far.sendall(CONNACK + b"".join(map(_packet, sent)))
            heard.append(far.recv(1024))

    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        client, host, port = make_client(
            f"mqtts://127.0.0.1:{server.getsockname()[1]}", "t", clean_session=True
        )
        client.connect(host, port)
        assert _read(client, len(sent)) == sent
        client.acknowledge([1, 2])
        thread.join(5)
        assert heard == [struct.pack("!BBHBBH", 0x40, 2, 1, 0x40, 2, 2)]
        client.disconnect()


def test_what_is_sent_meanwhile_waits_behind_acknowledgements() -> None:
    with connected() as (client, far):
        _make_narrow(client)
        client.acknowledge([1] * 200_000)
        assert client.want_write()
        client.subscribe("a/b", 1)
        heard = bytearray()
        while len(heard) < 800_000 + 10:
            heard += far.recv(1 << 20)
            client.loop_write()
        assert bytes(heard[:800_000]) == struct.pack("!BBH", 0x40, 2, 1) * 200_000
        assert heard[800_000] == 0x82


def test_the_end_of_the_connection_is_noticed_and_half_a_packet_forgotten() -> None:
    whole = Published("x", b"1", 1, False, False)
    with connected() as (client, far):
        far.sendall(_packet(whole) + _packet(whole)[:-1])
        assert _read(client, 1) == [whole]
        far.close()
        for _ in range(5):
            if client.socket() is None:
                break
            assert client.read_published() == []
        assert client.socket() is None


@pytest.mark.parametrize(
    "packet",
    [
        b"\x32\x00",
        b"\x32\x01\x00",
        b"\x32\x03\x00\x09x",
        b"\x32\x04\x00\x02xy",
        b"\x32\x05\x00\x02xy\x01",
        b"\x36\x07\x00\x01x\x00\x01pp",
    ],
)
def test_a_packet_that_cannot_be_read_ends_the_connection_not_the_thread(packet: bytes) -> None:
    whole = Published("x", b"1", 1, False, False)
    with connected() as (client, far):
        far.sendall(_packet(whole) + packet + _packet(whole))
        found = _read(client, 1)
        for _ in range(50):
            if client.socket() is None or len(found) > 1:
                break
            found += client.read_published()
        assert found == [whole]
        assert client.socket() is None


@pytest.mark.parametrize("name", ["_sock_recv", "_sock_send"])
def test_paho_still_reads_and_writes_by_the_methods_overridden(name: str) -> None:
    assert callable(getattr(Client, name))
