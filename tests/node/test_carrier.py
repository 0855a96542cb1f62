"""What one chain has to say to another is carried between embedded ledgers, as far as it can be proven."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.consortium import CARRIER, MAIN, PURPOSE, REWARD, RULES, Consortium
from tallystick.base.ids import derived_id
from tallystick.ledger import state as st
from tallystick.ledger import transactions as tx
from tallystick.ledger.invariants import broken
from tallystick.ledger.views import find, other_chains, to_carry
from tallystick.node.carrier import carry, grows_old
from tests.ledger.world import DAY, HOUR, hashed

NORTH = "north"


@pytest.fixture
def both(tmp_path: Path):
    found = Consortium(tmp_path, {NORTH: 4}, {"settling": 10 * HOUR, "refunding": DAY})
    found.begin()
    yield found
    found.close()


def carried(found: Consortium, source: str, target: str) -> list[str]:
    """Carry once; say what was taken."""

    def submit(body: tx.Body):
        found.together()
        return found.chains[target].answer(CARRIER, body)

    answers = carry(found.chains[source].engine, found.chains[target].engine, submit)
    for _, answer in answers:
        assert answer.receipt.code == 0, answer.receipt
    return [waiting.about for waiting, _ in answers]


def sent(found: Consortium) -> str:
    uses = found.offer_units()
    name = derived_id("request", "dan", found.chains[MAIN].number_of("dan"))
    asked = tx.PostRequest("pumps", PURPOSE, hashed("p"), REWARD, RULES, hashed("r"), chain=NORTH)
    found.done(MAIN, [("dan", asked)])
    found.done(MAIN, [(member, tx.Apply(name, units=(uses[member],))) for member in ("ada", "bob")])
    found.wait(60_000)
    return name


def stage(found: Consortium, chain: str, name: str) -> str:
    progress = find(found.chains[chain].engine, st.PROGRESS, name)
    assert progress is not None
    return progress.stage


def test_there_and_back_between_two_ledgers_on_disk(both):
    name = sent(both)
    assert stage(both, MAIN, name) == "away"
    assert carried(both, MAIN, NORTH) == ["member", "member", "member", "message"]
    assert carried(both, MAIN, NORTH) == carried(both, NORTH, MAIN) == []
    while duties := both.duties(NORTH):
        both.done(NORTH, [(member, body) for _, member, body in duties[:1]])
        both.chains[NORTH].crash()
    assert carried(both, NORTH, MAIN) == ["message"]
    assert stage(both, MAIN, name) == "settled"
    assert carried(both, NORTH, MAIN) == []
    assert not any(broken(chain.engine) for chain in both.chains.values())


def test_silence_is_carried_after_the_end(both):
    name = sent(both)
    progress = find(both.chains[MAIN].engine, st.PROGRESS, name)
    assert progress is not None
    both.wait(progress.final - both.time + 1)
    assert carried(both, NORTH, MAIN) == ["request"]
    assert stage(both, MAIN, name) == "refunded"


def test_a_header_is_carried_before_the_view_grows_old(both):
    sent(both)
    carried(both, MAIN, NORTH)
    main, north = both.chains[MAIN].engine, both.chains[NORTH].engine
    assert not grows_old(main, north, both.time)
    both.together(HOUR // 2 + 1_000)
    assert grows_old(main, north, both.time)
    both.do(MAIN, [(CARRIER, tx.Nudge())])
    assert [waiting.about for waiting in to_carry(main, north, both.time)] == ["header"]
    assert carried(both, MAIN, NORTH) == ["header"]


def test_a_quiet_chain_is_woken_before_it_is_shown_a_header(both):
    sent(both)
    both.together(3 * HOUR)
    both.do(MAIN, [(CARRIER, tx.Nudge())])
    both.do(MAIN, [(CARRIER, tx.Nudge())])
    assert "message" in carried(both, MAIN, NORTH)


def test_how_another_chain_is_shown(both):
    name = sent(both)
    (known,) = other_chains(both.chains[MAIN].engine, both.time)
    assert (known.chain, known.requests, known.escrow, known.stage) == (NORTH, 1, REWARD + 40, "trusted")
    assert other_chains(both.chains[MAIN].engine, both.time + 400 * DAY)[0].stage == "lapsed"
    carried(both, MAIN, NORTH)
    (main,) = other_chains(both.chains[NORTH].engine, both.time)
    assert (main.chain, main.main, main.requests) == (MAIN, True, 1) and name
