"""Views answer what people and nodes ask, out of any reader, and write nothing."""

import json

import pytest

from tallystick.base.ids import ROLES
from tallystick.ledger import rejections as no
from tallystick.ledger import rules as ru
from tallystick.ledger import transactions as tx
from tallystick.ledger import views
from tallystick.ledger.budgets.curves import add, curve, epsilon, times
from tallystick.ledger.genesis import Readable
from tallystick.ledger.handlers.requests import test_commitment as commitment_to_test
from tallystick.ledger.rules import dearest
from tallystick.ledger.state import TABLES
from tests.ledger import story
from tests.ledger.play import Play, consortium, judge, mutual, relay, started
from tests.ledger.story import NOISE, PURPOSE, described, formed, given, offered, posted, settled
from tests.ledger.world import DAY, HOUR, START, World, founder, key_of, possession


def does(world: World, member: str) -> list[tuple[str, str]]:
    """What waits for a member: what to do, and in which phase."""
    return [(turn.do, turn.phase) for turn in views.turns(world.reader, member, world.time)]


# --- members and votes ------------------------------------------------------------------------------


def test_a_member_and_all_its_tokens():
    world = World()
    play = formed(world)
    dan, bob = (views.member(world.reader, name, world.time) for name in ("dan", "bob"))
    posted(world, requester="cleo", reward=40)
    cleo = views.member(world.reader, "cleo", world.time)
    assert (dan.balance, dan.in_escrow, dan.staked) == (700, 300, 0)
    assert (cleo.balance, cleo.in_escrow, cleo.staked) == (960, 40, 0)
    assert (bob.balance, bob.in_escrow, bob.staked) == (940, 0, 60)
    play.run()
    views_of_all = views.members(world.reader, world.time)
    assert sum(one.balance + one.in_escrow + one.staked for one in views_of_all) == 4_000
    assert {one.member for one in views_of_all if one.in_escrow or one.staked} == {"cleo"}
    assert views.member(world.reader, "eve", world.time) is None


def test_a_member_is_dormant_when_it_was_long_silent():
    world = World()
    world.wait(30 * DAY)
    world.did("bob", tx.Nudge())
    dormant = {one.member: one.dormant for one in views.members(world.reader, world.time)}
    assert dormant == {"ada": True, "bob": False, "cleo": True, "dan": True}
    assert not views.member(world.reader, "ada", START + 30 * DAY - 1).dormant
    assert views.member(world.reader, "ada", START + 30 * DAY).dormant


def test_devices_are_shown_while_they_last():
    world = World()
    phone = tx.AddDevice(key_of("phone").public, possession("ada", "phone"), START + HOUR)
    world.did("ada", phone)
    assert [one.key for one in views.member(world.reader, "ada", START).devices] == [key_of("phone").public]
    assert views.member(world.reader, "ada", START + HOUR).devices == ()


def test_a_proposal_and_its_votes():
    world = World()
    name = world.made("proposal", "ada", tx.Propose(tx.Mint("dan", 5)))
    world.did("bob", tx.Vote(name, True))
    world.did("ada", tx.Vote(name, False))
    found = views.proposal(world.reader, name)
    assert (found.electorate, found.voted) == (("ada", "bob", "cleo"), (("ada", False), ("bob", True)))
    assert (found.stage, found.approvals, found.refusals) == ("lapsed", 1, 1)
    assert views.proposals(world.reader, "open") == ()
    assert views.proposals(world.reader) == (found,)
    assert views.proposal(world.reader, "proposal-" + "0" * 32) is None


# --- units and budgets ------------------------------------------------------------------------------


