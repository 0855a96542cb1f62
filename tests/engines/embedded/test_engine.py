"""The embedded engine: what is acknowledged stays, blocks follow CometBFT's rules, one process writes."""

import os
import random
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tallystick.base import light
from tallystick.base.keys import SigningKey
from tallystick.engines.embedded.engine import EmbeddedEngine
from tallystick.engines.engine import CommittedBlock, EngineError, EngineStopped, LedgerInUse, NoLedger
from tests.engines.standin import GENESIS, MACHINE, START, VALIDATOR, Beginning, Clock, engine, patched, put


def headers(ledger: EmbeddedEngine) -> list[light.Header]:
    return [
        light.HEADER.decode(ledger.block(height).header) for height in range(1, ledger.status().height + 1)
    ]


def test_a_transaction_is_answered_and_its_record_is_there(tmp_path: Path) -> None:
    with engine(tmp_path / "a") as ledger:
        ticket = ledger.submit(put(1, b"k", b"v"))
        assert ticket.answer is None
        answer = ledger.wait(ticket)
        assert (answer.accepted, answer.height, answer.place) == (True, 2, 0)
        assert ledger.get(b"k") == b"v"
        assert ledger.scan(b"", 9) == [
            (b"first", b"record"),
            (b"k", b"v"),
            (b"number/ann/000000000001", b"used"),
        ]
        assert ledger.find(ticket.digest) == answer


def test_what_was_acknowledged_is_there_after_opening_again(tmp_path: Path) -> None:
    expected = {}
    for turn in range(5):
        with engine(tmp_path / "a") as ledger:
            assert {key: ledger.get(key) for key in expected} == expected
            assert ledger.status().repairs == ()
            for number in range(turn * 9, turn * 9 + 9):
                answer = ledger.wait(ledger.submit(put(number, b"k%d" % (number % 7), b"%d" % number)))
                expected[b"k%d" % (number % 7)] = b"%d" % number
                assert answer.accepted


def test_without_a_genesis_there_must_be_a_ledger(tmp_path: Path) -> None:
    with pytest.raises(NoLedger, match="create one with a genesis"):
        engine(tmp_path / "none", genesis=None)
    assert not (tmp_path / "none").exists()
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoLedger, match="create one with a genesis"):
        engine(tmp_path / "empty", genesis=None)
    engine(tmp_path / "a").close()
    with engine(tmp_path / "a", genesis=None) as ledger:
        assert ledger.get(b"first") == b"record"
    with pytest.raises(EngineError, match="another genesis"):
        engine(tmp_path / "a", genesis=Beginning("other", START))


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EngineError, match="file cannot be written"):
        engine(tmp_path / "file")
    with pytest.raises(NoLedger):
        engine(tmp_path / "file", genesis=None)


def test_a_second_writer_is_told_who_the_first_is(tmp_path: Path) -> None:
    with engine(tmp_path / "a") as ledger:
        ledger.wait(ledger.submit(put(1, b"k", b"v")))
        code = (
            "import sys; from pathlib import Path; from tests.engines.standin import engine\n"
            "try: engine(Path(sys.argv[1]))\n"
            "except Exception as error: print(type(error).__name__, error)"
        )
        run = [sys.executable, "-c", code, str(tmp_path / "a")]
        said = subprocess.run(run, capture_output=True, text=True, check=True, env=environment()).stdout
        assert said.startswith("LedgerInUse")
        assert f"process {os.getpid()};" in said
        with pytest.raises(LedgerInUse):
            engine(tmp_path / "a")
    engine(tmp_path / "a").close()


def environment() -> dict[str, str]:
    root = Path(__file__).parents[3]
    return {**os.environ, "PYTHONPATH": f"{root / 'src'}:{root}"}


def test_headers_are_chained_and_signed_as_a_light_client_wants_them(tmp_path: Path) -> None:
    keys = [SigningKey(bytes([n]) * 32) for n in range(4)]
    clock = Clock()
    with engine(tmp_path / "a", clock, keys=keys) as ledger:
        for number in range(5):
            clock.now += 1000
            ledger.wait(ledger.submit(put(number, b"k", b"%d" % number)))
        blocks = ledger._blocks
        signed = [blocks.signed(height) for height in range(1, ledger.status().height + 1)]
        now = (clock.now + 5000) * 10**6
        for trusted, following in pairwise(signed):
            light.verify_header(trusted.header, following, now=now, trusting_period=10**15)
        assert signed[0].header.last_commit_hash == light.EMPTY
        proposers = {one.header.proposer for one in signed}
        assert proposers == {light.address(key.public) for key in keys}


