"""What happens on the embedded engine happens on four validators: same receipts, same state, one history."""

from __future__ import annotations

import os
import random
import time

import msgspec
import pytest

from examples import ledger_only
from tallystick.base.ids import digest
from tallystick.base.keys import SigningKey
from tallystick.cli.run import consortium
from tallystick.simulation import attacks, course, demo, faults, study
from tallystick.simulation import run as simulation
from tallystick.simulation.demo_data import watches
from tallystick.simulation.members import Members
from tallystick.simulation.setting import rules_for
from tests.cometbft.both import embedded, heard, network, state
from tests.conformance.battery import ON_VALIDATORS
from tests.simulation.digits import setting

TICK = 2_000


def served_by_hand(make, folder, monkeypatch, start):
    """The example's request with a member that leaves, its hours of ten ticks."""
    monkeypatch.setattr(consortium, "EmbeddedEngine", make)
    for module in (consortium, ledger_only):
        monkeypatch.setattr(module, "HOUR", 10 * TICK)
    monkeypatch.setattr(os, "urandom", random.Random("conformance").randbytes)
    numbers = iter(range(1, 100))

    class Keys:
        @staticmethod
        def generate():
            return SigningKey(digest(b"conformance", bytes([next(numbers)])))

    monkeypatch.setattr(consortium, "SigningKey", Keys)
    blocks = []
    members = consortium.Consortium(folder, start, initial=ledger_only.INITIAL)
    members.engine.subscribe(blocks.append)
    try:
        came = ledger_only.served(members)
        assert came.progress.stage == "settled"
        settle(members.engine, blocks)
        return heard(blocks), state(members.engine), came.settlement, hashes(members.engine)
    finally:
        members.close()


FORMING = 10 * TICK  # long enough for all applications, which come one after the other


def request(make, folder, monkeypatch, start, told):
    """A request among members that train, from registration to settlement."""
    monkeypatch.setattr(simulation, "START", start)
    found = []
    blocks = []

    def made(*args, **more):
        engine = make(*args, **more)
        found.append(engine)
        engine.subscribe(blocks.append)
        close, engine.close = engine.close, lambda: None
        engine.really_close = close
        return engine

    def quick(setting):
        rules = rules_for(setting)
        return msgspec.structs.replace(rules, forming=msgspec.structs.replace(rules.forming, wait=FORMING))

    monkeypatch.setattr(course, "rules_for", quick)
    ended = simulation.simulate(told, folder, begin=made)
    (engine,) = found
    try:
        settle(engine, blocks)
        return heard(blocks), state(engine), dict(ended.balances), hashes(engine)
    finally:
        engine.really_close()


def settle(engine, blocks):
    """Wait until the client has heard of every block."""
    deadline = time.monotonic() + 20
    while blocks[-1].height < engine.status().height and time.monotonic() < deadline:
        time.sleep(0.1)


def hashes(engine):
    """The validators' disagreements; an engine that is one process has none."""
    net = getattr(engine, "net", None)
    if net is None:
        return []
    net.agreed()
    return net.forks()


def compared(alone, together):
    """Both did the same, and four validators had one hash at every height."""
    assert together[3] == []
    assert together[0] == alone[0]
    assert together[1] == alone[1]
    assert together[2] == alone[2]


def test_a_request_served_by_hand(tmp_path, monkeypatch):
    with embedded(tmp_path) as make:
        alone = served_by_hand(make, tmp_path / "alone", monkeypatch, time.time_ns() // 10**6)
    monkeypatch.undo()
    with network(tmp_path) as make:
        together = served_by_hand(make, tmp_path / "story", monkeypatch, time.time_ns() // 10**6)
    compared(alone, together)


def on_both(tmp_path, monkeypatch, told):
    """The same request on one process and on four validators."""
    with embedded(tmp_path) as make:
        alone = request(make, tmp_path / "alone", monkeypatch, time.time_ns() // 10**6, told)
    monkeypatch.undo()
    with network(tmp_path) as make:
        together = request(make, tmp_path / "sim", monkeypatch, time.time_ns() // 10**6, told)
    compared(alone, together)
    return alone


@pytest.mark.parametrize("name", ON_VALIDATORS)
def test_a_scheme(tmp_path, monkeypatch, name):
    on_both(tmp_path, monkeypatch, setting(name, rounds=2))


def test_the_demos_story(tmp_path, monkeypatch):
    """`tally demo`, three rounds of it: a malicious clinic is expelled, another leaves, the rest are paid."""
    found = watches()
    told = study.setting_of(
        demo.scheme(rounds=3),
        Members(found.task, found.members),
        7,
        {demo.MALICIOUS: attacks.sign_flip(5)},
        [faults.leave(demo.LEAVER, round=2)],
        found.test,
    )
    _, _, balances, _ = on_both(tmp_path, monkeypatch, told)
    paid = [name for name in found.members if balances[name] > told.balance]
    assert not {demo.MALICIOUS, demo.LEAVER} & set(paid)
    assert len(paid) == len(found.members) - 2
