"""What a dishonest member could win, and does not: by leaving, accusing, blocking, copying, overstating."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from time import process_time

import pytest
from msgspec.structs import replace

from tallystick.base.fixed import median
from tallystick.base.ids import MAX_SUPPLY
from tallystick.ledger import deadlines, due
from tallystick.ledger import records as r
from tallystick.ledger import rejections as no
from tallystick.ledger import rules as ru
from tallystick.ledger import state as st
from tallystick.ledger import transactions as tx
from tallystick.ledger.handlers import WEIGHTS
from tallystick.ledger.handlers.requests import test_commitment as commitment_to_test
from tallystick.ledger.notices import Paid
from tallystick.ledger.requests import elections, scoring, settlement, turns
from tallystick.ledger.requests.seats import depart
from tallystick.ledger.state import Draft
from tallystick.ledger.transition import check
from tests.ledger.play import (
    COMBINE,
    MEASURE,
    MEMBERS,
    TRAINING,
    TRAINS,
    Play,
    answer,
    ask,
    hashed,
    judge,
    lost,
    mutual,
    relay,
    started,
    train,
)
from tests.ledger.units_at_hand import with_unit
from tests.ledger.world import CHAIN, HOUR, START, Memory, World, ensure_refused, founder

ALONE = ru.Paying(weight="equal")


def rounds_begin(play: Play) -> list[str]:
    play.run(until=lambda progress: progress.stage == "rounds")
    return sorted(play.world.get(st.TEAMS, play.request).active)


def phase_begins(play: Play, name: str) -> None:
    def there(progress: r.Progress) -> bool:
        opened = play.open_phase()
        return opened is not None and opened[0].name == name

    play.run(until=there)


def compensated(play: Play) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in play.world.said:
        if isinstance(one, Paid) and one.why == "compensation":
            assert one.member not in found  # one notice a member, however many were fined
            found[one.member] = one.amount
    return found


# Leaving and keeping silent


def test_leaving_with_hidden_scores_forfeits_the_rounds_pay_as_silence_does() -> None:
    ends = {}
    for leaves in (True, False):
        play = started(mutual(3, 1, paying=ALONE))
        first, *_ = rounds_begin(play)
        phase_begins(play, "judge")
        play.serve(first)
        if leaves:
            play.world.did(first, tx.Leave(play.request))
        else:
            play.silent[first] = ("reveal",)
        play.run()
        record = play.world.get(st.RECORDS, play.request)
        assert first not in dict(record.contributions)
        ends[leaves] = lost(play, first)
    assert ends[True] >= ends[False] > 0


@pytest.mark.parametrize("way", ["leave", "decline and leave", "silence"])
def test_a_salt_kept_back_costs_the_whole_deposit_however_it_is_kept(way: str) -> None:
    """Else the last to reveal could choose between two draws for nothing."""
    play = started(relay(3, 2))
    play.run(until=lambda progress: progress.stage == "opening")
    last, *others = sorted(play.world.get(st.TEAMS, play.request).active)
    for member in others[:1]:
        play.serve(member)
    if way == "decline and leave":
        play.world.did(last, tx.Post(play.request, 0, "draw", tx.Declined(1, hashed("log"))))
    if way == "silence":
        play.silent[last] = ("draw",)
    else:
        play.world.did(last, tx.Leave(play.request))
    deposit = play.world.get(st.PLACES, play.request, last).deposit
    play.run()
    assert lost(play, last) == deposit


def test_leaving_after_the_last_round_still_owes_the_closing_turns() -> None:
    closing = (MEASURE, replace(MEASURE, name="measure-again"))
    silent = started(mutual(3, 1, closing=closing))
    first, *_ = rounds_begin(silent)
    silent.silent[first] = ("measure", "measure-again")
    silent.run()
    left = started(mutual(3, 1, closing=closing))
    rounds_begin(left)
    phase_begins(left, "measure")
    left.world.did(first, tx.Leave(left.request))
    left.run()
    assert lost(left, first) >= lost(silent, first) > 0


def test_who_has_lost_its_role_serves_no_longer() -> None:
    play = started(mutual(3, 3))
    first, *_ = rounds_begin(play)
    play.world.decide(tx.SetRoles(first, ("requester",)), proposer="ada")
    play.run(until=lambda progress: progress.round == 2)
    place = play.world.get(st.PLACES, play.request, first)
    assert place.status == "released"


# Accusing and blocking


def test_accusers_do_not_share_the_fine_of_a_post_that_they_call_unavailable() -> None:
    play = started(mutual(3, 2, paying=ALONE))
    first, *_ = rounds_begin(play)
    play.verdicts = {first: "unavailable"}
    play.run()
    assert lost(play, first) > 0
    assert compensated(play) == {}


def test_a_minority_that_lets_no_record_stand_costs_honest_recorders_nothing() -> None:
    play = started(mutual(4, 1, paying=ALONE))
    play.run(until=lambda progress: progress.stage == "recording")
    while play.progress().stage == "recording":
        recorder = elections.recorder_of(play.progress())
        honest = play.figure if recorder not in play.progress().recorders[-2:] else 0
        play.world.did(recorder, tx.PostRecord(play.request, play.progress().model, honest))
        for member in play.progress().recorders:
            if member != recorder and play.progress().stage == "approving":
                blocks = member in play.progress().recorders[-2:]
                figure = None if blocks else play.figure
                play.world.did(member, tx.Approve(play.request, figure))
    assert not play.world.get(st.RECORDS, play.request).stands
    assert [lost(play, member) for member in play.progress().recorders[:2]] == [0, 0]
    assert lost(play, play.progress().recorders[2]) > 0  # its own figure was away from all others'
    assert compensated(play) == {}


def test_a_minority_keeps_no_pay_back_by_letting_no_record_stand() -> None:
    """Nobody measured in the rounds, so that only a record could say that the quality was reached."""
    rules = mutual(4, 1, phases=(train(), COMBINE), paying=replace(ALONE, quality_share=1_000_000))
    rules = replace(rules, stopping=replace(rules.stopping, quality=600_000))
    play = started(rules)
    play.run(until=lambda progress: progress.stage == "recording")
    blocking = play.progress().recorders[-2:]
    play.silent = dict.fromkeys(blocking, ("approve", "record"))
    end = play.run()
    assert end.stage == "settled" and end.reached
    assert sum(dict(rewards(play)).values()) == 1_000


def rewards(play: Play) -> list[tuple[str, int]]:
    return [(p.member, p.amount) for p in play.world.said if isinstance(p, Paid) and p.why == "reward"]


@pytest.mark.parametrize("certifying, pay", [(1, 1_000), (2, 600)])
def test_a_test_set_that_only_a_friend_could_fetch_counts_as_not_opened(certifying: int, pay: int) -> None:
    content, salt = hashed("content"), hashed("salt")
    test = ru.SealedTest(commitment_to_test(content, salt), HOUR)
    rules = mutual(3, 1, test=test, paying=ru.Paying(quality_share=400_000))
    play = started(replace(rules, stopping=replace(rules.stopping, quality=650_000)))
    play.run(until=lambda progress: progress.stage == "sealed")
    play.world.did("ada", tx.OpenTest(play.request, content, salt))
    for member in play.progress().recorders[:certifying]:
        play.world.did(member, tx.Certify(play.request, 0))
    play.run()
    assert sum(amount for _, amount in rewards(play)) == pay


# Models, data and records that are not one's own


def test_posting_the_rounds_start_again_is_a_copy() -> None:
    play = started(mutual(3, 2))
    first, *_ = rounds_begin(play)
    play.run(until=lambda progress: progress.round == 2)
    start = play.progress().model
    play.world.did(
        first,
        tx.Post(play.request, 2, "train", tx.Model(tx.Payload(9, start, hashed("c"), hashed("k")))),
    )
    place = play.world.get(st.PLACES, play.request, first)
    assert place.idle == 1
    assert not play.world.get(st.POSTS, play.request, 0, first).accepted


def test_nobody_is_paid_for_more_data_than_its_units_have() -> None:
    world, uses = with_unit(("bob",), epsilon=10**9)
    request = ask(world, mutual(2, 1, units=True, paying=ru.Paying(weight="amount")))
    ensure_refused(world, "bob", tx.Apply(request, amount=501, units=(uses["bob"],)), no.BadApplication)
    world.did("bob", tx.Apply(request, amount=500, units=(uses["bob"],)))


def test_a_record_made_by_a_grant_for_one_is_not_reused_by_another() -> None:
    world, uses = with_unit(("bob", "cleo"), epsilon=10**9)
    for owner in ("bob", "cleo"):
        give = tx.GiveGrant(uses[owner].unit, "ada", "maintenance", 5, world.time + 300 * HOUR)
        uses[owner] = tx.UnitUse(uses[owner].unit, world.made("grant", owner, give))
    request = ask(world, mutual(2, 1, units=True))
    for member, use in uses.items():
        answer(world, request, member, units=(use,))
    Play(world, request).run()
    world.did("ada", tx.ReuseRecord(request, "maintenance"))
    ensure_refused(world, "fay", tx.ReuseRecord(request, "maintenance"), no.NotReusable)


def test_credit_stays_within_what_a_record_can_hold() -> None:
    play = started(mutual(3, 1))
    first, *_ = rounds_begin(play)
    account = play.world.get(st.ACCOUNTS, first)
    key = st.ACCOUNTS.key(first).encode()
    play.world.reader.write({key: st.ACCOUNTS.encode(replace(account, credit=MAX_SUPPLY - 1))})
    play.run()
    assert play.world.get(st.ACCOUNTS, first).credit == MAX_SUPPLY


# Work: nothing that one transaction or one deadline does grows with the square of a team


def growth(work: Callable[[int], Callable[[], object]]) -> float:
    """How much longer eight times as many members take: 8 where the work is linear, 64 if quadratic."""

    def least(size: int) -> float:
        run, times = work(size), []
        for _ in range(9):
            begin = process_time()
            run()
            times.append(process_time() - begin)
        return min(times)

    return least(4_096) / least(512)


def crowd(size: int) -> tuple[str, ...]:
    return tuple(f"m{number:05d}" for number in range(size))


def big_request() -> r.Request:
    drawn = judge(turn="drawn:train:3", sealed=False)
    rules = mutual(4_096, 1, phases=(train(), drawn, COMBINE), paying=ALONE)
    return r.Request(
        "request-" + "0" * 32, "ada", "pumps", "p", hashed(1), 1_000, rules, b"", b"", "", b"", START
    )


def draft_of(request: r.Request, members: tuple[str, ...]) -> Draft:
    """A running request of a large team, in a state of its own."""
    name = request.request
    draft = Draft(Memory({}), CHAIN, 1, START)
    draft.put(st.REQUESTS, request, name)
    draft.put(st.TEAMS, r.Team(members), name)
    draft.put(st.PROGRESS, r.Progress("rounds", 0, 0, leader=members[0]), name)
    for order, member in enumerate(members):
        draft.put(st.PLACES, r.Place(member, 50, 0, (), order, 1, "member", missed=1, turns=2), name, member)
        draft.put(st.MEMBERS, r.Member(member, b"", b"", ()), member)
    return draft


def test_judges_of_a_large_team_are_drawn_and_counted_in_linear_time() -> None:
    rule = judge(turn="drawn:train:3")
    rules = big_request().rules

    def work(size: int) -> Callable[[], object]:
        members = crowd(size)
        phase = r.Phase(1, "judge", 0, members, members, circle=members[::-1])
        vectors: dict[str, tuple[tx.Score, ...]] = {m: (tx.Score(1),) * 4 for m in members}
        return lambda: scoring.tally(rules, rule, phase, vectors)

    assert growth(work) < 36
    members = crowd(9)
    phase = r.Phase(1, "judge", 0, members, members[2:], circle=members[::-1])
    assert turns.all_subjects(rule, phase) == {m: turns.subjects_of(rule, phase, m) for m in members[::-1]}


def test_approvals_of_a_large_electorate_are_compared_in_linear_time() -> None:
    request = big_request()

    def work(size: int) -> Callable[[], object]:
        figures = {member: n % 977 for n, member in enumerate(crowd(size))}
        return lambda: elections.approvers(request, r.RecordDraft("m00000", b"", 5), figures)

    assert growth(work) < 36


def test_an_approver_is_compared_with_the_median_of_exactly_the_others() -> None:
    rng, request = Random(3), big_request()
    request = replace(
        request, rules=replace(request.rules, electing=replace(request.rules.electing, tolerance=2))
    )
    for _ in range(300):
        figures = {member: rng.randrange(12) for member in crowd(rng.randrange(1, 9))}
        draft = r.RecordDraft("m00000", b"", figures["m00000"])
        wanted = []
        for member, figure in figures.items():
            others = [value for other, value in figures.items() if other != member]
            if abs(figure - (median(others) if others else figure)) <= 2:
                wanted.append(member)
        assert elections.approvers(request, draft, figures) == tuple(wanted)


def test_a_large_team_departs_in_linear_time() -> None:
    request = big_request()

    def work(size: int) -> Callable[[], object]:
        members = crowd(size)

        def run() -> None:
            draft = draft_of(request, members)
            depart(draft, request.request, members, "released")
            assert draft.get(st.TEAMS, request.request).active == ()

        return run

    assert growth(work) < 36


def test_penalties_of_a_large_team_are_shared_in_linear_time() -> None:
    def work(size: int) -> Callable[[], object]:
        members = crowd(size)
        places = [r.Place(m, 50, 0, (), 0, 1, "member") for m in members]
        fined = dict.fromkeys(members, 25)

        def run() -> None:
            draft = Draft(Memory({}), CHAIN, 1, START)
            assert settlement._compensate(draft, "request", places, fined, members[0]) == 0

        return run

    assert growth(work) < 36


def test_penalties_are_shared_as_one_by_one() -> None:
    rng = Random(5)
    for _ in range(300):
        members = crowd(rng.randrange(1, 7))
        places = [
            r.Place(m, 50, 0, (), 0, 1, "member", status=rng.choice(("active", "active", "left")))
            for m in members
        ]
        leader = rng.choice((*members, ""))
        fined = {m: rng.choice((0, 0, 7, 23)) for m in members}
        draft = Draft(Memory({}), CHAIN, 1, START)
        left = settlement._compensate(draft, "request", places, fined, leader)
        wanted, rest = dict.fromkeys(members, 0), 0
        for faulty, amount in fined.items():
            others = [p.member for p in places if p.member != faulty and p.status == "active"]
            if not others:
                rest += amount
                continue
            for member in others:
                wanted[member] += amount // len(others)
            first = leader if leader in others else others[0]
            wanted[first] += amount - amount // len(others) * len(others)
        found = {m: account.balance if (account := draft.find(st.ACCOUNTS, m)) else 0 for m in members}
        assert (found, left) == (wanted, rest)


def test_a_round_is_bounded_and_so_is_what_an_application_names() -> None:
    many = tuple(replace(train(), name=f"train-{n}") for n in range(8))
    rules = mutual(
        4_096, 1, phases=(*many, judge("train-0", "drawn:train-0:3")), result="train-0", opening=()
    )
    assert "more than 32768 posts" in str(ru.flaw(rules, 1_000))
    world, uses = with_unit(("bob",), epsilon=10**15)
    rule = train(rows="training", event=TRAINS)
    phases = (*(replace(rule, name=f"train-{n}") for n in range(17)), COMBINE)
    request = ask(world, mutual(2, 1, units=True, phases=phases, paying=ALONE))
    events = tuple((f"train-{n}", replace(TRAINING, sigma_milli=1_500 + n)) for n in range(17))
    named = replace(uses["bob"], events=events)
    ensure_refused(world, "bob", tx.Apply(request, units=(named,)), no.BadApplication)
    world.did("bob", tx.Apply(request, units=(replace(named, events=events[:16]),)))


def test_progress_does_not_grow_with_the_number_of_rounds() -> None:
    play = started(mutual(2, 70), applicants=MEMBERS[1:3])
    play.run(steps=5_000)
    assert len(play.progress().figures) == 64


def many(count: int) -> World:
    return World(*(founder(name, 1_000) for name in ("ada", *crowd(count))))


def test_a_large_team_goes_on_by_the_due_queue() -> None:
    """What the last post of a phase sets off is a block's work, not that of the post."""
    size = deadlines.AT_ONCE + 1
    world = many(size)
    rules = mutual(
        size, 1, minimum=size, phases=(train(), COMBINE), paying=ALONE, deposit=1, leader_deposit=1
    )
    request = ask(world, rules)
    world.block(*(world.sealed(member, tx.Apply(request)) for member in crowd(size)))
    play = Play(world, request)
    play.run(until=lambda progress: progress.stage == "rounds")
    opened = play.open_phase()
    assert opened is not None
    posts = [world.sealed(m, tx.Post(request, 1, "train", play.content(*opened, m))) for m in crowd(size)]
    late = tx.Post(request, 1, "train", tx.Declined(1, hashed("log")))
    receipts = world.block(*posts, world.sealed(crowd(size)[0], late)).receipts
    assert [receipt.refusal for receipt in receipts] == [""] * size + ["WrongPhase"]
    assert play.open_phase() is not None and play.progress().phase == 0  # still the phase of training
    world.block()
    assert play.progress().phase == 1
    opened, leader = play.open_phase(), play.progress().leader
    assert opened is not None
    world.did(leader, tx.Post(request, 1, "combine", play.content(*opened, leader)))
    assert (play.progress().stage, play.progress().completed) == ("rounds", 0)
    play.run(until=lambda progress: progress.stage == "approving")
    rest = [m for m in play.progress().recorders if m != elections.recorder_of(play.progress())]
    world.block(*(world.sealed(m, tx.Approve(request, play.figure)) for m in rest))
    assert play.progress().stage == "approving"
    world.block()
    assert play.progress().stage == "settled"
    assert world.get(st.RECORDS, request).approving == size


def test_what_is_due_is_limited_by_its_work_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(due, "MOST_RECORDS", 8)
    play = started(mutual(3, 1))
    second = ask(play.world, mutual(3, 1))
    play.world.wait(2 * HOUR)
    assert [play.world.get(st.PROGRESS, name).stage for name in (play.request, second)] == [
        "rounds",
        "forming",
    ]
    play.world.block()
    assert play.world.get(st.PROGRESS, second).stage == "refunded"


def test_no_block_makes_more_deadlines_than_a_block_serves() -> None:
    chain = World().get(st.CHAIN)
    for kind in (tx.PostRequest, tx.Propose):
        assert chain.block_weight // WEIGHTS[kind] <= chain.due_limit


def test_a_suspended_member_fills_no_blocks() -> None:
    world = World()
    world.decide(tx.Suspend("bob"), proposer="ada")
    assert check(world.reader, world.sealed("bob", tx.Transfer("ada", 1)), world.at()).refusal == "Suspended"
