"""A real network of four: the commands on it, a client that believes nothing, validators that change."""

import re
import subprocess
import sys
import time

import numpy as np
import pytest

import tallystick as ts
from benchmarks.bft.net import Validator, free_ports, until
from tallystick.base import light
from tallystick.base.keys import SigningKey, save_key
from tallystick.cli.main import run
from tallystick.client import Client, papers
from tallystick.data.table import Table
from tallystick.engines.engine import EngineError
from tallystick.ledger import transactions as tx
from tallystick.ledger.state import ACCOUNTS, PROPOSALS, RECORDS
from tallystick.ledger.state import MEMBERS as MEMBERS_TABLE
from tests.architecture.source import ROOT
from tests.cometbft.both import OPERATORS
from tests.cometbft.conftest import MEMBERS

ADA, BOB = OPERATORS[:2]


def test_smoke_transactions_are_proven_and_the_chain_goes_quiet(net):
    with net.client(MEMBERS[ADA]) as client:
        heard = []
        client.view.subscribe(heard.append)
        answers = [client.submit(tx.Transfer(BOB, 5)) for _ in range(3)]
        assert all(answer.accepted for answer in answers)
        assert client.get(ACCOUNTS, BOB).balance == 10_015
        proof = client.view.prove_receipt(answers[-1].receipt.transaction)
        light.verify_receipt(
            proof.signed[0].header, proof.signed[1].header, proof.transaction, proof.result, proof.paths
        )
        assert client.view.prove(b"nothing there").value is None
        block = client.view.block(answers[0].height)
        assert [receipt.transaction for receipt in block.receipts] == [answers[0].receipt.transaction]
        height, _ = net.agreed()
        time.sleep(1.5)
        assert net.agreed()[0] == height
        until("every block is heard of", lambda: heard[-1].height == height)
        assert [one.height for one in heard] == list(range(heard[0].height, height + 1))
    assert net.forks() == []


def test_smoke_a_refusal_comes_with_its_receipt(net):
    with net.client(MEMBERS[ADA]) as client:
        from tallystick.client import TransactionRefused

        with pytest.raises(TransactionRefused, match="NotEnoughTokens"):
            client.submit(tx.Transfer(BOB, 10**6))
        with pytest.raises(TransactionRefused, match="Expired"):  # at the door, before any block
            client.submit(tx.Transfer(BOB, 1), valid_for=-3_600_000)


def test_the_client_falls_over_to_another_node(net):
    with net.client(MEMBERS[ADA]) as client:
        client.submit(tx.Transfer(BOB, 1))
        net.validators[0].stop()
        assert client.submit(tx.Transfer(BOB, 1)).accepted
        net.validators[0].start()
    net.agreed()
    assert net.forks() == []


def test_a_deadline_wakes_the_quiet_chain(net):
    """A vote that nobody decides lapses by itself; nobody sends anything."""
    with net.client(MEMBERS[ADA]) as client:
        made = client.submit(tx.Propose(tx.FillPool(1))).receipt.notices[0].proposal
        until("the vote lapses", lambda: client.get(PROPOSALS, made).stage == "lapsed", 20)


def test_validators_follow_the_members_and_the_client_follows_them(net):
    clients = [net.client(key) for key in MEMBERS.values()]
    ada, gone = clients[0], OPERATORS[3]
    before = ada.view.status().validators
    made = ada.submit(tx.Propose(tx.Suspend(gone))).receipt.notices[0].proposal
    for client in clients[:3]:
        client.submit(tx.Vote(made, True))
    until("three are left", lambda: len(ada.view.status().validators) == 3, 30)
    fresh = SigningKey.generate()
    shown = papers(fresh, "works", BOB)
    clients[1].submit(tx.SetValidator(shown.key, shown.possession))
    until("the new key is there", lambda: fresh.public in ada.view.status().validators, 30)
    # The new key's node does not run: three of the four that vote are enough.
    assert ada.submit(tx.Transfer(BOB, 1)).accepted
    assert set(ada.view.status().validators) != set(before)
    with Client(net.engine(), MEMBERS[ADA]) as late:
        assert late.get(ACCOUNTS, BOB).balance == 10_001
    for client in clients:
        client.view.close()
    assert net.forks() == []


