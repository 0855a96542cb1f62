"""Wires that take long: every piece is late by the same, and none overtakes another."""

import socket
import time

from benchmarks.bft.net import free_ports
from benchmarks.bft.proxy import Wire
from benchmarks.chains.network import Distant

DELAY = 0.3


def carried(pieces, pause, jitter):
    """What arrives, and after how many seconds all of it has."""
    port = free_ports(1)
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        Distant([Wire(0, 1, port, server.getsockname()[1])], DELAY, jitter),
        socket.create_connection(("127.0.0.1", port)) as near,
    ):
        far, _ = server.accept()
        with far:
            began, arrived = time.monotonic(), b""
            for piece in pieces:
                near.sendall(piece)
                time.sleep(pause)
            while len(arrived) < sum(map(len, pieces)):
                arrived += far.recv(1_000)
            return arrived, time.monotonic() - began


def test_a_piece_does_not_wait_for_the_one_before_it():
    arrived, took = zip(*(carried([b"a", b"b"], pause=0.05, jitter=0.0) for _ in range(5)), strict=True)
    assert set(arrived) == {b"ab"}
    # Pieces in a queue would never take less than twice as long; a busy machine may, now and then.
    assert DELAY + 0.05 <= min(took) < 2 * DELAY


def test_none_overtakes_another():
    pieces = [bytes([n]) * 3 for n in range(30)]
    assert carried(pieces, pause=0.005, jitter=0.2)[0] == b"".join(pieces)
