"""Whole requests: from posting to settlement under every kind of rule, whoever is silent."""

import pytest
from msgspec.structs import replace

from tallystick.ledger import records as r
from tallystick.ledger import rules as ru
from tallystick.ledger import state as st
from tallystick.ledger import transactions as tx
from tallystick.ledger.budgets import curves as privacy_cost
from tallystick.ledger.handlers.requests import test_commitment as commitment_to_test
from tests.ledger.play import (
    COMBINE,
    DRAW,
    MEASURE,
    MEMBERS,
    TRAINING,
    TRAINS,
    Play,
    answer,
    ask,
    consortium,
    hashed,
    judge,
    lost,
    mutual,
    relay,
    started,
    train,
)
from tests.ledger.units_at_hand import with_unit
from tests.ledger.world import DAY, HOUR, World


def whole(world: World) -> int:
    """All tokens that members hold."""
    return sum(world.balance(member) for member in world.keys)


def record_of(play: Play) -> r.FinalRecord:
    return play.world.get(st.RECORDS, play.request)


def paid(play: Play, member: str) -> int:
    return play.world.balance(member) - 10_000


def test_mutual_settles_and_pays_all_of_the_reward() -> None:
    play = started(mutual(3, 2))
    end = play.run()
    assert (end.stage, end.completed) == ("settled", 2)
    record = record_of(play)
    assert record.stands
    assert record.approving == record.electorate == 3
    assert sum(share for _, share in record.contributions) == 10**6
    assert whole(play.world) == 60_000
    assert paid(play, "ada") == -1_000


def test_gain_pays_the_better_model_more_and_never_above_two_shares() -> None:
    play = started(mutual(4, 1))
    team = None

    def seated(progress: r.Progress) -> bool:
        return progress.stage == "rounds"

    play.run(until=seated)
    team = sorted(play.world.get(st.TEAMS, play.request).active)
    play.quality = {team[0]: 900_000, team[1]: 510_000, team[2]: 505_000, team[3]: 400_000}
    play.run()
    earned = [paid(play, member) for member in team]
    assert earned[0] == 500  # capped at 2/n of 1,000
    assert earned[0] > earned[1] > earned[2]
    assert sum(earned) == 1_000


def test_relay_pays_the_gain_over_the_best_earlier_hop() -> None:
    play = started(relay(3, 1, paying=ru.Paying()))
    play.run(until=lambda progress: progress.stage == "rounds")
    phase = play.open_phase()
    assert phase is not None
    order = phase[0].owed
    play.quality = {order[0]: 600_000, order[1]: 600_000, order[2]: 700_000}
    play.run()
    assert paid(play, order[0]) == paid(play, order[2]) == 500
    assert paid(play, order[1]) == 0


def test_leader_takes_its_share_first() -> None:
    play = started(relay(3, 1))
    end = play.run()
    team = [member for member in MEMBERS[1:] if paid(play, member)]
    assert sum(paid(play, member) for member in team) == 1_000
    others = [paid(play, member) for member in team if member != end.leader]
    assert paid(play, end.leader) >= max(others) + 1_000 // 3 - 1


def test_silent_holder_is_skipped_and_fined_for_the_others() -> None:
    play = started(relay(3, 1, paying=ru.Paying(weight="equal")))
    play.run(until=lambda progress: progress.stage == "rounds")
    opened = play.open_phase()
    assert opened is not None
    quiet = opened[0].owed[1]
    play.silent = {quiet: ("train",)}
    end = play.run()
    assert end.stage == "settled"
    assert paid(play, quiet) < 0
    assert whole(play.world) == 60_000


def test_withheld_salt_forfeits_the_place_and_its_stake() -> None:
    play = started(relay(3, 1, bench=2))
    play.run(until=lambda progress: progress.stage == "opening")
    withheld = play.world.get(st.TEAMS, play.request).active[0]
    play.silent = {withheld: ("draw",)}
    end = play.run()
    assert end.stage == "settled"
    assert paid(play, withheld) < 0
    assert withheld not in dict(record_of(play).contributions)