def test_units_are_found_by_owner_name_and_category():
    world = World()
    first = world.made("unit", "ada", described())
    second = world.made("unit", "ada", described(training="more", budget=None, version_of=first))
    other = world.made("unit", "bob", described("other"))
    assert views.unit_named(world.reader, "ada", "factory").unit == second
    assert {one.unit for one in views.units(world.reader, owner="ada")} == {first, second}
    world.did("ada", tx.WithdrawUnit(first))
    assert {one.unit for one in views.units(world.reader)} == {second, other}
    assert len(views.units(world.reader, withdrawn=True)) == 3
    assert views.units(world.reader, category="speech") == ()
    world.did("ada", tx.TransferUnit(second, "bob"))
    assert views.unit_named(world.reader, "ada", "factory") is None
    assert views.unit(world.reader, first).owner == "bob"
    assert views.unit(world.reader, "unit-" + "0" * 32) is None


def test_a_budget_says_what_is_spent_at_worst_and_left():
    world = World()
    play = formed(world)
    lineage = views.unit_named(world.reader, "ada", "unit-of-ada").budget
    once = curve(dearest(NOISE))
    limit = story.BUDGET
    assert lineage.training.spent == epsilon(once, limit.delta_e12)
    assert lineage.training.at_worst == epsilon(times(once, 2), limit.delta_e12)
    assert lineage.training.left == limit.epsilon_nano - lineage.training.at_worst
    assert lineage.judging == views.Spending(0, 0, limit.epsilon_nano)
    assert (lineage.protects, lineage.unaccounted) == ("record", 0)
    play.run()
    after = views.budget(world.reader, lineage.lineage).training
    assert after.spent == after.at_worst == epsilon(add(once, once), limit.delta_e12)
    assert {one.owner for one in views.budgets(world.reader)} == {"ada", "bob"}
    assert [one.lineage for one in views.budgets(world.reader, owner="ada")] == [lineage.lineage]


# --- grants -----------------------------------------------------------------------------------------


def test_a_grant_says_whether_it_still_permits():
    world = World()
    play = formed(world, story.charged(rounds=1))
    unit = views.unit_named(world.reader, "ada", "unit-of-ada").unit
    few = world.made("grant", "ada", given(unit, "cleo", until=world.time + HOUR))
    revoked = world.made("grant", "ada", given(unit, "cleo"))
    world.did("ada", tx.RevokeGrant(revoked))
    stages = {one.grant: one.stage for one in views.grants(world.reader, world.time, owner="ada")}
    assert (stages[few], stages[revoked], sorted(stages.values())) == (
        "open",
        "revoked",
        ["open", "open", "revoked"],
    )
    until = views.grant(world.reader, few, world.time).until
    assert views.grant(world.reader, few, until - 1).stage == "open"
    assert views.grant(world.reader, few, until).stage == "expired"
    anyone = [one for one in views.grants(world.reader, world.time, of=unit) if one.to == "*"]
    assert [(one.left, one.uses) for one in anyone] == [(99, 100)]
    mine = {one.grant for one in views.grants(world.reader, world.time, to="cleo", stage="open")}
    assert few in mine and revoked not in mine
    play.run()
    world.did("ada", tx.TransferUnit(unit, "cleo"))
    assert views.grant(world.reader, few, world.time).stage == "ended with its giver's ownership"
    assert views.grant(world.reader, "grant-" + "0" * 32, world.time) is None


def test_a_grant_is_used_up():
    world = World()
    unit = world.made("unit", "ada", described())
    grant = world.made("grant", "ada", given(unit, uses=1))
    name = posted(world, story.charged(size=1, rounds=1, minimum=1, phases=story.charged().phases))
    world.did("ada", tx.Apply(name, units=(tx.UnitUse(unit, grant),)))
    world.wait(HOUR)
    assert views.grant(world.reader, grant, world.time).stage == "used up"


def test_asks_wait_for_the_owner():
    world = World()
    unit = world.made("unit", "ada", described())
    ask = world.made("ask", "bob", tx.AskGrant(unit, PURPOSE, 1, START + HOUR))
    assert [one.ask for one in views.asks(world.reader, world.time, owner="ada")] == [ask]
    assert [one.ask for one in views.asks(world.reader, world.time, member="bob")] == [ask]
    assert views.asks(world.reader, world.time, owner="bob") == ()
    assert does(world, "ada") == [("answer", "")]
    assert views.asks(world.reader, START + HOUR) == ()


