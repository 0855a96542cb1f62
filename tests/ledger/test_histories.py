"""A share of the random histories, and planted bugs that they must notice; see `faults/histories`."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.faults_histories import noticed, played
from tallystick.ledger import transactions as tx
from tallystick.ledger.handlers import HANDLERS
from tests.ledger.model.bugs.every import BUGS
from tests.ledger.model.bugs.planting import planted
from tests.ledger.model.history import play
from tests.ledger.model.refusals import two_chains
from tests.ledger.model.refusals.expected import PAIRS
from tests.ledger.model.refusals.ways import WAYS
from tests.ledger.model.scenes import SCENES, history_of, seeds_within
from tests.ledger.model.two_chains import WAYS as ABROAD
from tests.ledger.observed import Broken

BY_A_CROWD = {("Envelope", "OverQuota"), ("Envelope", "BlockFull")}  # met by blocks of many transactions
NOTICED_SOON = (
    "a missed turn costs nothing",
    "a remainder is lost",
    "the escrow is not returned",
    "tokens are copied",
    "a reservation is never released",
    "the budget is not looked at",
    "rows come back with a fresh budget",
    "a suspended member acts",
    "an expired transaction counts",
    "a deadline is inclusive",
    "half of the votes suffice",
    "one judges oneself",
    "the salts do not matter",
    "half of the electorate suffices",
)


@pytest.mark.parametrize("first", range(0, SCENES, SCENES // 4))
def test_random_histories_break_nothing(first):
    came = played(seeds_within(range(first, first + 8), 30))
    assert came["broken"] == []
    assert came["sums"]["histories"] == 30 and came["sums"]["steps"] >= 30 * 50
    assert came["sums"]["approved"] > 0 and came["sums"]["refunded"] > 0


def test_histories_of_two_chains_break_nothing_and_lies_are_refused():
    histories = [two_chains.played(seed) for seed in range(1_000, 1_018)]
    met = sum((history.met for history in histories), Counter())
    ended = sum((history.ended for history in histories), Counter())
    assert ended["settled"] > 0 and ended["refunded"] > 0
    assert {pair for pair in ABROAD if not met[pair]} == set()


def test_a_history_can_be_played_again():
    first, again = play(history_of(7)), play(history_of(7))
    assert first.world.reader.records == again.world.reader.records
    assert (first.met, first.world.height) == (again.met, again.world.height)


def test_every_transaction_and_refusal_is_aimed_at():
    assert {kind for kind, _ in PAIRS} == {kind.__name__ for kind in HANDLERS} | {"Envelope"}
    assert set(PAIRS) - set(WAYS) - set(ABROAD) == BY_A_CROWD
    assert set(ABROAD) <= set(PAIRS)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.what.replace(" ", "-"))
def test_a_bug_can_be_planted_and_taken_out(bug):
    before = dict(HANDLERS)
    with planted(bug):
        pass
    assert before == HANDLERS


@pytest.mark.parametrize("what", NOTICED_SOON)
def test_a_planted_bug_is_noticed(what):
    place = [bug.what for bug in BUGS].index(what)
    assert noticed(place, 200) > 0


def test_the_books_notice_what_the_ledger_does_not_say():
    history = history_of(3)
    history.books.members["ada"].balance += 1
    with pytest.raises(Broken, match="ada has balance"):
        history.does("bob", tx.Nudge())
