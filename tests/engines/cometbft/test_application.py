"""The application as CometBFT calls it: repeated and missing proposals, restarts in every place, floods."""

import pytest

from tallystick.base import light, wire
from tallystick.base.codec import Decoder, encode
from tallystick.engines.cometbft import queries
from tallystick.engines.cometbft.application import nudge
from tallystick.engines.cometbft.replica import Halt
from tallystick.ledger import transactions as tx
from tallystick.ledger.state import ACCOUNTS
from tests.engines.cometbft.driver import GENESIS, Block, Driver, pay, sealed
from tests.ledger.world import DAY, START, key_of, possession

BLOCK = Block(1, START, (pay(0), pay(1)))


@pytest.fixture
def driver(tmp_path):
    made = Driver(tmp_path)
    made.begin()
    yield made
    made.close()


def again(driver, **more):
    """The same folder after the process ended without a word."""
    driver.crash()
    return Driver(driver.folder, **more)


def balance(driver, member):
    return ACCOUNTS.decode(driver.replica.store.get(ACCOUNTS.key(member).encode())).balance


def test_a_chain_begins_with_its_genesis_and_its_validators(tmp_path):
    driver = Driver(tmp_path)
    assert driver.info() == (0, b"")
    found = driver.ask("init_chain", {2: GENESIS.chain, 5: f'"{encode(GENESIS).hex()}"'})
    assert len(found[2]) == 4
    assert wire.value_of(found, 3, b"") == driver.replica.tree.root
    driver.close()


def test_it_may_begin_again_when_the_first_block_was_never_committed(driver):
    first = driver.begin()
    driver.finalize(BLOCK)
    after = again(driver)
    assert (after.info(), after.begin()) == ((0, b""), first)
    after.close()


def test_another_genesis_halts(driver):
    with pytest.raises(Halt, match="another ledger"):
        driver.ask("init_chain", {2: GENESIS.chain, 5: '"00"'})
    with pytest.raises(Halt, match="does not begin"):
        driver.ask("init_chain", {2: GENESIS.chain, 5: "nonsense"})


def test_a_block_moves_tokens_and_is_found(driver):
    assert driver.block(pay(0), pay(1)).codes == [0, 0]
    assert balance(driver, "bob") == 1_002
    assert driver.info() == (1, driver.replica.tree.root)
    name = driver.replica.machine.name(pay(1))
    code, value = driver.query("/find", name)
    assert code == 0 and [(one.height, one.place) for one in queries.decode_answers(value)] == [(1, 1)]


def test_the_hash_before_the_commit_is_the_hash_after_it(driver):
    result = driver.finalize(BLOCK)
    assert driver.info() == (0, b"")
    driver.commit()
    assert driver.info() == (1, result.app_hash)


def test_a_proposal_may_be_processed_again_in_later_rounds_beside_others(driver):
    others = [Block(1, START, (pay(n),)) for n in range(6)]
    assert all(driver.process(block) for block in [BLOCK, *others, BLOCK, *others])
    expected = driver.finalize(BLOCK)
    driver.commit()
    alone = Driver(driver.folder / "alone")
    alone.begin()
    assert alone.finalize(BLOCK) == expected
    alone.close()


def test_a_block_that_was_never_proposed_here_is_executed(driver):
    assert driver.finalize(BLOCK).codes == [0, 0]
    driver.commit()
    assert balance(driver, "ada") == 998


def test_finalizing_again_answers_the_same(driver):
    assert driver.finalize(BLOCK) == driver.finalize(BLOCK)
    driver.commit()
    assert balance(driver, "ada") == 998


def test_a_crash_between_finalize_and_commit_loses_nothing(driver):
    before = driver.finalize(BLOCK)
    after = again(driver)
    assert after.info() == (0, b"")
    after.begin()
    assert after.finalize(BLOCK) == before
    after.commit()
    assert balance(after, "ada") == 998
    after.close()


