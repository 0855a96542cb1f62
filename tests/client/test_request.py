"""A request on an embedded ledger, served by nodes of the same process: training, a model, its proof."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import tallystick as ts
from tallystick.cli.main import run
from tallystick.client import ClientError, OpenLedger
from tallystick.client.opening import connect
from tallystick.client.request import Asker
from tallystick.data.table import Table
from tallystick.engines.export import export
from tallystick.ledger import state as st
from tallystick.node.serving import Joined

NAMES = ("ada", "bob", "cleo", "dora")
TASK = ts.Task(["vib", "temp"], target="fault", labels=[0, 1])
LEARNER = ts.mlp(8, rate=0.2)


@dataclass
class Clock:
    """Time that moves while nobody has anything to do."""

    now: int = 1_900_000_000_000

    def __call__(self) -> int:
        return self.now

    def rest(self, seconds: float) -> None:
        self.now += int(1000 * max(seconds, 1))


def table(seed: int, rows: int = 300) -> Table:
    chance = np.random.default_rng(seed)
    vib, temp = chance.normal(size=rows), chance.normal(size=rows)
    return Table({"vib": vib, "temp": temp, "fault": (vib + temp > 0.2).astype(np.int64)})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ledger of four organisations; ada asks, the others have data."""
    monkeypatch.chdir(tmp_path)
    named = [word for name in NAMES for word in ("--organisation", name)]
    assert run(["ledger", "init", "trial", *named, "--no-password"]) == 0
    return tmp_path / "trial"


@pytest.fixture
def ledger(trial: Path, clock: Clock) -> Iterator[OpenLedger]:
    """The ledger, opened once for all who use it here."""
    with ts.open(trial, clock=clock) as opened:
        yield opened


@pytest.fixture
def nodes(trial: Path, ledger: OpenLedger) -> Iterator[list[Joined]]:
    """Nodes of bob, cleo and dora, with their units offered and one learner allowed."""
    made = []
    for seed, name in enumerate(NAMES[1:]):
        node = ts.join(ledger, key=trial / "keys" / f"{name}.key")
        budget = ts.Budget(epsilon=10, delta=1e-5)
        unit = node.register("pumps", table(seed), TASK, category="gearbox", budget=budget)
        node.allow(LEARNER, presets=["mutual"], min_reward=50)
        node.grant(unit, to="any-member", purpose="research", uses=5)
        made.append(node)
    yield made
    for node in made:
        node.close()


def asking(ledger: OpenLedger) -> Asker:
    assert ledger.home is not None
    client = connect(ledger, ledger.home / "keys" / "ada.key")
    assert isinstance(client, Asker)
    return client


def plan(**more: object) -> ts.Plan:
    given = {"learner": "mlp@1", "rounds": 3, "members": 3, "settings": {"deposit": 20}}
    return ts.Plan(TASK, **{**given, **more})


def test_a_request_ends_with_a_model_and_a_receipt_that_stands_alone(
    trial: Path, ledger: OpenLedger, nodes: list[Joined], clock: Clock, tmp_path: Path
) -> None:
    with asking(ledger) as client:
        holders = client.find_holders("gearbox", minimum_credit=0)
        assert sorted(one.member for one in holders) == ["bob", "cleo", "dora"]
        assert client.find_holders("turbines") == []
        quoted = client.quote(plan(), holders)
        assert repr(quoted).count(" yes") == 3 and "Rényi" in repr(quoted)
        assert "who has fewer than 25 rows to judge by abstains; with fewer than 200" in repr(quoted)
        request = client.post(plan(), reward=500, deadline="2h", idle=clock.rest)
        told = [str(event) for event in request.watch()]
        assert "3 members form the team; bob leads" in told
        done = [line for line in told if "is done" in line]
        assert len(done) == 3 and all("accuracy" in line for line in done), "60 rows are enough to judge by"
        assert told[-1] == "the request is settled: recorded"
        match request.wait():
            case ts.Settled(model=model, receipt=receipt):
                right = model.predict(table(9)) == table(9)["fault"].astype(str)
            case other:
                pytest.fail(f"not settled: {other}")
        assert right.mean() > 0.85
        assert client.get(st.ACCOUNTS, "ada").balance < 10_000 - 490  # what cannot be shared is returned
        saved = receipt.save("receipt.json")
    shown = ts.verify(saved)
    assert shown.record.request == request.request and shown.chain == "trial"
    document = json.loads(saved.read_text())
    document["value"] = document["value"][:-2] + ("00" if document["value"][-2:] != "00" else "01")
    saved.write_text(json.dumps(document))
    with pytest.raises(ClientError, match="proves nothing"):
        ts.verify(saved)


