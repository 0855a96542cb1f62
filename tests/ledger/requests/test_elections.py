"""Who records, by every rule; whose figure agrees; and what becomes of a record that does not stand."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tallystick.ledger import rules as ru
from tallystick.ledger import state as st
from tallystick.ledger import transactions as tx
from tallystick.ledger.notices import RecordDecided
from tallystick.ledger.records import RecordDraft, Team
from tallystick.ledger.requests import elections
from tests.ledger.drafts import draft_of, place_of, progress_of
from tests.ledger.play import Play, ask, consortium, mutual, started

ELECTORATE = [
    place_of("bob", gain=100, present=1, score=700, measured=300, amount=10),
    place_of("cleo", gain=300, present=1, score=500, measured=200, amount=10),
    place_of("dan", gain=200, present=1, score=None, measured=None, amount=80),
]


def request_by(**electing):
    world = consortium()
    request = world.get(st.REQUESTS, ask(world, mutual(3, 1)))
    return replace(request, rules=replace(request.rules, electing=ru.Electing(**electing)))


def ranked(request, progress=None):
    return [p.member for p in elections.ranked(request, progress or progress_of(round=1), ELECTORATE)]


# --- who --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind, higher, first, last",
    [
        ("contribution", True, "cleo", "bob"),
        ("best_score", True, "bob", "dan"),
        ("best_score", False, "cleo", "dan"),  # who has no score is last either way
        ("error", True, "cleo", "dan"),
    ],
)
def test_the_best_of_its_kind_records_first(kind, higher, first, last):
    request = request_by(kind=kind)
    request = replace(request, rules=replace(request.rules, higher_is_better=higher))
    order = ranked(request)
    assert (order[0], order[-1]) == (first, last)


def test_a_draw_follows_the_seed():
    request = request_by(kind="drawn")
    orders = {tuple(ranked(request, progress_of(round=1, seed=bytes([n])))) for n in range(8)}
    assert len(orders) > 1 and all(sorted(order) == ["bob", "cleo", "dan"] for order in orders)


def test_much_data_makes_an_error_count_less_and_as_printed_more():
    alike = [place_of("bob", measured=300, amount=90), place_of("cleo", measured=300, amount=10)]
    sound, printed = (elections.proof_of_quality(alike, as_printed) for as_printed in (False, True))
    assert sound["bob"] < sound["cleo"] and printed["bob"] > printed["cleo"]
    assert elections.proof_of_quality([place_of("bob", amount=0, measured=5)], False) == {"bob": 10}


def test_a_large_tie_is_broken_by_hash_and_not_by_name():
    world = consortium()
    names = [f"m{n}" for n in range(12)]
    request = world.get(st.REQUESTS, ask(world, mutual(3, 1, electing=ru.Electing("best_score"))))
    order = [p.member for p in elections.ranked(request, progress_of(), [place_of(n) for n in names])]
    assert sorted(order) == sorted(names) != order


# --- whether it stands --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "common, figures, agree",
    [
        (False, {"bob": 500, "cleo": 505, "dan": 495}, {"bob", "cleo", "dan"}),
        (False, {"bob": 500, "cleo": 500, "dan": 500, "eve": 900}, {"bob", "cleo", "dan"}),
        (False, {"bob": 900, "cleo": 500, "dan": 500, "eve": 500}, {"cleo", "dan", "eve"}),
        (False, {"bob": 500, "cleo": 500, "dan": 900}, set()),  # of two others, the middle between them
        (True, {"bob": 900, "cleo": 500, "dan": 890}, {"bob", "dan"}),
        (False, {"bob": 500}, {"bob"}),
    ],
)
def test_a_figure_agrees_with_the_others_median_or_on_common_data_with_the_recorders(common, figures, agree):
    record = RecordDraft("bob", b"model", figures["bob"])
    request = request_by(common=common, tolerance=10)
    assert set(elections.approvers(request, record, figures)) == agree


@pytest.mark.parametrize(
    "unanimous, approving, electorate, enough",
    [(False, 2, 3, False), (False, 3, 4, True), (False, 3, 3, True), (True, 3, 4, False), (True, 4, 4, True)],
)
def test_more_than_two_thirds_are_enough_or_all_where_the_rules_say_so(
    unanimous, approving, electorate, enough
):
    assert elections._enough(request_by(unanimous=unanimous), approving, electorate) is enough


def test_the_median_of_the_others_leaves_out_ones_own_figure_once():
    assert elections._median_of_others([1, 2, 100], 100) == 1
    assert elections._median_of_others([1, 2, 2, 100], 2) == 2
    assert elections._median_of_others([7], 7) == 7


def recording(members=("bob", "cleo", "dan"), **electing) -> Play:
    rules = mutual(len(members), 1, electing=ru.Electing(**electing))
    play = started(rules, members)
    play.run(until=lambda progress: progress.stage == "recording")
    return play


def test_the_electorate_is_frozen_best_first_and_its_first_is_appointed():
    play = recording()
    progress = play.progress()
    assert sorted(progress.recorders) == ["bob", "cleo", "dan"] and progress.attempt == 0
    assert elections.recorder_of(progress) == progress.recorders[0]


def test_after_three_recorders_the_ledger_settles_by_itself():
    play = recording()
    tried = []
    while play.progress().stage == "recording":
        tried.append(elections.recorder_of(play.progress()))
        play.world.wait(play.progress().deadline - play.world.time)
    assert tried == list(play.progress().recorders)
    assert play.progress().outcome == "no record stood; the ledger settled by itself"
    assert not play.world.get(st.RECORDS, play.request).stands


@pytest.mark.parametrize(
    "figure, others, idle",
    [
        (900_000, (700_000, 700_000, 700_000), 1),
        (700_000, (500_000, 700_000, 900_000), 0),  # too few agree, and it is right
    ],
)
def test_a_recorder_is_at_fault_only_where_its_figure_is_not_the_others(figure, others, idle):
    play = recording(("bob", "cleo", "dan", "eve"), tolerance=1_000)
    recorder, *voters = play.progress().recorders
    play.world.did(recorder, tx.PostRecord(play.request, play.progress().model, figure))
    for member, measured in zip(voters, others, strict=True):
        play.world.did(member, tx.Approve(play.request, measured))
    assert any(isinstance(one, RecordDecided) and not one.stands for one in play.world.said)
    assert (play.progress().stage, play.progress().attempt) == ("recording", 1)
    assert play.world.get(st.PLACES, play.request, recorder).idle == idle


def test_a_large_electorate_is_decided_by_the_due_queue():
    play = recording()
    play.world.at_once = 2
    recorder, *others = play.progress().recorders
    play.world.did(recorder, tx.PostRecord(play.request, play.progress().model, 700_000))
    for member in others:
        play.world.did(member, tx.Approve(play.request, 700_000))
    assert play.progress().stage == "approving"
    play.world.block()
    assert play.progress().stage == "settled" and play.world.get(st.RECORDS, play.request).stands


def test_quality_that_nobody_measured_counts_as_reached():
    request = request_by()
    request = replace(request, rules=replace(request.rules, stopping=ru.Stopping(1, 1_000, quality=600)))
    assert elections._reached(request, None) and elections._reached(request, 600)
    assert not elections._reached(request, 599)


def test_who_asked_does_not_record_nor_who_has_left_out_the_last_round():
    world = consortium()
    name = ask(world, mutual(3, 1))
    draft, request = draft_of(world), world.get(st.REQUESTS, name)
    places = (
        place_of("ada", last_accepted=2), place_of("bob", last_accepted=2), place_of("cleo", last_accepted=1)
    )  # fmt: skip
    draft.put(st.TEAMS, Team(("ada", "bob", "cleo")), name)
    for place in places:
        draft.put(st.PLACES, place, name, place.member)
    electorate = elections._electorate(draft, request, progress_of(completed=2))
    assert [place.member for place in electorate] == ["bob"]
