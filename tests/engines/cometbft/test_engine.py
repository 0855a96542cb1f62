"""A client believes nothing that is not proven: nodes that lie, lag or vanish, played without CometBFT."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest
from msgspec.structs import replace

from tallystick.base.codec import encode
from tallystick.engines.cometbft import queries
from tallystick.engines.cometbft.engine import CometEngine
from tallystick.engines.cometbft.replica import Replica
from tallystick.engines.cometbft.rpc import NodeDeclined
from tallystick.engines.embedded.engine import EmbeddedEngine
from tallystick.engines.engine import EngineError, LedgerUnreachable, NotCommitted
from tallystick.ledger import transactions as tx
from tallystick.ledger.state import ACCOUNTS
from tests.engines.cometbft.driver import GENESIS, pay, sealed
from tests.ledger.world import START, key_of

ONE = replace(
    GENESIS, members=(GENESIS.members[0], *(replace(m, validator=b"") for m in GENESIS.members[1:]))
)
BOB = ACCOUNTS.key("bob").encode()


class Clock:
    now = START

    def __call__(self):
        self.now += 1
        return self.now


class FakeNode:
    """A node's answers, given by a ledger of one validator; `lies` replaces some of them."""

    def __init__(self, engine, url="http://fake:1", **lies):
        self.engine, self.url, self.lies = engine, url, lies
        self.sent, self.gone = [], False

    def __getattribute__(self, name):
        get = super().__getattribute__
        if name in ("query", "send", "signed", "validators", "block", "height", "call"):
            if get("gone"):
                raise LedgerUnreachable(f"{get('url')} does not answer")
            if name in get("lies"):
                return get("lies")[name]
        return get(name)

    def query(self, path, data=b""):
        e = self.engine
        replica = SimpleNamespace(
            store=e._store, tree=e._tree, blocks=e._blocks, chain=e._chain, between=False,
            repairs=(), whole=True,
            height=e._head.height, time=e._head.time, root=e._tree.root,
            validators=lambda: (key_of("ada's node").public,),
        )  # fmt: skip
        try:
            return 0, queries.answer(cast(Replica, replica), path, data), "", replica.height
        except EngineError as error:
            return 1, b"", str(error), replica.height

    def send(self, transaction):
        self.sent.append(transaction)
        ticket = self.engine.submit(transaction)
        if ticket.answer is not None:
            return ticket.answer.receipt.code, encode(ticket.answer.receipt), ""
        self.engine.wait(ticket)
        return 0, ticket.digest, ""

    def signed(self, height):
        if height > self.engine._head.height:
            raise NodeDeclined("height must be less")
        return self.engine._blocks.signed(height)

    def validators(self, height):
        return self.engine._chain.validators

    def block(self, height):
        return self.engine.block(height).transactions

    def height(self):
        return self.engine._head.height

    def call(self, method, **_):
        return {"total": "0"}

    def close(self):
        pass


@pytest.fixture
def ledger(tmp_path):
    with EmbeddedEngine(tmp_path, keys=[key_of("ada's node")], genesis=ONE, clock=Clock()) as engine:
        engine.wait(engine.submit(pay(0)))
        yield engine


def client(*nodes, genesis=ONE, **more):
    made = CometEngine(["http://fake:1"], genesis, now=lambda: (START + 10**6) * 10**6, **more)
    made._nodes = list(nodes)
    return made


def test_records_receipts_and_blocks_come_with_their_proofs(ledger):
    engine = client(FakeNode(ledger))
    assert ACCOUNTS.decode(engine.get(BOB)).balance == 1_001
    assert engine.get(b"nothing") is None
    answer = engine.wait(engine.submit(pay(1)))
    assert answer.accepted and answer.height == ledger.find(answer.receipt.transaction).height
    assert engine.block(answer.height).transactions == (pay(1),)
    assert engine.history("ada")[0].receipt == answer.receipt


def test_a_refusal_at_the_door_is_an_answer(ledger):
    engine = client(FakeNode(ledger))
    assert engine.submit(pay(0, amount=2)).answer.receipt.refusal == "NumberUsed"


def test_what_stands_in_a_block_already_is_answered_from_there(ledger):
    answer = client(FakeNode(ledger)).submit(pay(0)).answer
    assert answer.accepted and answer.height == ledger.find(answer.receipt.transaction).height


def test_a_value_that_the_root_does_not_hold_is_not_believed(ledger, monkeypatch):
    monkeypatch.setattr("tallystick.engines.cometbft.engine.SOON", 0.2)
    honest = FakeNode(ledger)

    def other(path, data=b""):
        code, value, said, height = honest.query(path, data)
        if path == "/prove":
            value = encode(replace(queries.decode_proven(value), value=b"\x01a million"))
        return code, value, said, height

    with pytest.raises(EngineError, match="no header"):
        client(FakeNode(ledger, query=other)).get(BOB)
    lying, sound = FakeNode(ledger, query=other), FakeNode(ledger)
    assert ACCOUNTS.decode(client(lying, sound).get(BOB)).balance == 1_001


