"""A transaction is decoded once on its way; what comes from a file or from peers is decoded from bytes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tallystick.base.codec import encode
from tallystick.base.keys import SigningKey
from tallystick.client import Client, create, encryption_key
from tallystick.engines.cometbft.waiting import ReadOnce
from tallystick.engines.embedded.engine import EmbeddedEngine
from tallystick.engines.export import export, verify
from tallystick.ledger import transactions as tx
from tallystick.ledger.genesis import Founder, Genesis
from tallystick.ledger.transactions import envelope as reading
from tests.engines.cometbft.driver import Driver, pay

START = 1_790_000_000_000
ADA, BOB = (SigningKey(bytes([number]) * 32) for number in (1, 2))
PAY = tx.Transfer("bob", 1)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Counter[bytes]:
    """How often each envelope was decoded."""
    often: Counter[bytes] = Counter()
    decode = reading.decode_envelope

    def counted(data: bytes) -> tx.Envelope:
        often[data] += 1
        return decode(data)

    monkeypatch.setattr(reading, "decode_envelope", counted)
    return often


@pytest.fixture
def client(tmp_path: Path) -> Client:
    founders = tuple(
        Founder(name, key.public, encryption_key(key.public), ("owner",), 1_000)
        for name, key in (("ada", ADA), ("bob", BOB))
    )
    genesis = Genesis("small", START, 10_000, founders)
    opened = create(tmp_path / "ledger", genesis, SigningKey(b"b" * 32), lambda: START)
    return opened.as_member(ADA)


def test_from_a_member_to_a_durable_block_once(client: Client, decoded: Counter[bytes]) -> None:
    with client:
        for _ in range(3):
            client.submit(PAY)
    assert sorted(decoded.values()) == [1, 1, 1]


def test_handed_in_as_bytes_once(client: Client, decoded: Counter[bytes]) -> None:
    engine = client.view
    assert isinstance(engine, EmbeddedEngine)
    with client:
        transactions = [client.session.seal(PAY).transaction for _ in range(5)]
        decoded.clear()
        engine.wait(engine.submit(transactions[0]))
        tickets = engine.submit_many(transactions[1:])
        assert all(engine.wait(ticket).accepted for ticket in tickets)
    assert len(decoded) == 5 and set(decoded.values()) == {1}


def test_an_audit_decodes_every_transaction_once_and_from_its_bytes(
    client: Client, decoded: Counter[bytes], tmp_path: Path
) -> None:
    with client:
        for _ in range(3):
            client.submit(PAY)
    decoded.clear()
    export(tmp_path / "ledger", tmp_path / "all.tally")
    assert verify(tmp_path / "all.tally").transactions == 3
    assert sorted(decoded.values()) == [1, 1, 1]


def test_a_validator_decodes_once_what_its_engine_shows_it_four_times(
    decoded: Counter[bytes], tmp_path: Path
) -> None:
    driver = Driver(tmp_path)
    driver.begin()
    transactions = [pay(0), pay(1)]
    assert [driver.check(transaction) for transaction in transactions] == [0, 0]
    assert driver.block(*transactions).codes == [0, 0]
    assert sorted(decoded.values()) == [1, 1]
    driver.replica.close()


def test_other_bytes_are_read_anew() -> None:
    asked: list[bytes] = []

    def read(data: bytes) -> bytes:
        asked.append(data)
        return data[::-1]

    once = ReadOnce(read, limit=10)
    assert [once(b"abcd"), once(b"abcd"), once(b"abce")] == [b"dcba", b"dcba", b"ecba"]
    assert asked == [b"abcd", b"abce"]
    assert once(b"12345") == b"54321", "it takes the place of the oldest"
    assert once(b"abce") == b"ecba" and once(b"abcd") == b"dcba"
    assert asked == [b"abcd", b"abce", b"12345", b"abcd"]
    assert once(b"x" * 11) == b"x" * 11, "what is larger than all is read, and not kept"
    assert once(b"x" * 11) == b"x" * 11 and asked[-2:] == [b"x" * 11] * 2


def test_what_is_sealed_here_is_what_its_bytes_say() -> None:
    envelope = tx.Envelope(tx.FORMAT, "small", "ada", ADA.public, 3, START, PAY)
    sealed = tx.sealed(envelope, ADA.sign)
    assert sealed == tx.unseal(sealed.data) and sealed.data == tx.seal(envelope, ADA.sign)
    assert sealed.envelope == envelope and sealed.triple is not None


def test_bytes_that_are_no_transaction_have_a_flaw_and_nothing_else() -> None:
    for data in (b"", b"junk", encode(tx.Signed(b"junk", bytes(64)))):
        read = tx.unseal(data)
        assert read.envelope is None and read.triple is None and read.flaw