# --- requests ---------------------------------------------------------------------------------------


def test_a_request_from_forming_to_settled():
    world = World()
    uses = {member: offered(world, member) for member in ("ada", "bob")}
    name = posted(world)
    found = views.request(world.reader, name)
    assert (found.stage, found.escrow, found.applicants, found.team) == ("forming", 300, (), ())
    for member, use in uses.items():
        world.did(member, tx.Apply(name, units=(use,)))
    found = views.request(world.reader, name)
    assert (found.applicants, found.phase) == (("ada", "bob"), None)
    world.wait(HOUR)
    found = views.request(world.reader, name)
    assert (found.stage, found.round, sorted(found.team)) == ("rounds", 1, ["ada", "bob"])
    assert (found.phase.name, found.phase.owing, found.phase.content) == ("train", ("ada", "bob"), "model")
    assert found.deadline == found.phase.deadline
    play = Play(world, name)
    play.serve("ada")
    assert views.request(world.reader, name).phase.owing == ("bob",)
    assert [one.member for one in views.places(world.reader, name)] == ["ada", "bob"]
    play.run(until=lambda progress: progress.stage == "recording")
    assert views.request(world.reader, name).recorder in ("ada", "bob")
    play.run()
    found = views.request(world.reader, name)
    assert (found.stage, found.deadline, found.outcome, found.team) == ("settled", 0, "recorded", ())
    assert views.request(world.reader, "request-" + "0" * 32) is None


def test_requests_by_stage_member_and_category():
    world = World()
    done, waiting = settled(world), posted(world, requester="cleo")
    named = [one.request for one in views.requests(world.reader, live=True)]
    assert named == [waiting]
    assert [one.request for one in views.requests(world.reader, stage="settled")] == [done]
    assert [one.request for one in views.requests(world.reader, member="cleo")] == [waiting]
    assert len(views.requests(world.reader, category="vibration")) == 2
    assert views.requests(world.reader, category="speech") == ()


def test_records_by_task_maker_and_category():
    world = World()
    name = settled(world)
    found = views.record(world.reader, name)
    assert (found.member, found.purpose, found.record.stands) == ("dan", PURPOSE, True)
    assert views.records(world.reader, reuse_key=b"\x02" * 32) == (found,)
    assert views.records(world.reader, reuse_key=b"\x03" * 32) == ()
    assert views.records(world.reader, member="ada") == (found,)
    assert views.records(world.reader, member="cleo") == ()
    assert views.record(world.reader, "request-" + "0" * 32) is None


# --- what waits for a member ------------------------------------------------------------------------


def test_turns_follow_the_request():
    world = World()
    play = formed(world, story.charged(rounds=1, phases=(story.charged().phases[0], judge(sealed=True))))
    assert does(world, "ada") == does(world, "bob") == [("post", "train")]
    play.serve("ada")
    assert (does(world, "ada"), does(world, "bob")) == ([], [("post", "train")])
    play.serve("bob")
    assert does(world, "ada") == [("post", "judge")]
    play.serve("ada")
    play.serve("bob")
    assert does(world, "ada") == does(world, "bob") == [("reveal", "judge")]
    play.serve("ada")
    assert does(world, "ada") == []
    play.serve("bob")
    recorder = views.request(world.reader, play.request).recorder
    other = {"ada": "bob", "bob": "ada"}[recorder]
    assert (does(world, recorder), does(world, other)) == ([("record", "")], [])
    play.record()
    assert (does(world, recorder), does(world, other)) == ([], [("approve", "")])
    assert views.draft_of_record(world.reader, play.request).recorder == recorder
    play.record()
    assert does(world, other) == []