def test_a_receipt_that_the_results_do_not_name_is_not_believed(ledger):
    honest = FakeNode(ledger)

    def other(path, data=b""):
        code, value, said, height = honest.query(path, data)
        if path == "/find" and not code:
            found = queries.decode_answers(value)
            value = encode([replace(one, height=one.height + 1) for one in found])
        return code, value, said, height

    with pytest.raises(EngineError, match="not the receipt proven"):
        client(FakeNode(ledger, query=other)).find(ledger._machine.name(pay(0)))


def test_another_receipt_under_the_same_proof_is_not_believed(ledger):
    honest = FakeNode(ledger)
    wanted = ledger._machine.name(pay(0))

    def other(path, data=b""):
        code, value, said, height = honest.query(path, data)
        if path == "/receipt" and not code:
            shown = queries.decode_proven_receipt(value)
            receipt = replace(ledger._machine.receipt(shown.receipt), member="bob")
            value = encode(replace(shown, receipt=encode(receipt)))
        return code, value, said, height

    with pytest.raises(EngineError, match="not the one that the block's results name"):
        client(FakeNode(ledger, query=other)).prove_receipt(wanted)


def test_another_ledger_is_not_believed_however_sound_it_is(ledger):
    genesis = replace(
        ONE, members=(replace(ONE.members[0], validator=key_of("other").public), *ONE.members[1:])
    )
    with pytest.raises(EngineError, match="other validators than the genesis"):
        client(FakeNode(ledger), genesis=genesis).get(BOB)


def test_a_forged_header_is_not_believed(ledger):
    def forged(height):
        signed = ledger._blocks.signed(height)
        return signed._replace(header=signed.header._replace(app_hash=bytes(32)))

    with pytest.raises(EngineError, match="is for another block"):
        client(FakeNode(ledger, signed=forged)).get(BOB)


def test_other_transactions_of_a_block_are_not_believed(ledger):
    height = ledger.find(ledger._machine.name(pay(0))).height
    with pytest.raises(EngineError, match="other transactions"):
        client(FakeNode(ledger, block=lambda _: (pay(5),))).block(height)


def test_where_a_node_does_not_answer_the_next_one_is_asked_from_then_on(ledger):
    first, second = FakeNode(ledger, "http://first:1"), FakeNode(ledger, "http://second:1")
    engine = client(first, second)
    first.gone = True
    assert engine.get(BOB) is not None
    assert engine._nodes[0] is second
    second.gone = True
    with pytest.raises(LedgerUnreachable, match=r"first:1 .*second:1|second:1 .*first:1"):
        engine.get(BOB)


def test_what_no_block_takes_is_handed_in_again_and_given_up(ledger):
    sent = []

    def lose(transaction):
        sent.append(transaction)
        return 0, b"", ""

    engine = client(FakeNode(ledger, send=lose), patience=2.5)
    with pytest.raises(NotCommitted, match="look it up"):
        engine.wait(engine.submit(pay(7)))
    assert len(sent) == 2


def test_what_a_node_does_not_take_is_said(ledger):
    engine = client(FakeNode(ledger, send=lambda _: (1, b"", "ada has as much waiting as one member may")))
    with pytest.raises(EngineError, match="as much waiting"):
        engine.submit(pay(7))


def test_a_transaction_that_is_under_way_already_is_waited_for(ledger):
    def declined(_):
        raise NodeDeclined("tx already exists in cache")

    engine = client(FakeNode(ledger, send=declined))
    ticket = engine.submit(pay(0))
    assert ticket.answer is None
    assert engine.wait(ticket).accepted


def test_blocks_are_told_in_order_without_gaps(ledger):
    node = FakeNode(ledger)
    engine = client(node)
    heard = []
    end = engine.subscribe(heard.append)
    start = ledger._head.height
    for n in range(1, 6):
        ledger.wait(ledger.submit(pay(n)))
        node.gone = n == 2
    node.gone = False
    top = ledger._head.height
    from benchmarks.bft.net import until

    until("all are told", lambda: bool(heard) and heard[-1].height == top, 10)
    assert [one.height for one in heard] == list(range(start + 1, top + 1))
    end()
    engine.close()


def test_a_bad_address_is_said():
    with pytest.raises(EngineError, match="no node's address"):
        CometEngine(["ftp://here"], ONE)
    with pytest.raises(EngineError, match="at least one node"):
        CometEngine([], ONE)


def test_a_vote_that_nobody_decides_is_read(ledger):
    engine = client(FakeNode(ledger))
    made = engine.wait(engine.submit(sealed("ada", 1, tx.Propose(tx.FillPool(1)))))
    assert made.accepted
