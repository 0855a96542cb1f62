"""Several chains: requests leave, run elsewhere on what was reserved, come home once."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tallystick.ledger import rejections as no
from tallystick.ledger import rules as ru
from tallystick.ledger import state as st
from tallystick.ledger import transactions as tx
from tallystick.ledger import views
from tallystick.ledger.budgets.costs import Costs
from tallystick.ledger.budgets.curves import ZERO
from tallystick.ledger.notices import OutcomeSent, RequestSent
from tests.base.small_chain import members
from tests.ledger.chains_world import NORTH, OPERATOR, terms
from tests.ledger.neighbours import (
    Pair,
    contradiction,
    ended,
    hidden,
    member_of,
    opened,
    pair,
    sent,
    short,
)
from tests.ledger.play import train
from tests.ledger.story import offered, posted, settled
from tests.ledger.world import CHAIN, DAY, HOUR, World, ensure_refused, refused


def stage(world: World, request: str) -> str:
    return world.get(st.PROGRESS, request).stage


# --- there and back -----------------------------------------------------------------------------------


def test_a_request_runs_on_a_sub_chain_and_is_settled_on_the_main_one():
    found = pair()
    before = found.total()
    request = ended(found)
    assert stage(found.north, request) == "settled" and stage(found.main, request) == "away"
    shown = views.request(found.main.reader, request)
    assert shown is not None and shown.chain == NORTH
    assert OutcomeSent(request, "settled") in found.north.said
    found.tell_main("message", request)
    assert stage(found.main, request) == "settled"
    assert found.total() == before
    assert found.main.get(st.RECORDS, request) == found.north.get(st.RECORDS, request)
    assert found.main.get(st.OTHER_CHAINS, NORTH).escrow == 0
    assert found.main.find(st.MESSAGES, NORTH, request) is None


def test_settling_elsewhere_pays_what_settling_here_pays():
    def paid(world: World) -> dict[str, tuple[int, int]]:
        return {one.member: (world.balance(one.member), world.get(st.ACCOUNTS, one.member).credit)
                for one in world.scan(st.MEMBERS)}  # fmt: skip

    found, alone = pair(), World()
    found.tell_main("message", ended(found, short(rounds=2)))
    settled(alone, short(rounds=2))
    assert paid(found.main) == paid(alone)
    told = [
        (one.spent.training, one.spent.judging, one.reserved.training) for one in found.main.scan(st.LINEAGES)
    ]
    assert sorted(told) == sorted(
        (one.spent.training, one.spent.judging, one.reserved.training) for one in alone.scan(st.LINEAGES)
    )


def test_what_was_reserved_stays_reserved_until_the_outcome_and_only_the_spent_part_is_charged():
    found = pair()
    play = opened(found, short(rounds=2))
    held = found.main.scan(st.LINEAGES)
    assert all(any(one.reserved.training) and not any(one.spent.training) for one in held)
    play.silent["bob"] = ("train", "judge")
    while stage(found.north, play.request) not in ("settled", "refunded"):
        found.tell_north() if found.main.time > found.north.get(st.OTHER_CHAINS, CHAIN).time else None
        play.everybody_serves()
        play.record() if stage(found.north, play.request) in ("recording", "approving") else found.wait(
            HOUR // 2
        )
    found.tell_main("message", play.request)
    assert all(
        any(one.spent.training) and one.reserved.training == ZERO for one in found.main.scan(st.LINEAGES)
    )
    assert found.main.balance("bob") < found.main.balance("ada")


def test_the_sub_chain_spends_only_what_was_allocated():
    found = pair()
    play = opened(found)
    key = st.ALLOCATIONS.key(
        play.request, "ada", found.north.scan(st.ALLOCATIONS, play.request, "ada")[0].unit
    )
    assert any(found.main.scan(st.RESERVATIONS, play.request)[0].left.training)
    allocated = st.ALLOCATIONS.decode(found.north.reader.get(key.encode()))
    assert allocated.left.training == ZERO  # the only training phase has opened: nothing is left for another


def test_a_revocation_counts_from_the_first_phase_after_it_arrives():
    found = pair()
    play = opened(found, short(rounds=2))
    grant = found.main.get(st.UNITS, found.north.scan(st.ALLOCATIONS, play.request, "bob")[0].unit)
    name = found.north.scan(st.ALLOCATIONS, play.request, "bob")[0].grant
    found.main.did("bob", tx.RevokeGrant(name))
    assert grant.owner == "bob"
    found.tell_north("grant", name)
    assert "bob" in found.north.get(st.TEAMS, play.request).active
    play.everybody_serves()
    assert "bob" not in found.north.get(st.TEAMS, play.request).active
    assert found.north.get(st.PLACES, play.request, "bob").status == "withdrawn"


def test_a_rotated_key_and_a_suspension_follow():
    found = pair()
    found.introduce("ada")
    member_of(found, "ada", active=False)
    found.tell_north("member", "ada")
    ensure_refused(found.north, "ada", tx.Nudge(), no.Suspended)
    assert found.north.get(st.CHAIN).members == 2


# --- endings without an outcome -----------------------------------------------------------------------


def test_without_an_outcome_the_main_chain_refunds_on_proof():
    found = pair()
    play = opened(found)
    final = found.main.get(st.PROGRESS, play.request).final
    assert RequestSent(play.request, NORTH, final) in found.main.said
    found.wait(final - found.main.time)
    assert stage(found.north, play.request) == "refunded"
    assert found.north.find(st.MESSAGES, CHAIN, play.request) is None
    found.main.decide(tx.RegisterChain(terms(NORTH)))  # its trust has lapsed meanwhile
    found.wait(1)
    found.tell_main("message", play.request)
    assert stage(found.main, play.request) == "refunded" and found.main.balance("dan") == 1_000
    lineages = found.main.scan(st.LINEAGES)
    assert all(any(one.spent.training) and one.reserved.training == ZERO for one in lineages)


def test_what_never_began_costs_nobody_anything():
    found = pair()
    request = sent(found)
    found.wait(found.main.get(st.PROGRESS, request).final - found.main.time)
    found.main.decide(tx.RegisterChain(terms(NORTH)))
    found.wait(1)
    found.tell_main("request", request)
    assert stage(found.main, request) == "refunded"
    assert not any(any(one.spent.training) for one in found.main.scan(st.LINEAGES))
    assert [one.used for one in found.main.scan(st.GRANTS)] == [0, 0]


def test_a_chain_that_says_nothing_at_all_is_waited_for_and_then_everything_returns():
    found = pair()
    request = sent(found)
    progress = found.main.get(st.PROGRESS, request)
    found.main.wait(progress.deadline - found.main.time - 1)
    assert stage(found.main, request) == "away"
    found.main.wait(1)
    assert stage(found.main, request) == "refunded"
    assert found.main.get(st.OTHER_CHAINS, NORTH).escrow == 0
    assert found.main.balance("dan") == 1_000


def test_an_outcome_that_would_be_late_is_none():
    found = pair()
    play = opened(found)
    play.run(until=lambda progress: progress.stage == "approving")
    found.wait(play.progress().final - found.north.time)
    assert stage(found.north, play.request) == "refunded"
    assert found.north.find(st.RECORDS, play.request) is None
    assert found.north.find(st.MESSAGES, CHAIN, play.request) is None


def test_what_a_frozen_chain_holds_comes_back_by_time():
    found = pair()
    request = ended(found)
    late = found.to_main("message", request)
    found.main.did("ada", contradiction(found))
    ensure_refused(found.main, "cleo", late, no.WrongStage)
    found.main.wait(found.main.get(st.PROGRESS, request).deadline - found.main.time)
    assert stage(found.main, request) == "refunded" and found.main.balance("dan") == 1_000


def test_a_team_whose_chain_was_frozen_while_it_formed_gets_everything_back():
    found = pair()
    request = posted(found.main, short(), chain=NORTH)
    uses = {name: offered(found.main, name) for name in ("ada", "bob")}
    for name, use in uses.items():
        found.main.did(name, tx.Apply(request, units=(use,), chain=NORTH))
    found.main.did("ada", contradiction(found))
    found.main.wait(HOUR)
    assert stage(found.main, request) == "refunded"
    assert "frozen" in found.main.get(st.PROGRESS, request).outcome


def test_no_more_is_sent_to_a_chain_than_its_cap():
    found = pair(escrow_cap=500)
    first, second = sent(found), posted(found.main, short(), requester="cleo", reward=80, chain=NORTH)
    for name in ("ada", "bob"):
        use = found.main.scan(st.RESERVATIONS, first, name)[0]
        found.main.did(name, tx.Apply(second, units=(tx.UnitUse(use.unit, use.grant),), chain=NORTH))
    found.main.wait(HOUR)
    assert stage(found.main, second) == "refunded"
    assert "no more than 500" in found.main.get(st.PROGRESS, second).outcome


# --- how things wait ----------------------------------------------------------------------------------


def test_a_phase_waits_for_a_fresh_view_and_nobody_is_fined():
    found = pair()
    play = opened(found)
    found.wait(2 * HOUR)
    opened_phase = play.open_phase()
    assert opened_phase is not None and opened_phase[0].deadline > found.north.time
    found.tell_north()
    assert play.run().stage == "settled"
    assert not any(served.missed for served in outcome_of(found, play.request).places)


def test_the_end_of_the_time_waits_for_a_fresh_view_too():
    found = pair(settling=300 * DAY, trusting_period=400 * DAY)
    play = opened(found)
    found.wait(31 * DAY)
    assert stage(found.north, play.request) == "rounds"
    found.tell_north()
    found.wait(play.progress().until - found.north.time)
    assert stage(found.north, play.request) == "refunded"


# --- what a chain may say -----------------------------------------------------------------------------


def outcome_of(found: Pair, request: str):
    return found.north.get(st.MESSAGES, CHAIN, request).content


def forged(found: Pair, request: str, **changes) -> tx.Deliver:
    """An outcome that the sub-chain's own validators have made up."""
    message = found.north.get(st.MESSAGES, CHAIN, request)
    message = replace(message, content=replace(message.content, **changes))
    writes = {st.MESSAGES.key(CHAIN, request).encode(): st.MESSAGES.encode(message)}
    found.speakers[NORTH].root()
    found.speakers[NORTH].tree.update(writes)
    found.north.reader.write(writes)
    return found.to_main("message", request)