def test_one_by_one_only_the_holder_owes():
    play = started(relay(3, 1))
    play.run(until=lambda progress: progress.stage == "rounds")
    order = views.open_phase(play.world.reader, play.request).owed
    for member in order:
        assert views.open_phase(play.world.reader, play.request).owing == (member,)
        play.serve(member)


def test_turns_before_the_team_forms():
    world = consortium()
    listed = mutual(2, 1, candidates="listed", order="listed")
    graded = mutual(2, 1, leader="named", named="bob", ability="graded")
    world.did("ada", tx.RegisterTeam("crew", ("cleo",)))
    for rules in (listed, graded):
        world.did("dan", tx.PostRequest("c", PURPOSE, b"\0" * 32, 10, rules, b"\0" * 32))
    assert (does(world, "dan"), does(world, "bob")) == ([("choose", "")], [("grade", "")])
    assert does(world, "cleo") == [("join", "")]


def test_turns_of_a_sealed_test():
    content, salt = b"\x07" * 32, b"0123456789abcdef"
    test = ru.SealedTest(commitment_to_test(content, salt), HOUR)
    play = started(mutual(3, 1, test=test))
    play.run(until=lambda progress: progress.stage == "sealed")
    assert does(play.world, "ada") == [("open test", "")]
    play.world.did("ada", tx.OpenTest(play.request, content, salt))
    assert does(play.world, "ada") == []
    for member in play.progress().recorders:
        assert does(play.world, member) == [("certify", "")]
    assert views.draft_of_record(play.world.reader, play.request).content == content


def test_a_vote_waits_for_the_electorate_and_for_nobody_suspended():
    world = World()
    world.decide(tx.Suspend("dan"))
    world.did("ada", tx.Propose(tx.Mint("bob", 1)))
    assert does(world, "cleo") == [("vote", "")]
    assert does(world, "bob") == does(world, "dan") == does(world, "eve") == []
    deadline = views.proposals(world.reader, "open")[0].deadline
    assert views.turns(world.reader, "cleo", deadline - 1) and not views.turns(world.reader, "cleo", deadline)
    world.wait(DAY)
    assert does(world, "cleo") == []


def test_nothing_waits_in_a_request_that_has_ended():
    world = World()
    settled(world)
    assert all(does(world, name) == [] for name in world.keys)


def test_a_choice_waits_until_it_is_made():
    world = consortium()
    rules = mutual(2, 1, candidates="listed", order="listed")
    name = world.made("request", "dan", tx.PostRequest("c", PURPOSE, b"\0" * 32, 10, rules, b"\0" * 32))
    posted(world)
    assert does(world, "dan") == [("choose", "")]
    world.did("dan", tx.ChooseTeam(name, ("bob", "cleo")))
    assert does(world, "dan") == []


def test_the_most_urgent_comes_first():
    world = World()
    world.did("bob", tx.Propose(tx.FillPool(1)))
    play = formed(world)
    assert does(world, "ada") == [("post", "train"), ("vote", "")]
    must = [turn.must for turn in views.turns(world.reader, "ada", world.time)]
    assert must == [True, False]
    assert play.progress().stage == "rounds"


# --- who may read -----------------------------------------------------------------------------------


def test_reading_is_open_to_members_unless_roles_are_named():
    world = World(
        founder("ada", roles=("auditor",)),
        founder("bob", roles=("owner",)),
        founder("cleo", roles=("owner",)),
        readers=(Readable("account", ("auditor", "operator")), Readable("post", ())),
    )
    world.decide(tx.Suspend("cleo"))
    assert views.may_read(world.reader, "ada", "account")
    assert not views.may_read(world.reader, "bob", "account")
    assert views.may_read(world.reader, "bob", "unit")
    assert not views.may_read(world.reader, "ada", "post")
    for stranger in ("cleo", "eve", ""):
        assert not any(views.may_read(world.reader, stranger, kind) for kind in TABLES)
    assert not views.may_read(world.reader, "bob", "secrets")