def test_a_new_member_brings_a_validator(net, tmp_path, capsys):
    """Admitted by vote, it gets a home like another's, catches up, and is named by its member."""
    eve, file = SigningKey.generate(), tmp_path / "eve.key"
    save_key(file, eve, None)
    clients = [net.client(key) for key in MEMBERS.values()]
    shown = papers(eve, "works", "eve")
    change = tx.Admit("eve", shown.key, shown.possession, shown.encryption_key, ("operator",))
    made = clients[0].submit(tx.Propose(change)).receipt.notices[0].proposal
    for client in clients[:3]:
        client.submit(tx.Vote(made, True))
    until("eve is admitted", lambda: clients[0].find(MEMBERS_TABLE, "eve") is not None, 30)
    home, like = tmp_path / "eve", str(net.validators[0].home)
    port = str(free_ports(1))
    home_option = ["--home", str(home)]
    assert run(["validator", "init", *home_option, "--member", "eve", "--like", like, "--port", port]) == 0
    fresh = Validator(home)
    net.validators.append(fresh)
    fresh.start()
    net.agreed()
    assert run(["validator", "name", *home_option, "--ledger", str(net.folder), "--key", str(file)]) == 0
    assert "votes on blocks" in capsys.readouterr().out
    assert len(clients[0].view.status().validators) == 5
    net.validators[1].stop()  # four of five suffice only if the new one votes
    assert clients[0].submit(tx.Transfer(BOB, 1)).accepted
    net.validators[1].start()
    net.agreed()
    assert net.forks() == []
    for client in clients:
        client.view.close()


def test_another_genesis_is_not_believed(net):
    from msgspec.structs import replace

    from tallystick.engines.cometbft.engine import CometEngine

    other = replace(net.genesis, members=net.genesis.members[:3])
    with pytest.raises(EngineError, match="other validators than the genesis"):  # noqa: SIM117
        with CometEngine([net.validators[0].url], other) as engine:
            engine.get(b"chain")


def test_the_commands_work_unchanged(net, tmp_path, capsys, monkeypatch):
    key = tmp_path / "ada.key"
    save_key(key, MEMBERS[ADA], None)
    monkeypatch.setenv("TALLY_LEDGER", str(net.folder))
    monkeypatch.setenv("TALLY_KEY", str(key))
    assert run(["send", BOB, "250"]) == 0
    assert "250 tokens sent" in capsys.readouterr().out
    assert run(["ledger", "show", "account", BOB]) == 0
    assert "10,250" in capsys.readouterr().out
    assert run(["ledger", "prove", "account", BOB, "--out", str(tmp_path / "proof.json")]) == 0
    assert run(["ledger", "status"]) == 0


SENDER = """
import sys
from pathlib import Path
from tallystick.base.keys import load_key
from tallystick.client import connect
from tallystick.ledger import transactions as tx

folder, key, to, count = sys.argv[1:]
with connect(Path(folder), key) as client:
    for _ in range(int(count)):
        assert client.submit(tx.Transfer(to, 1)).accepted
"""


def test_several_processes_write_under_one_key(net, tmp_path):
    """Each takes its numbers from the ledger; whoever comes second takes the next, and nothing is lost."""
    key = tmp_path / "ada.key"
    save_key(key, MEMBERS[ADA], None)
    command = [sys.executable, "-c", SENDER, str(net.folder), str(key), BOB, "8"]
    senders = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    for sender in senders:
        _, error = sender.communicate(timeout=180)
        assert sender.returncode == 0, error
    with net.client(MEMBERS[ADA]) as client:
        assert client.get(ACCOUNTS, BOB).balance == 10_000 + 3 * 8
        account = client.get(ACCOUNTS, ADA)
        assert (account.balance, account.low, account.ahead) == (10_000 - 3 * 8, 3 * 8, ())


def test_nodes_on_a_network_serve_a_request_as_they_do_on_a_ledger_of_one_process(net):
    task = ts.Task(["vib", "temp"], target="fault", labels=[0, 1])
    learner = ts.mlp(4, rate=0.2)

    def rows(seed):
        chance = np.random.default_rng(seed)
        vib, temp = chance.normal(size=300), chance.normal(size=300)
        return Table({"vib": vib, "temp": temp, "fault": (vib + temp > 0.2).astype(int)})

    with ts.open(net.folder) as ledger:
        for seed, name in enumerate(OPERATORS[1:3]):
            node = ts.join(ledger, MEMBERS[name])
            node.allow(learner, presets=["mutual"])
            node.grant(node.register("pumps", rows(seed), task))
        client = ts.connect(ledger, MEMBERS[ADA])
        plan = ts.Plan(task, preset="mutual", learner=learner, rounds=2, members=2)
        ended = client.post(plan, reward=500, answer="4s").wait()
        assert isinstance(ended, ts.Settled), ended
        assert client.get(RECORDS, ended.receipt.request).rounds == 2
    assert net.forks() == []


def test_the_first_pages_consortium_runs_as_it_is_typed(tmp_path):
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"<!-- consortium -->\n```\n(.*?)```", page, re.DOTALL)
    assert block is not None
    built, *lines = block[1].splitlines()
    assert built == "make cometbft"

    def typed(line):
        program, *words = line.split()
        assert program == ".venv/bin/tally"
        command = [sys.executable, "-m", "tallystick.cli", *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    try:
        shown = {line: typed(line) for line in lines}
    finally:
        typed(".venv/bin/tally network stop net")
    assert [line for line, done in shown.items() if done.returncode] == []
    assert any("250 tokens sent" in done.stdout for done in shown.values())