@pytest.mark.parametrize("changes", [{"recorder": "cleo"}, {"recorders": ("dan",)}, {"places": ()}])
def test_nobody_outside_the_team_is_paid_by_an_outcome(changes):
    found = pair()
    request = ended(found)
    ensure_refused(found.main, "cleo", forged(found, request, **changes), no.BadMessage)


def test_a_sub_chain_that_lies_gives_back_no_more_budget_than_was_reserved():
    found = pair()
    request = ended(found)
    left = tuple(
        replace(one, costs=Costs(tuple(10**15 for _ in ZERO), judging=()))
        for one in outcome_of(found, request).left
    )
    found.main.did("cleo", forged(found, request, left=left))
    assert all(any(one.spent.training) for one in found.main.scan(st.LINEAGES))
    assert all(one.reserved.training == ZERO for one in found.main.scan(st.LINEAGES))


def test_validators_that_change_are_followed():
    found = pair()
    found.main.wait(1)
    found.together()
    after = members(1, 2)
    named = replace(found.to_main(following=after), following=tuple((one.public, one.power) for one in after))
    found.main.did("ada", named)
    found.speakers[NORTH].signers = after
    found.wait(1)
    found.main.did("ada", found.to_main())
    assert len(found.main.get(st.OTHER_CHAINS, NORTH).validators) == 2