def test_a_block_after_a_pause_has_the_old_time_and_the_proof_block_the_new(tmp_path: Path) -> None:
    clock = Clock(START + 10)
    with engine(tmp_path / "a", clock) as ledger:
        assert [header.time // 10**6 for header in headers(ledger)] == [START]
        clock.now = START + 60_000
        ledger.wait(ledger.submit(put(1, b"k", b"v")))
        clock.now = START + 120_000
        ledger.wait(ledger.submit(put(2, b"k", b"w")))
        times = [header.time // 10**6 for header in headers(ledger)]
    assert times == [START, START + 10, START + 60_000, START + 60_001, START + 120_000]


def test_quiet_chains_make_no_blocks(tmp_path: Path) -> None:
    clock = Clock()
    with engine(tmp_path / "a", clock) as ledger:
        ledger.wait(ledger.submit(put(1, b"k", b"v")))
        height = ledger.status().height
        for _ in range(5):
            clock.now += 10**9
            ledger.tick()
        assert ledger.status().height == height


def test_what_comes_due_is_served_by_the_clock(tmp_path: Path) -> None:
    clock = Clock()
    told: list[CommittedBlock] = []
    with engine(tmp_path / "a", clock) as ledger:
        ledger.subscribe(told.append)
        for number in range(1, 8):
            ledger.submit(put(number, b"k%d" % number, b"v", due=START + 5000))
        ledger.submit(put(9, b"later", b"v", due=START + 9000))
        ledger.tick()
        clock.now = START + 4999
        ledger.tick()
        assert ledger.get(b"k1") == b"v"
        clock.now = START + 5000
        ledger.tick()
        assert [ledger.get(b"k%d" % n) for n in range(1, 8)] == [None] * 7
        assert ledger.get(b"later") == b"v"
        served = [notice.what for block in told for notice in block.notices]
        assert served == [f"k{n}" for n in range(1, 8)]
        assert all(block.time >= START + 5000 for block in told if block.notices)


def test_a_deadline_that_nothing_serves_does_not_spin(tmp_path: Path) -> None:
    clock = Clock()
    deaf = patched(next_deadline=lambda _: START + 1)
    with engine(tmp_path / "a", clock, machine=deaf) as ledger:
        clock.now = START + 100
        ledger.tick()
        height = ledger.status().height
        ledger.tick()
        assert ledger.status().height == height


def test_the_wall_clock_serves_by_itself(tmp_path: Path) -> None:
    now = time.time_ns() // 10**6
    genesis: Any = Beginning("standin", now, ())  # an engine is typed for the ledger
    with EmbeddedEngine(tmp_path / "a", keys=[VALIDATOR], genesis=genesis, machine=MACHINE) as ledger:
        done = threading.Event()
        ledger.subscribe(lambda block: done.set() if block.notices else None)
        ticket = ledger.submit(put(1, b"k", b"v", due=now + 300))
        assert done.wait(10)
        assert ticket.answer is not None
        assert ledger.get(b"k") is None
        assert time.time_ns() // 10**6 >= now + 300


def test_transactions_are_turned_away_at_the_door(tmp_path: Path) -> None:
    with engine(tmp_path / "a") as ledger:
        for wrong in (b"", b"garbage", put(1, b"k", b"v")[:-1] + b"\x00"):
            answer = ledger.wait(ledger.submit(wrong))
            assert (answer.accepted, answer.height, answer.receipt.code) == (False, None, 1)
        assert ledger.status().height == 1


def test_the_same_bytes_have_one_ticket_and_count_once(tmp_path: Path) -> None:
    with engine(tmp_path / "a") as ledger:
        first, second = ledger.submit(put(1, b"k", b"v")), ledger.submit(put(1, b"k", b"v"))
        assert first is second
        assert ledger.wait(first).accepted
        assert not ledger.wait(ledger.submit(put(1, b"k", b"v"))).accepted
        height = ledger.find(first.digest).height
        assert height == 2


def test_a_refused_transaction_in_a_block_has_a_receipt(tmp_path: Path) -> None:
    with engine(tmp_path / "a") as ledger:
        twin = [ledger.submit(put(1, b"k", b"v")), ledger.submit(put(1, b"k", b"other"))]
        codes = [ledger.wait(ticket).receipt.code for ticket in twin]
        assert codes == [0, 2]


def test_blocks_hold_as_many_as_they_may(tmp_path: Path) -> None:
    with engine(tmp_path / "a", block_limit=10) as ledger:
        tickets = ledger.submit_many(put(n, b"k%d" % n, b"v") for n in range(35))
        assert [ticket.answer is not None for ticket in tickets] == [True] * 30 + [False] * 5
        assert ledger.wait(tickets[-1]).place == 4
        assert {answer.height for answer in map(ledger.wait, tickets)} == {2, 3, 4, 5}


def test_a_member_has_no_more_than_its_share_of_a_block(tmp_path: Path) -> None:
    with engine(tmp_path / "a") as ledger:
        tickets = [ledger.submit(put(n, b"k%d" % n, b"v")) for n in range(100)]
        other = ledger.submit(put(0, b"other", b"v", member="bob"))
        ledger.tick()
        heights = [ledger.wait(ticket).height for ticket in tickets]
        assert heights == [2] * 40 + [3] * 40 + [4] * 20
        assert ledger.wait(other).height == 2


def test_many_threads_share_blocks(tmp_path: Path) -> None:
    with engine(tmp_path / "a") as ledger:

        def work(member: int) -> None:
            for number in range(20):
                ticket = ledger.submit(put(number, b"%d/%d" % (member, number), b"v", member=f"m{member}"))
                assert ledger.wait(ticket).accepted

        threads = [threading.Thread(target=work, args=(member,)) for member in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len([key for key, _ in ledger.scan(b"", 10**6) if not key.startswith(b"number")]) == 161
        assert len(ledger.history("m3")) == 20


def test_history_is_the_newest_first(tmp_path: Path) -> None:
    with engine(tmp_path / "a") as ledger:
        for number in range(12):
            ledger.wait(ledger.submit(put(number, b"k", b"v", member="bob" if number % 3 else "eve")))
        newest = ledger.history("bob", 3)
        assert [answer.height for answer in newest] == sorted((a.height for a in newest), reverse=True)
        assert len(ledger.history("eve")) == 4
        assert ledger.history("nobody") == []
        assert ledger.find(bytes(32)) is None
        with pytest.raises(EngineError, match="no block 99"):
            ledger.block(99)


def test_records_and_receipts_are_proven_to_who_holds_a_header(tmp_path: Path) -> None:
    chance = random.Random(5)
    with engine(tmp_path / "a") as ledger:
        tickets = [ledger.submit(put(n, b"k%d" % n, b"%d" % n)) for n in range(20)]
        ledger.tick()
        for key in (b"k3", b"first", b"absent"):
            value, proof, signed = ledger.prove(key)[1:]
            assert value == ledger.get(key)
            light.verify_state_proof(signed.header, key, value, proof)
            with pytest.raises(light.NotProven):
                light.verify_state_proof(signed.header, key, b"other", proof)
        ticket = chance.choice(tickets)
        shown = ledger.prove_receipt(ticket.digest)
        assert shown.result.data == shown.receipt.digest()
        own, following = (signed.header for signed in shown.signed)
        light.verify_receipt(own, following, shown.transaction, shown.result, shown.paths)
        with pytest.raises(EngineError, match="no block holds"):
            ledger.prove_receipt(bytes(32))


@pytest.mark.parametrize("fault", [MemoryError, RecursionError, OSError, ZeroDivisionError])
def test_a_fault_in_the_transition_stops_the_engine(tmp_path: Path, fault: type[Exception]) -> None:
    def failing(reader: Any, transactions: Any, block: Any, verify: Any) -> Any:
        if any(b"bad" in transaction for transaction in transactions):
            raise fault
        return MACHINE.apply_block(reader, transactions, block, verify)

    ledger = engine(tmp_path / "a", machine=patched(apply_block=failing))
    ledger.wait(ledger.submit(put(1, b"good", b"v")))
    height = ledger.status().height
    ticket = ledger.submit(put(2, b"bad", b"v"))
    with pytest.raises(EngineStopped, match="could not be made"):
        ledger.wait(ticket)
    with pytest.raises(EngineStopped, match="open the ledger"):
        ledger.submit(put(3, b"k", b"v"))
    assert ledger.get(b"good") == b"v"
    assert fault.__name__ in ledger.status().stopped
    ledger.close()
    with engine(tmp_path / "a") as again:
        assert again.status().height == height
        assert again.get(b"bad") is None
        assert again.wait(again.submit(put(2, b"bad", b"v"))).accepted


def test_too_few_keys_are_refused(tmp_path: Path) -> None:
    keys = [SigningKey(bytes([n]) * 32) for n in range(4)]
    engine(tmp_path / "a", keys=keys).close()
    with pytest.raises(EngineError, match="2 of the 4 keys"):
        engine(tmp_path / "a", keys=keys[:2])
    with engine(tmp_path / "a", keys=keys[1:]) as ledger:
        assert ledger.wait(ledger.submit(put(1, b"k", b"v"))).accepted
    with pytest.raises(EngineError, match="at least one key"):
        engine(tmp_path / "b", keys=[])


def test_what_was_handed_in_is_finished_on_closing(tmp_path: Path) -> None:
    with engine(tmp_path / "a") as ledger:
        ticket = ledger.submit(put(1, b"k", b"v"))
    assert ticket.answer is not None
    assert ticket.answer.accepted
    with pytest.raises(EngineStopped, match="closed"):
        ledger.submit(put(2, b"k", b"v"))
    ledger.close()
    assert GENESIS.chain == ledger.status().chain
