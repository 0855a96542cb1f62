"""The members of the measured networks, and such a network with wires between its validators."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.bft.net import PORTS, Net, free_ports, write
from benchmarks.bft.proxy import Proxy, Wire
from tallystick.base.keys import SigningKey
from tallystick.client import encryption_key
from tallystick.engines.cometbft.homes import ValidatorKeys
from tallystick.ledger.genesis import Founder, Genesis, Limits

NAMES = ("ada", "bob", "cleo", "dan")
KEYS = {name: SigningKey(bytes([n]) * 32) for n, name in enumerate(NAMES, 10)}
NODES = [ValidatorKeys(SigningKey(bytes([n]) * 32), SigningKey(bytes([n + 50]) * 32)) for n in range(20, 24)]
FIRST_WIRE = 4  # of a validator's ports, those from here on are wires to the others


def genesis(more: tuple[Founder, ...] = (), limits: Limits | None = None) -> Genesis:
    """Four members whose nodes validate, and others that only send."""
    founders = tuple(
        Founder(name, key.public, encryption_key(key.public), ("operator",), 10**6, node.validator.public)
        for (name, key), node in zip(KEYS.items(), NODES, strict=True)
    )
    limits = limits or Limits()
    now = time.time_ns() // 10**6
    return Genesis("trouble", now, 10**12, founders + more, validates="operator", limits=limits)


@contextmanager
def network(folder: Path) -> Iterator[tuple[Net, Proxy]]:
    """Four validators that reach each other by wires."""
    first = free_ports(5)

    def port(dialling: int, heard: int, _p2p: int) -> int:
        return first + PORTS * dialling + FIRST_WIRE + heard

    wires = [Wire(n, m, port(n, m, 0), first + PORTS * m) for n in range(4) for m in range(4) if n != m]
    net = write(folder, genesis(), NODES, snapshots=50, peer_port=port, port=first)
    for validator in net.validators:
        # Nobody tells anybody of addresses that bypass the wires.
        config = validator.home / "config" / "config.toml"
        config.write_text(config.read_text().replace("[p2p]\n", "[p2p]\npex = false\n"))
    with Proxy(wires) as proxy, net:
        net.start()
        yield net, proxy