def test_an_engine_that_starts_anew_within_a_block_finds_the_committed_state(driver):
    """The engine died between finalize and commit and replays another block of the same height."""
    driver.block(pay(0))
    committed = driver.info()
    driver.finalize(Block(2, START + 5, (pay(1),)))
    assert driver.info() == committed
    other = Block(2, START + 6, (pay(2),))
    result = driver.finalize(other)
    driver.commit()
    assert driver.info() == (2, result.app_hash)
    fresh = again(driver)
    assert fresh.info() == (2, result.app_hash)
    fresh.close()


def test_blocks_are_replayed_to_the_same_hashes(driver, tmp_path):
    blocks = [Block(n, START + n, (pay(2 * n), pay(2 * n + 1))) for n in range(1, 40)]
    hashes = []
    for block in blocks:
        hashes.append(driver.finalize(block).app_hash)
        driver.commit()
    late = Driver(tmp_path / "late")
    late.begin()
    for block, expected in zip(blocks, hashes, strict=True):
        assert late.finalize(block).app_hash == expected
        late.commit()
    late.close()


@pytest.mark.parametrize("height", [1, 3])
def test_a_block_out_of_order_halts(driver, height):
    driver.block(pay(0))
    with pytest.raises(Halt, match="decided block"):
        driver.finalize(Block(height, START + 9))


def test_a_commit_of_nothing_halts(driver):
    with pytest.raises(Halt, match="not decided"):
        driver.commit()


def test_a_damaged_database_is_set_aside_and_replayed(driver):
    driver.block(pay(0))
    expected = driver.info()
    driver.close()
    file = driver.folder / "ledger" / "ledger.db"
    data = bytearray(file.read_bytes())
    data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    file.write_bytes(data)
    after = Driver(driver.folder)
    assert after.info() == (0, b"") and after.replica.repairs
    after.begin()
    after.block(pay(0))
    assert after.info() == expected
    after.close()
    driver.replica.store = after.replica.store


def test_proposals_leave_out_what_leaves_no_trace(driver):
    forged = bytearray(pay(1))
    forged[-1] ^= 1
    made = driver.prepare(1, START, pay(0), bytes(forged), b"garbage", pay(0), nudge(START), pay(2))
    assert made.transactions == (pay(0), pay(2))
    assert driver.process(made)
    assert driver.finalize(made).codes == [0, 0]


def test_proposals_with_garbage_are_rejected_and_still_executed_where_the_others_decide(driver):
    block = Block(1, START, (b"garbage", pay(0)))
    assert not driver.process(block)
    assert driver.finalize(block).codes[1] == 0


def test_a_refused_transaction_uses_its_number_and_may_stand_in_a_block(driver):
    made = driver.prepare(1, START, pay(0, amount=5_000))
    assert len(made.transactions) == 1 and driver.process(made)
    assert driver.finalize(made).codes != [0]


def test_what_is_too_heavy_for_one_block_waits_for_the_next(driver):
    """The limit of one member is 5,000: 25 proposals of 200."""
    heavy = [sealed("ada", n, tx.Propose(tx.FillPool(1))) for n in range(30)]
    first = driver.prepare(1, START, *heavy, pay(0, "bob", "ada"))
    assert len(first.transactions) == 26 and first.transactions[-1] == pay(0, "bob", "ada")