# --- what would be refused --------------------------------------------------------------------------


def test_what_would_be_refused_is_known_beforehand():
    world = World()
    before = dict(world.reader.records)
    assert views.why_refused(world.reader, "ada", tx.Transfer("bob", 1_000), world.at()) is None
    refusal = views.why_refused(world.reader, "ada", tx.Transfer("bob", 1_001), world.at())
    assert isinstance(refusal, no.NotEnoughTokens)
    assert world.reader.records == before


# --- violations -------------------------------------------------------------------------------------


def test_violations_are_listed_by_what_was_wrong():
    world = World()
    unit = world.made("unit", "ada", described())
    poor = world.made("unit", "ada", described("poor", budget=tx.PrivacyBudget(1, 1, "record")))
    once = world.made("grant", "ada", given(unit, uses=1))
    alone = posted(world, story.charged(1, minimum=1))
    world.did("ada", tx.Apply(alone, units=(tx.UnitUse(unit, once),)))
    world.wait(HOUR)
    name = posted(world)
    grants = {
        "over-used": once,
        "expired": world.made("grant", "ada", given(unit, until=world.time + 10)),
        "revoked": world.made("grant", "ada", given(unit)),
        "not entitled": world.made("grant", "ada", given(unit, "bob")),
        "over-budget": world.made("grant", "ada", given(poor)),
    }
    world.did("ada", tx.RevokeGrant(grants["revoked"]))
    world.wait(10)
    receipts = []
    for what, grant in grants.items():
        of = poor if what == "over-budget" else unit
        receipts.append(world.does("ada", tx.Apply(name, units=(tx.UnitUse(of, grant),))))
    receipts.append(world.does("bob", described("mine", training="factory training")))
    receipts.append(world.does("bob", tx.Transfer("ada", 1)))
    replayed = world.sealed("bob", tx.Transfer("ada", 1))
    receipts += [world.block(replayed).receipts[0], world.block(replayed).receipts[0]]
    receipts.append(world.does("ada", tx.Nudge(), valid_until=world.time))
    receipts.append(world.does("ada", tx.Nudge(), signer=key_of("bob")))
    found = views.violations(receipts)
    assert [one.offence for one in found] == [
        *grants,
        "double claim",
        "replayed",
        "expired",
        "forged",
    ]
    assert [one.member for one in found] == ["ada"] * 5 + ["bob", "", "", ""]
    assert all(one.detail for one in found)


# --- in JSON ----------------------------------------------------------------------------------------


def test_every_answer_is_ready_for_json():
    world = World()
    name = settled(world)
    world.did("ada", tx.Propose(tx.Upgrade(2, 1_000)))
    answers = [
        views.chain(world.reader),
        *views.members(world.reader, world.time),
        *views.units(world.reader),
        *views.grants(world.reader, world.time),
        *views.proposals(world.reader),
        *views.requests(world.reader),
        *views.records(world.reader),
        *views.turns(world.reader, "bob", world.time),
    ]
    told = [views.plain(answer) for answer in answers]
    assert json.loads(json.dumps(told)) == told
    assert views.plain(views.proposals(world.reader))[0]["change"] == {
        "kind": "upgrade",
        "version": 2,
        "height": 1_000,
    }
    assert (
        views.plain(views.record(world.reader, name))["record"]["model"]
        == bytes(views.record(world.reader, name).record.model).hex()
    )


def test_plain_names_every_field():
    world = World()
    member = views.member(world.reader, "ada", world.time)
    told = views.plain(member)
    assert list(told) == list(type(member).__struct_fields__)
    assert told["key"] == key_of("ada").public.hex()
    assert told["roles"] == list(ROLES)


def test_a_state_that_was_never_begun_says_so():
    class Nothing:
        def get(self, key):
            return None

        def scan(self, prefix, limit):
            return []

    with pytest.raises(LookupError, match="never begun"):
        views.chain(Nothing())