def test_an_id_made_on_a_sub_chain_is_never_one_of_the_main_chain():
    found = pair()
    found.introduce("ada")
    number = 0
    found.north.did("ada", tx.Propose(tx.SetRoles(OPERATOR, ())), number=number)
    assert found.north.scan(st.PROPOSALS)[0].proposal != found.main.scan(st.PROPOSALS)[0].proposal


@refused(tx.Post, no.StaleView)
def test_no_post_counts_on_an_old_view():
    found = pair()
    play = opened(found)
    phase = play.open_phase()
    assert phase is not None
    found.north.wait(HOUR)
    return found.north, "ada", tx.Post(play.request, 1, "train", play.content(*phase, "ada"))


@refused(tx.Reveal, no.StaleView)
def test_no_reveal_counts_on_an_old_view():
    found = pair()
    play = opened(found, hidden())
    while not (phase := play.open_phase())[0].revealing:
        play.everybody_serves()
    found.north.wait(HOUR)
    values = play.vector(*phase, "ada")
    return found.north, "ada", tx.Reveal(play.request, 1, "judge", values, play.salt("ada", "judge", 1))


@refused(tx.Leave, no.StaleView)
def test_nobody_leaves_on_an_old_view():
    found = pair()
    play = opened(found)
    found.north.wait(HOUR)
    return found.north, "ada", tx.Leave(play.request)


def asked(**more) -> tx.PostRequest:
    reward, rules = more.pop("reward", 300), more.pop("rules", short())
    return tx.PostRequest("vibration", "maintenance", b"\x01" * 32, reward, rules, b"\x02" * 32, **more)


@refused(tx.PostRequest, no.OutOfRange)
def test_a_reward_above_what_a_chain_may_hold():
    return pair(escrow_cap=299).main, "dan", asked(chain=NORTH)


@refused(tx.PostRequest, no.UnknownRecord)
def test_a_request_for_an_unknown_chain():
    return World(), "dan", asked(chain=NORTH)


@refused(tx.PostRequest, no.WrongStage)
def test_a_request_for_a_frozen_chain():
    found = pair()
    found.main.did("ada", contradiction(found))
    return found.main, "dan", asked(chain=NORTH)


@pytest.mark.parametrize("rules, told", [
    (short(bench=1), "no bench"),
    (short(65, phases=(train(),), paying=ru.Paying(weight="equal")), "at most 64"),
    (replace(short(), electing=replace(short().electing, wait=10**10)), "outcomes are due"),
])  # fmt: skip
def test_rules_that_cannot_run_elsewhere(rules, told):
    receipt = ensure_refused(pair().main, "dan", asked(chain=NORTH, rules=rules), no.BadRules)
    assert told in receipt.detail


@refused(tx.Apply, no.BadApplication)
def test_a_chain_of_few_validators_needs_everybodys_consent():
    found = pair()
    use = offered(found.main, "ada")
    return found.main, "ada", tx.Apply(posted(found.main, short(), chain=NORTH), units=(use,))


@refused(tx.ReuseRecord, no.NotReusable)
def test_a_record_is_reused_on_the_main_chain_only():
    found = pair()
    request = ended(found)
    return found.north, OPERATOR, tx.ReuseRecord(request, "maintenance")
