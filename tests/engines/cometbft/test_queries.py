"""What a validator answers, and when it asks to be asked later, or elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tallystick.base import light
from tallystick.base.codec import Malformed, encode
from tallystick.engines.cometbft import queries
from tallystick.engines.engine import EngineError
from tallystick.ledger.state import ACCOUNTS
from tests.engines.cometbft.driver import Driver, pay

BOB = ACCOUNTS.key("bob").encode()


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[Driver]:
    made = Driver(tmp_path)
    made.begin()
    made.block(pay(0), pay(1))
    yield made
    made.replica.close()


def test_records_transactions_and_blocks_are_told(driver: Driver):
    replica, name = driver.replica, driver.replica.machine.name(pay(1))
    (value,) = queries.decode_value(queries.answer(replica, "/get", BOB))
    assert value is not None and ACCOUNTS.decode(value).balance == 1_002
    (answer,) = queries.decode_answers(queries.answer(replica, "/find", name))
    assert (answer.height, answer.place) == (1, 1)
    assert queries.decode_answers(queries.answer(replica, "/find", bytes(32))) == []
    history = queries.decode_answers(queries.answer(replica, "/history", encode(("ada", 10))))
    assert [each.place for each in history] == [1, 0]
    (block,) = queries.decode_effects(queries.answer(replica, "/since", encode(1)))
    assert block.height == 1 and len(block.receipts) == 2
    standing = queries.decode_standing(queries.answer(replica, "/status", b""))
    assert (standing.height, standing.root) == (1, replica.root)
    records = queries.decode_records(queries.answer(replica, "/scan", encode((b"account/", 2))))
    assert len(records) == 2 and all(key.startswith(b"account/") for key, _ in records)


def test_a_proof_fits_the_root_that_it_names(driver: Driver):
    proven = queries.decode_proven(queries.answer(driver.replica, "/prove", BOB))
    entry = driver.replica.blocks.entry(1)
    header = light.HEADER.decode(entry.header)._replace(app_hash=driver.replica.root)
    light.verify_state_proof(header, BOB, proven.value, proven.proof)
    with pytest.raises(light.NotProven):
        light.verify_state_proof(header, BOB, None, proven.proof)


def test_between_two_states_it_asks_to_be_asked_again(driver: Driver):
    driver.finalize(driver.prepare(2, 1_700_000_009_000, pay(2)))
    with pytest.raises(queries.Busy):
        queries.answer(driver.replica, "/prove", BOB)
    driver.commit()
    assert queries.decode_proven(queries.answer(driver.replica, "/prove", BOB)).height == 2


def test_who_began_with_a_snapshot_names_no_absence(driver: Driver):
    driver.replica.whole = False
    name = driver.replica.machine.name(pay(1))
    assert queries.decode_answers(queries.answer(driver.replica, "/find", name)), "what it knows it tells"
    for path, data in (("/find", bytes(32)), ("/history", encode(("ada", 10)))):
        with pytest.raises(queries.Elsewhere):
            queries.answer(driver.replica, path, data)


def test_one_answer_holds_so_much_and_no_more(driver: Driver, monkeypatch: pytest.MonkeyPatch):
    for number in range(2, 6):
        driver.block(pay(number))
    monkeypatch.setattr(queries, "BLOCKS", 2)
    blocks = queries.decode_effects(queries.answer(driver.replica, "/since", encode(2)))
    assert [block.height for block in blocks] == [2, 3]
    monkeypatch.setattr(queries, "BYTES", 1)
    assert len(queries.decode_effects(queries.answer(driver.replica, "/since", encode(2)))) == 1
    monkeypatch.setattr(queries, "LARGEST", 10)
    with pytest.raises(EngineError, match="more than one answer holds"):
        queries.answer(driver.replica, "/scan", encode((b"account/", 9)))


@pytest.mark.parametrize(
    "path, data", [("/none", b""), ("/scan", b"junk"), ("/since", b""), ("/history", b"\x01")]
)
def test_what_is_no_question_is_refused(driver: Driver, path: str, data: bytes):
    with pytest.raises(Malformed):
        queries.answer(driver.replica, path, data)