def test_commit_without_reveal_loses_the_round_and_a_reward_from_the_deposit() -> None:
    rules = mutual(3, 1, paying=ru.Paying(kind="per_round", weight="equal"), deposit=1_000)
    play = started(replace(rules, forming=replace(rules.forming, leader_deposit=1_000)))
    play.run(until=lambda progress: progress.stage == "rounds")
    team = play.world.get(st.TEAMS, play.request).active
    play.silent = {team[-1]: ("reveal",)}
    end = play.run()
    assert end.stage == "settled"
    # one of two turns missed, and one round's reward (1,000 / 3, rounded up) to the escrow
    assert paid(play, team[-1]) == -(1_000 // 2) - 334


@pytest.mark.parametrize("verdict", ["unavailable", "malformed"])
def test_post_that_half_could_not_have_is_missed_by_its_author(verdict: str) -> None:
    play = started(mutual(3, 1))
    play.run(until=lambda progress: progress.stage == "rounds")
    team = play.world.get(st.TEAMS, play.request).active
    play.verdicts = {team[-1]: verdict}
    play.run()
    assert paid(play, team[-1]) < 0
    assert all(paid(play, member) > 0 for member in team[:-1])


def test_idleness_is_fined_to_the_escrow_and_not_to_the_accusers() -> None:
    play = started(mutual(4, 1))
    play.run(until=lambda progress: progress.stage == "rounds")
    team = play.world.get(st.TEAMS, play.request).active
    play.verdicts = {team[-1]: "copy"}
    play.run()
    assert paid(play, team[-1]) < 0
    assert paid(play, "ada") > -1_000  # the fine came back with the rest of the escrow


def test_equal_hash_is_idle_by_what_the_ledger_sees() -> None:
    play = started(mutual(3, 1))
    play.run(until=lambda progress: progress.stage == "rounds")
    team = sorted(play.world.get(st.TEAMS, play.request).active)
    play.serve(team[0])
    phase, rule = play.open_phase() or pytest.fail("no phase is open")
    copied = play.content(phase, rule, team[0])
    play.world.did(team[1], tx.Post(play.request, 1, "train", copied))
    place = play.world.get(st.PLACES, play.request, team[1])
    assert place.idle == 1
    assert not play.world.get(st.POSTS, play.request, play.progress().phase, team[1]).accepted


def test_wanted_quality_stops_the_rounds() -> None:
    rules = mutual(3, 10)
    play = started(replace(rules, stopping=replace(rules.stopping, quality=515_000)))
    end = play.run()
    assert end.completed == 3  # the start of round 3 measures 520,000
    assert end.reached


def test_too_little_improvement_stops_the_rounds() -> None:
    rules = mutual(3, 10)
    play = started(replace(rules, stopping=replace(rules.stopping, patience=2, improvement=30_000)))
    assert play.run().completed == 3


def test_no_applicants_is_a_refund() -> None:
    play = started(mutual(3, 2), applicants=("bob",))
    end = play.run()
    assert (end.stage, whole(play.world)) == ("refunded", 60_000)
    assert play.world.balance("ada") == play.world.balance("bob") == 10_000


def test_nobody_posting_is_a_refund_and_costs_the_silent() -> None:
    play = started(mutual(3, 2))
    play.silent = dict.fromkeys(MEMBERS, ("train", "judge", "combine"))
    end = play.run()
    assert end.stage == "refunded"
    assert play.world.balance("ada") >= 10_000
    assert whole(play.world) == 60_000


def test_time_used_up_keeps_the_completed_rounds() -> None:
    rules = mutual(3, 5)
    play = started(replace(rules, stopping=replace(rules.stopping, time=5 * HOUR)))
    play.run(until=lambda progress: progress.completed == 1)
    play.world.wait(6 * HOUR)
    end = play.run()
    assert (end.stage, end.completed) == ("settled", 1)


@pytest.mark.parametrize("kind", ["contribution", "best_score", "error", "error_as_printed", "drawn"])
def test_every_election_ends_in_a_record(kind: str) -> None:
    closing = (MEASURE,) if kind.startswith("error") else ()
    opening = (DRAW,) if kind == "drawn" else ()
    rules = mutual(3, 1, electing=ru.Electing(kind), closing=closing, opening=opening)  # type: ignore[arg-type]
    play = started(rules)
    assert play.run().stage == "settled"
    assert record_of(play).stands


def test_best_score_and_least_error_elect_the_best() -> None:
    play = started(mutual(3, 1, electing=ru.Electing("best_score")))
    play.run(until=lambda progress: progress.stage == "rounds")
    team = sorted(play.world.get(st.TEAMS, play.request).active)
    play.quality = {team[0]: 600_000, team[1]: 800_000, team[2]: 700_000}
    play.run(until=lambda progress: progress.stage == "recording")
    assert play.progress().recorders == (team[1], team[2], team[0])


def test_silent_recorders_give_way_and_after_three_the_ledger_settles() -> None:
    play = started(mutual(4, 1))
    play.run(until=lambda progress: progress.stage == "recording")
    play.silent = dict.fromkeys(MEMBERS, ("record",))
    end = play.run()
    record = record_of(play)
    assert end.stage == "settled"
    assert not record.stands
    assert record.recorder == ""
    assert sum(paid(play, member) for member in MEMBERS[1:]) > 0  # the completed round is paid all the same


def test_record_whose_figure_the_others_do_not_measure_does_not_stand() -> None:
    play = started(mutual(3, 1))
    play.run(until=lambda progress: progress.stage == "recording")
    first = play.progress().recorders[0]
    play.record(figure=play.figure + 200_000)
    play.run(until=lambda progress: progress.stage == "recording")
    assert play.progress().attempt == 1
    assert play.run().stage == "settled"
    assert record_of(play).recorder != first


def test_refusal_is_not_its_own_judge() -> None:
    """A voter whose figure the others do not share neither approves nor stops the record."""
    play = started(mutual(5, 1))
    play.run(until=lambda progress: progress.stage == "approving")
    voters = [m for m in play.progress().recorders if m != play.progress().recorders[0]]
    play.world.did(voters[0], tx.Approve(play.request, 10))
    play.run()
    record = record_of(play)
    assert record.stands
    assert record.approving == 4


def test_unanimity_as_printed_is_stopped_by_one() -> None:
    play = started(mutual(3, 1, electing=ru.Electing(unanimous=True)))
    play.run(until=lambda progress: progress.stage == "approving")
    voters = [m for m in play.progress().recorders if m != play.progress().recorders[0]]
    play.world.did(voters[0], tx.Approve(play.request, 10))
    play.world.did(voters[1], tx.Approve(play.request, play.figure))
    assert play.progress().attempt == 1


SALT = b"0123456789abcdef"
CONTENT = hashed("test set")


def with_sealed_test() -> ru.Rules:
    test = ru.SealedTest(commitment_to_test(CONTENT, SALT), HOUR)
    rules = mutual(3, 1, test=test, paying=ru.Paying(quality_share=400_000))
    return replace(rules, stopping=replace(rules.stopping, quality=650_000))


@pytest.mark.parametrize("figure, fee", [(700_000, 1_000), (600_000, 600)])
def test_sealed_test_decides_the_part_that_depends_on_quality(figure: int, fee: int) -> None:
    play = started(with_sealed_test())
    play.run(until=lambda progress: progress.stage == "sealed")
    play.world.did("ada", tx.OpenTest(play.request, CONTENT, SALT))
    for member in play.progress().recorders:
        play.world.did(member, tx.Certify(play.request, figure))
    assert play.progress().stage == "settled"
    assert sum(paid(play, member) for member in MEMBERS[1:]) == fee


def test_test_set_not_opened_in_time_counts_as_reached() -> None:
    play = started(with_sealed_test())
    play.run()
    assert record_of(play).reached
    assert sum(paid(play, member) for member in MEMBERS[1:]) == 1_000


def test_leaving_costs_what_was_not_served_and_is_free_before_round_one() -> None:
    play = started(relay(3, 4, bench=2))
    play.run(until=lambda progress: progress.stage == "opening")
    first = play.world.get(st.TEAMS, play.request).active[0]
    assert play.serve(first)  # its salt counts, whether or not it stays
    play.world.did(first, tx.Leave(play.request))
    play.run(until=lambda progress: progress.stage == "rounds" and progress.round == 2)
    second = play.world.get(st.TEAMS, play.request).active[0]
    play.world.did(second, tx.Leave(play.request))
    assert play.run().stage == "settled"
    assert paid(play, first) == 0
    assert whole(play.world) == 60_000
    assert second in dict(record_of(play).contributions)  # the round it served is paid


def test_leaving_does_not_stop_the_phase_for_the_others() -> None:
    play = started(mutual(3, 1))
    play.run(until=lambda progress: progress.stage == "rounds")
    team = sorted(play.world.get(st.TEAMS, play.request).active)
    play.serve(team[0])
    play.serve(team[1])
    play.world.did(team[2], tx.Leave(play.request))
    opened = play.open_phase()
    assert opened is not None
    assert opened[1].name == "judge"


def test_bench_replaces_the_evicted() -> None:
    play = started(mutual(3, 3, bench=2, evicting=ru.Evicting("worst")))
    play.run(until=lambda progress: progress.stage == "rounds")
    before = play.world.get(st.TEAMS, play.request)
    worst = sorted(before.active)[0]
    play.quality = {worst: 100_000}
    play.run(until=lambda progress: progress.round == 2)
    after = play.world.get(st.TEAMS, play.request)
    assert worst in after.gone
    assert before.bench[0] in after.active
    assert play.run().stage == "settled"


def test_outliers_only_leaves_an_honest_team_alone() -> None:
    play = started(mutual(4, 2, bench=1, evicting=ru.Evicting("outlier")))
    play.run(until=lambda progress: progress.stage == "rounds")
    team = sorted(play.world.get(st.TEAMS, play.request).active)
    play.quality = {member: 700_000 + 300 * place for place, member in enumerate(team)}
    play.run(until=lambda progress: progress.round == 2)
    assert play.world.get(st.TEAMS, play.request).gone == ()
    play.quality[team[0]] = 300_000
    play.run(until=lambda progress: progress.stage == "recording")
    assert play.world.get(st.TEAMS, play.request).gone == (team[0],)


def test_price_by_amount_pays_presence_and_returns_the_rest() -> None:
    pay = ru.Paying(kind="per_amount", weight="amount", price=2)
    play = Play(consortium(), "")
    play.request = ask(play.world, mutual(3, 1, paying=pay, amount=100, order="answer"))
    for member, amount in (("bob", 60), ("cleo", 40), ("dan", 500)):
        answer(play.world, play.request, member, amount=amount, preference=10**6)
    assert play.run().stage == "settled"
    earned = {member: paid(play, member) for member in ("bob", "cleo", "dan")}
    assert earned == {"bob": 120, "cleo": 80, "dan": 0}  # dan's 500 would pass the reward
    assert whole(play.world) == 60_000


def test_too_little_data_is_a_refund() -> None:
    play = Play(consortium(), "")
    play.request = ask(play.world, mutual(3, 1, amount=1_000))
    for member in ("bob", "cleo", "dan"):
        answer(play.world, play.request, member, amount=10)
    assert play.run().stage == "refunded"


def test_schedule_pays_round_by_round() -> None:
    rules = mutual(2, 2, paying=ru.Paying(kind="per_round", weight="equal", schedule=(100, 300)))
    play = started(rules, applicants=("bob", "cleo"))
    assert play.run().stage == "settled"
    assert paid(play, "bob") == paid(play, "cleo") == 200
    assert paid(play, "ada") == -400


def test_drawn_judges_and_groups() -> None:
    rules = mutual(5, 1, phases=(train("groups:2"), judge(turn="drawn:train:2"), COMBINE), opening=(DRAW,))
    play = started(rules)
    play.run(until=lambda progress: progress.phase == 2)
    phase, _ = play.open_phase() or pytest.fail("no phase is open")
    assert len(phase.circle) == 5
    assert play.run().stage == "settled"


def test_analyst_buys_from_a_consumers_request() -> None:
    world = consortium()
    deliver = ru.PhaseRule("deliver", "leader", "model", 10 * DAY)
    outer = mutual(
        1, 1, minimum=1, leader="analyst", phases=(deliver,), result="deliver",
        paying=ru.Paying(weight="equal", analyst_fee=200), purchase_limit=700, leader_deposit=0,
    )  # fmt: skip
    parent = ask(world, outer)
    answer(world, parent, "bob", analyst=True)
    consumer = Play(world, parent)
    consumer.run(until=lambda progress: progress.stage == "rounds")
    child = ask(world, mutual(2, 1), 700, member="bob", parent=parent)
    for member in ("cleo", "dan"):
        answer(world, child, member)
    assert consumer.progress().escrow == 300
    assert Play(world, child).run().stage == "settled"
    assert consumer.run().stage == "settled"
    assert world.balance("bob") == 10_200
    assert world.balance("cleo") + world.balance("dan") == 20_700
    assert world.balance("ada") == 10_000 - 900


def test_reuse_pays_the_makers_their_fee() -> None:
    play = started(mutual(3, 1, paying=ru.Paying(reuse_fee=30)))
    play.run()
    before = whole(play.world)
    play.world.did("fay", tx.ReuseRecord(play.request, "maintenance"))
    assert whole(play.world) == before


def test_credit_of_a_pair_halves_with_each_settled_request() -> None:
    world = consortium()
    gained = []
    for _ in range(3):
        request = ask(world, mutual(2, 1, paying=ru.Paying(weight="equal")))
        for member in ("bob", "cleo"):
            answer(world, request, member)
        before = world.get(st.ACCOUNTS, "bob").credit
        Play(world, request).run()
        gained.append(world.get(st.ACCOUNTS, "bob").credit - before)
    assert gained == [500, 250, 125]


def test_ended_request_leaves_only_its_record_behind() -> None:
    play = started(relay(3, 2))
    play.run()
    left = {key.split(b"/")[0] for key in play.world.reader.keys if play.request.encode() in key}
    assert left == {b"request", b"progress", b"record"}


# --- privacy -------------------------------------------------------------------------------------

CHARGED = mutual(3, 4, phases=(train(rows="training", event=TRAINS), judge(), COMBINE), units=True)


def test_joining_reserves_the_worst_case_and_settling_returns_the_rest() -> None:
    world, uses = with_unit(("bob", "cleo", "dan"), epsilon=100 * 10**9)
    rules = replace(CHARGED, stopping=replace(CHARGED.stopping, quality=505_000))
    request = ask(world, rules)
    for member, use in uses.items():
        answer(world, request, member, units=(replace(use, events=(("train", TRAINING),)),))
    play = Play(world, request)
    play.run(until=lambda progress: progress.stage == "rounds")
    lineage = world.get(st.LINEAGES, world.get(st.UNITS, uses["bob"].unit).lineage)
    once = privacy_cost.curve(TRAINING)
    assert lineage.spent.training == once
    assert lineage.reserved.training == privacy_cost.times(once, 3)
    end = play.run()
    assert (end.stage, end.completed) == ("settled", 2)
    lineage = world.get(st.LINEAGES, lineage.lineage)
    assert lineage.spent.training == privacy_cost.times(once, 2)
    assert lineage.reserved.training == privacy_cost.ZERO


def test_silence_after_a_phase_has_opened_is_charged_all_the_same() -> None:
    world, uses = with_unit(("bob", "cleo", "dan"), epsilon=100 * 10**9)
    request = ask(world, replace(CHARGED, stopping=ru.Stopping(1, DAY)))
    for member, use in uses.items():
        answer(world, request, member, units=(use,))
    play = Play(world, request, silent={"bob": ("train", "judge", "combine")})
    assert play.run().stage == "settled"
    spent = [
        world.get(st.LINEAGES, world.get(st.UNITS, use.unit).lineage).spent.training for use in uses.values()
    ]
    assert spent[0] == spent[1] == spent[2] == privacy_cost.curve(ru.dearest(TRAINS))


def test_two_requests_race_for_the_same_remainder() -> None:
    """Both applications were possible when they were made; only the first team to form may reserve."""
    cost = privacy_cost.times(privacy_cost.curve(TRAINING), 4)
    limit = privacy_cost.epsilon(cost, 10_000_000)
    world, uses = with_unit(("bob", "cleo", "dan"), epsilon=limit)
    requests = [ask(world, CHARGED), ask(world, CHARGED)]
    for request in requests:
        for member, use in uses.items():
            grant = use if request == requests[0] else replace(use, grant=world.second[member])
            answer(world, request, member, units=(replace(grant, events=(("train", TRAINING),)),))
    ends = [Play(world, request).run().stage for request in requests]
    assert ends == ["settled", "refunded"]
    for use in uses.values():
        lineage = world.get(st.LINEAGES, world.get(st.UNITS, use.unit).lineage)
        assert privacy_cost.epsilon(lineage.spent.training, lineage.budget.delta_e12) <= limit


def test_crash_between_phases_charges_what_has_opened_and_no_more() -> None:
    """Everybody vanishes after round 1: one opened phase is charged, the rest of the reservation returns."""
    world, uses = with_unit(("bob", "cleo", "dan"), epsilon=100 * 10**9)
    request = ask(world, CHARGED)
    for member, use in uses.items():
        answer(world, request, member, units=(use,))
    play = Play(world, request)
    play.run(until=lambda progress: progress.round == 2)
    world.wait(31 * DAY)
    play.silent = dict.fromkeys(MEMBERS, ("record", "approve"))
    assert play.run().stage == "settled"
    lineage = world.get(st.LINEAGES, world.get(st.UNITS, uses["bob"].unit).lineage)
    assert lineage.spent.training == privacy_cost.times(privacy_cost.curve(ru.dearest(TRAINS)), 2)
    assert lineage.reserved.training == privacy_cost.ZERO


@pytest.mark.parametrize("way", ["revoke", "withdraw", "leave"])
def test_taking_ones_data_back_ends_duties_and_charges_and_costs_what_leaving_costs(way: str) -> None:
    world, uses = with_unit(("bob", "cleo", "dan"), epsilon=100 * 10**9)
    request = ask(world, replace(CHARGED, stopping=ru.Stopping(3, 30 * DAY)))
    for member, use in uses.items():
        answer(world, request, member, units=(use,))
    play = Play(world, request)
    play.run(until=lambda progress: progress.stage == "rounds")
    bodies = {
        "revoke": tx.RevokeGrant(uses["cleo"].grant),
        "withdraw": tx.WithdrawUnit(uses["cleo"].unit),
        "leave": tx.Leave(request),
    }
    if way == "leave":
        play.serve("cleo")
    world.did("cleo", bodies[way])
    if way != "leave":
        assert "cleo" in world.get(st.TEAMS, request).active  # the open phase is still owed
    end = play.run()
    assert (end.stage, end.completed) == ("settled", 3)
    assert lost(play, "cleo") == 50 * 5 // 6  # it served one turn of six
    lineage = world.get(st.LINEAGES, world.get(st.UNITS, uses["cleo"].unit).lineage)
    assert lineage.spent.training == privacy_cost.curve(ru.dearest(TRAINS))


def test_publication_without_an_event_is_counted_and_said() -> None:
    rules = mutual(3, 2, units=True, phases=(train(rows="training"), judge(rows="judging"), COMBINE))
    world, uses = with_unit(("bob", "cleo", "dan"), epsilon=10**9, unaccounted=True)
    request = ask(world, rules)
    for member, use in uses.items():
        answer(world, request, member, units=(use,))
    play = Play(world, request)
    play.run()
    assert record_of(play).uncharged == ("train", "judge")
    lineage = world.get(st.LINEAGES, world.get(st.UNITS, uses["bob"].unit).lineage)
    assert lineage.unaccounted == 4


def test_leaving_just_before_ones_turn_is_not_free() -> None:
    play = started(relay(3, 1))
    play.run(until=lambda progress: progress.stage == "rounds")
    opened = play.open_phase()
    assert opened is not None
    last = opened[0].owed[-1]
    stake = play.world.get(st.PLACES, play.request, last).deposit
    play.world.did(last, tx.Leave(play.request))
    assert play.run().stage == "settled"
    assert paid(play, last) == -(stake * 2 // 3)  # it revealed its salt; the hop and the judging are missed


def test_ones_own_model_posted_as_the_mean_of_one_is_no_copy() -> None:
    play = started(mutual(2, 1, minimum=1), applicants=("bob", "cleo"))
    play.run(until=lambda progress: progress.stage == "rounds")
    leader = play.progress().leader
    other = next(m for m in ("bob", "cleo") if m != leader)
    play.serve(leader)
    play.world.did(other, tx.Leave(play.request))
    play.run(until=lambda progress: progress.phase == 2)
    mine = play.world.get(st.POSTS, play.request, 0, leader).content
    play.world.did(leader, tx.Post(play.request, 1, "combine", mine))
    end = play.run()
    assert (end.stage, end.completed) == ("settled", 1)
    assert end.outcome == "recorded"