def test_one_members_flood_leaves_room_for_the_others(driver):
    codes = [driver.check(pay(n % 256, amount=1 + n // 256)) for n in range(400)]
    assert codes[:256] == [0] * 256 and all(codes[256:])
    assert driver.check(pay(0, "bob", "ada")) == 0


def test_after_a_block_the_engine_asks_again_and_the_count_begins_anew(driver):
    for n in range(256):
        driver.check(pay(n))
    driver.block(*[pay(n) for n in range(200)])
    assert [driver.check(pay(n), again=True) for n in range(200, 256)] == [0] * 56
    assert len(driver.application.waiting) == 56
    assert driver.check(pay(199)) != 0
    assert driver.check(pay(300)) == 0


def test_a_refusal_at_the_door_carries_the_receipt(driver):
    found = driver.ask("check_tx", {1: pay(0, "ada")[:-1]})
    receipt = driver.replica.machine.receipt(wire.value_of(found, 2, b""))
    assert receipt.refusal == "Malformed" and wire.value_of(found, 1, 0) == 1


def test_empty_blocks_change_no_hash(driver):
    driver.block(pay(0))
    _, before = driver.info()
    assert [driver.block().app_hash for _ in range(3)] == [before] * 3


def test_a_passed_deadline_admits_one_nudge_until_it_is_served(driver):
    driver.block(sealed("ada", 0, tx.Propose(tx.FillPool(1))))
    due = driver.replica.due()
    assert due is not None
    assert driver.check(nudge(due)) != 0
    driver.now = due
    assert driver.check(nudge(due)) == 0
    assert [driver.check(nudge(n)) == 0 for n in (due - 1, due + 1)] == [False, False]
    driver.block(nudge(due), time=due - 1)
    assert driver.check(nudge(due), again=True) == 0
    driver.block(nudge(due), time=due)
    assert driver.check(nudge(due), again=True) != 0
    assert driver.replica.due() is None


def test_a_suspended_operator_votes_on_blocks_no_more(driver):
    proposal = (
        driver.block(sealed("ada", 0, tx.Propose(tx.Suspend("dan"))))
        and driver.replica.store.scan(b"proposal/", 1)[0][0].decode().partition("/")[2]
    )
    votes = [
        sealed(name, 1 if name == "ada" else 0, tx.Vote(proposal, True)) for name in ("ada", "bob", "cleo")
    ]
    assert driver.block(*votes).updates == []
    result = driver.block(time=START + DAY // 2)
    assert result.updates == [(key_of("dan's node").public, 0)]
    assert driver.block().updates == []


def test_a_replaced_key_moves_in_two_steps_without_repeating_a_key(driver):
    for _ in range(3):
        driver.block()
    fresh = key_of("dan's new node").public
    body = tx.SetValidator(fresh, possession("dan", "dan's new node"))
    seen = [driver.block(sealed("dan", 0, body)).updates]
    for _ in range(5):
        seen.append(driver.block().updates)
    assert [one for one in seen if one] == [[(fresh, 1)], [(key_of("dan's node").public, 0)]]
    places = [place for place, one in enumerate(seen) if one]
    assert places[1] - places[0] >= 3


def test_a_record_is_proven_by_the_hash(driver):
    driver.block(pay(0))
    key = ACCOUNTS.key("bob").encode()
    code, value = driver.query("/prove", key)
    shown = queries.decode_proven(value)
    header = light.HEADER.decode(driver.replica.blocks.entry(1).header)._replace(
        app_hash=driver.replica.root, height=2
    )
    assert code == 0
    light.verify_state_proof(header, key, shown.value, shown.proof)


def test_while_a_block_is_made_durable_no_proof_is_given(driver):
    driver.finalize(BLOCK)
    assert driver.query("/prove", b"chain")[0] == 2
    assert driver.query("/get", b"chain")[0] == 0


@pytest.mark.parametrize(
    "path, data", [("/nothing", b""), ("", b""), ("/scan", b"\xff"), ("/history", b""), ("/since", b"\xc1")]
)
def test_questions_that_make_no_sense_get_a_code(driver, path, data):
    assert driver.query(path, data)[0] != 0


def test_blocks_are_told_from_a_height_on(driver):
    for n in range(3):
        driver.block(pay(n))
    told = queries.decode_effects(driver.query("/since", encode(2))[1])
    assert [one.height for one in told] == [2, 3]
    receipt = driver.replica.machine.receipt(told[0].receipts[0])
    assert receipt.transaction == driver.replica.machine.name(pay(1))


def test_records_are_scanned(driver):
    found = Decoder(list[tuple[bytes, bytes]])(driver.query("/scan", encode((b"member/", 2)))[1])
    assert [key for key, _ in found] == [b"member/ada", b"member/bob"]