def test_the_whole_ledger_verifies_and_epsilon_is_charged(
    trial: Path, ledger: OpenLedger, nodes: list[Joined], clock: Clock, tmp_path: Path
) -> None:
    with asking(ledger) as client:
        request = client.post(
            plan(epsilon=4, rounds=2, least_rows=200), reward=500, idle=clock.rest,
            sealed_test=table(21),
        )  # fmt: skip
        assert isinstance(request.wait(), ts.Settled)
        spent = [10 * 10**9 - one.unit.budget.training.left for one in client.find_holders()]
        assert all(3 * 10**9 < one <= 4 * 10**9 for one in spent)
        again = client.quote(plan(epsilon=8), client.find_holders())
        assert repr(again).count("not enough of its privacy budget is left") == 3
    for node in nodes:
        node.close()
    export(trial, tmp_path / "all.tally")
    assert ts.verify(tmp_path / "all.tally").sound


def test_what_nobody_may_serve_is_refunded_and_why_is_known(
    trial: Path, ledger: OpenLedger, nodes: list[Joined], clock: Clock
) -> None:
    with asking(ledger) as client:
        cases = [
            (plan(learner=ts.linear()), {}, "learner linear@1 is not allowed here"),
            (plan(preset="averaging"), {}, "preset averaging for 500 tokens is not allowed here"),
            (plan(least_rows=5_000), {}, "no unit with 5000 rows of fault, temp, vib"),
            (plan(), {"purpose": "resale"}, "a grant for resale"),
        ]
        for wanted, how, why in cases:
            request = client.post(wanted, reward=500, idle=clock.rest, **how)
            ended = request.wait()
            assert isinstance(ended, ts.Refunded) and "0 of at least 2 members applied" in ended.reason
            assert all(why in node.declined[request.request] for node in nodes)
        assert client.get(st.ACCOUNTS, "ada").balance == 10_000


def test_a_node_tries_before_it_serves_and_goes_on_after_a_restart(
    trial: Path, ledger: OpenLedger, nodes: list[Joined], clock: Clock
) -> None:
    lines = nodes[0].check()
    assert "60 rows to judge by" in lines[0]
    assert len(lines) == 1 and "mlp trains" in lines[0]
    first = nodes[0].register("pumps", table(0), TASK)
    with asking(ledger) as client:
        assert len([one for one in client.find_holders() if one.member == "bob"]) == 1
        assert first in [one.unit.unit for one in client.find_holders()]
        request = client.post(plan(), reward=500, idle=clock.rest)
        for event in request.watch():
            if "round 1 is done" in str(event):
                break
        nodes[0].close()
        back = ts.join(ledger, key=trial / "keys" / "bob.key")
        back.register("pumps", table(0), TASK)
        back.allow(LEARNER)
        nodes[0] = back
        assert isinstance(request.wait(), ts.Settled)
        assert client.get(st.RECORDS, request.request).rounds == 3
    with pytest.raises(ClientError, match="register a unit first"):
        ts.join(ledger, key=trial / "keys" / "ada.key").check()


def test_mistakes_are_said(trial: Path, ledger: OpenLedger, nodes: list[Joined], clock: Clock) -> None:
    with asking(ledger) as client:
        with pytest.raises(ClientError, match=r"no learner 'tree' is at hand.*nodes here know mlp@1"):
            client.post(plan(learner="tree"), reward=500)
        with pytest.raises(ClientError, match="no setting 'k'"):
            client.post(plan(settings={"k": 3}), reward=500)
        with pytest.raises(ClientError, match="no readers 'all'"):
            client.post(plan(readers="all"), reward=500)
        with pytest.raises(ClientError, match="'soon' is no time such as"):
            client.post(plan(), reward=500, deadline="soon")
    reader = connect(trial)
    assert isinstance(reader, Asker)
    with reader, pytest.raises(ClientError, match="connect to one with a key"):
        reader.post(plan(learner=LEARNER), reward=500)
