"""Short histories that between them hold every transaction, most refusals and every way a request ends."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from tallystick.base.codec import encode
from tallystick.base.events import Gaussian
from tallystick.ledger import rules as ru
from tallystick.ledger import transactions as tx
from tallystick.ledger.genesis import Founder, Limits, Readable
from tallystick.ledger.handlers import HANDLERS, WEIGHTS
from tallystick.ledger.handlers.requests import test_commitment as commitment_to_test
from tallystick.ledger.state import ALLOCATIONS, PROGRESS, TEAMS
from tests.ledger import neighbours, story
from tests.ledger.play import (
    COMBINE,
    DRAW,
    MEASURE,
    Biased,
    Play,
    answer,
    ask,
    consortium,
    judge,
    mutual,
    relay,
    started,
    train,
)
from tests.ledger.samples import sample
from tests.ledger.world import (
    DAY,
    HOUR,
    START,
    World,
    encryption_key_of,
    key_of,
    possession,
)

SALT = b"sixteen bytes or more"
TEST = b"\x07" * 32
NO_GRANT = "grant-" + "0" * 32
BODIES = sorted(HANDLERS, key=lambda body: body.__name__)


def members() -> World:
    """Keys, devices, software, tokens, and the refusals around them."""
    world = World(
        pool=50, limits=Limits(vote_wait=DAY, vote_delay=HOUR, due_limit=3), readers=(Readable("unit", ()),)
    )
    phone = key_of("phone")
    world.did("ada", tx.AddDevice(phone.public, possession("ada", "phone"), START + DAY))
    world.did("ada", tx.Report(b"\x01" * 32), signer=phone)
    world.does("ada", tx.Transfer("bob", 1), signer=phone)
    world.did("ada", tx.RemoveDevice(phone.public))
    world.did("ada", tx.RotateKey(key_of("new").public, possession("ada", "new"), encryption_key_of("new")))
    world.keys["ada"] = key_of("new")
    world.did("ada", tx.Transfer("bob", 400))
    world.does("ada", tx.Transfer("bob", 10_000))
    world.does("ada", tx.Transfer("zoe", 1))
    world.does("ada", tx.RotateKey(key_of("bob").public, possession("ada", "bob"), encryption_key_of("bob")))
    world.did("bob", tx.Nudge())
    return world


def validators() -> World:
    """Members whose nodes vote on blocks: one joins, replaces its key, is suspended."""
    founders = [
        Founder(name, key_of(name).public, encryption_key_of(name), ("operator",), 10, node.public)
        for name in ("ada", "bob", "cleo", "dan")
        for node in [key_of(f"{name}'s node")]
    ]
    eve = Founder("eve", key_of("eve").public, encryption_key_of("eve"), ("operator",))
    world = World(*founders, eve, validates="operator", limits=Limits(vote_wait=DAY))
    world.block(), world.block()
    for name in ("eve's node", "eve's new node"):
        world.did("eve", tx.SetValidator(key_of(name).public, possession("eve", name)))
    for _ in range(6):
        world.block()
    world.decide(tx.Suspend("dan"))
    for _ in range(4):
        world.block()
    return world


def envelopes() -> World:
    """What changes nothing, beside what uses its number."""
    world = World()
    pay = tx.Transfer("bob", 1)
    good = world.sealed("ada", pay)
    signed = tx.decode_signed(good)
    world.block(
        good,
        good,
        b"",
        good + b"\x00",
        encode(replace(signed, signature=b"\x00" * 64)),
        world.sealed("ada", pay, chain="another"),
        world.sealed("ada", pay, version=2),
        world.sealed("ada", pay, valid_until=START),
        world.sealed("zoe", pay),
        world.sealed("ada", pay, signer=key_of("bob")),
        world.sealed("ada", pay, number=255),
        world.sealed("ada", pay, number=256),
        world.sealed("ada", tx.Transfer("ada", 1), number=7),
        world.sealed("ada", pay, number=7),
    )
    world.block(*(world.sealed("bob", pay, number=number) for number in (5, 3, 1, 0)))
    return world


def votes() -> World:
    """Every change that can be put to the vote, and proposals that lapse or become void."""
    world = World(cap=5_000, limits=Limits(vote_wait=DAY, vote_delay=HOUR))
    unit = world.made("unit", "bob", story.described())
    eve = tx.Admit(
        "eve", key_of("eve").public, possession("eve", "eve"), encryption_key_of("eve"), ("worker", "owner")
    )
    spare = key_of("spare").public
    for change in (
        eve,
        eve,
        tx.Suspend("dan"),
        tx.Reinstate("dan"),
        tx.Recover("bob", spare, possession("bob", "spare"), encryption_key_of("spare")),
        tx.SetRoles("cleo", ("auditor",)),
        tx.Mint("cleo", 900),
        tx.FillPool(100),
        tx.FillPool(1),
        tx.Dispute(unit, "cleo"),
    ):
        if world.does("ada", tx.Propose(change)).code == 0:
            proposal = f"{world.said[-1].proposal}"
            world.block(
                *(world.sealed(name, tx.Vote(proposal, True)) for name in ("ada", "bob", "cleo", "dan"))
            )
            world.wait(HOUR)
        if isinstance(change, tx.Recover):
            world.keys["bob"] = key_of("spare")
    lapsing = world.made("proposal", "ada", tx.Propose(tx.Suspend("dan")))
    world.did("cleo", tx.Vote(lapsing, True))
    refused = world.made("proposal", "ada", tx.Propose(tx.Suspend("dan")))
    for name in ("ada", "bob"):
        world.did(name, tx.Vote(refused, False))
    world.wait(DAY)
    world.does("ada", tx.Vote(refused, True))
    world.did("ada", tx.Propose(tx.Upgrade(2, 1_000_000)))
    return world


def units() -> World:
    """Versions, splits, citations, withdrawals and transfers of one lineage; grants in every stage."""
    world = World()
    first = world.made("unit", "ada", story.described())
    second = world.made("unit", "ada", story.described(training="more", budget=None, version_of=first))
    half = world.made("unit", "ada", story.described("half", budget=None, derived_from=(second,)))
    world.did("bob", story.described("survey", cites=(first, half)))
    world.does("bob", story.described("stolen", training="factory training"))
    world.does("ada", story.described("fresh", training="factory training"))
    ask_ = world.made("ask", "bob", tx.AskGrant(half, story.PURPOSE, 3, story.LATE))
    world.did("ada", story.given(half, "bob", uses=3, ask=ask_))
    other = world.made("ask", "cleo", tx.AskGrant(half, story.PURPOSE, 1, story.LATE))
    world.did("ada", tx.DeclineGrant(other))
    grant = world.made("grant", "ada", story.given(first, statistics_only=True))
    world.did("ada", tx.RevokeGrant(grant))
    world.did("ada", tx.WithdrawUnit(first))
    world.did("ada", tx.TransferUnit(half, "dan"))
    world.does("ada", tx.WithdrawUnit(second))
    return world


def charged() -> World:
    """Two rounds on charged rows to a record that stands, and its reuse."""
    world = World()
    rules = story.charged(paying=ru.Paying(reuse_fee=30, recorder_fee=10, leader_share=True))
    name = story.settled(world, rules)
    world.did("cleo", tx.ReuseRecord(name, story.PURPOSE))
    world.did("ada", story.described("model", budget=None, derived_from=(name,)))
    return world


def sealed_test() -> World:
    """Commit and reveal, outliers out, a bench, and a sealed test that decides a part of the pay."""
    test = ru.SealedTest(commitment_to_test(TEST, SALT), HOUR)
    rules = mutual(
        3, 2, bench=2, evicting=ru.Evicting("worst"), test=test,
        paying=ru.Paying(kind="per_round", quality_share=400_000, schedule=(300, 500)),
    )  # fmt: skip
    play = started(replace(rules, stopping=replace(rules.stopping, quality=900_000)))
    play.run(until=lambda progress: progress.stage == "rounds")
    first, second, third = sorted(play.world.get(TEAMS, play.request).active)
    play.quality = {first: 800_000, second: 600_000, third: 400_000}
    play.run(until=lambda progress: progress.stage == "sealed")
    play.world.did("ada", tx.OpenTest(play.request, TEST, SALT))
    for member in play.progress().recorders:
        play.world.did(member, tx.Certify(play.request, 950_000))
    return play.world


def deserted_relay() -> World:
    """A drawn relay: one withholds its salt, one keeps silent, one leaves; nobody records."""
    play = started(relay(3, 2, bench=2))
    play.run(until=lambda progress: progress.stage == "opening")
    withholds, silent, leaves = play.world.get(TEAMS, play.request).active
    play.silent = {withholds: ("draw",), silent: ("train",)}
    play.run(until=lambda progress: progress.stage == "rounds" and progress.round == 2)
    play.world.did(leaves, tx.Leave(play.request))
    play.run(until=lambda progress: progress.stage == "recording")
    play.silent = dict.fromkeys(play.world.keys, ("record",))
    play.run()
    return play.world


def measured_election() -> World:
    """Groups, drawn judges, a closing measurement, proof of quality by angle; a record that fails first."""
    rules = mutual(
        4, 1, phases=(train("groups:2"), judge(turn="drawn:train:2"), COMBINE), opening=(DRAW,),
        closing=(MEASURE,), electing=ru.Electing("error"), paying=ru.Paying(weight="angle"),
    )  # fmt: skip
    play = started(rules)
    play.run(until=lambda progress: progress.stage == "recording")
    play.record(figure=play.figure + 500_000)
    play.run()
    return play.world


def purchase() -> World:
    """An analyst serves a consumer's request by a linked purchase, paid from its escrow."""
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
    Play(world, child).run()
    consumer.run()
    return world


def forming() -> World:
    """Standing teams, lists, grades, withdrawals; a request that is taken back and one that finds nobody."""
    world = consortium()
    world.did("bob", tx.RegisterTeam("crew", ("cleo", "dan")))
    world.did("cleo", tx.JoinTeam("crew"))
    standing = ask(world, mutual(2, 1, candidates="team", team="crew"))
    listed = ask(world, mutual(2, 1, candidates="listed", order="listed"))
    graded = ask(world, mutual(2, 1, leader="named", named="bob", ability="graded"))
    taken_back, lonely = ask(world, mutual(2, 1)), ask(world, mutual(2, 1))
    world.did("ada", tx.ChooseTeam(listed, ("eve", "dan")))
    for name, applicants in (
        (standing, ("bob", "cleo")),
        (listed, ("dan", "eve", "fay")),
        (graded, ("bob", "dan", "fay")),
        (taken_back, ("fay",)),
        (lonely, ("fay",)),
    ):
        for member in applicants:
            answer(world, name, member, preference=500_000)
    world.does("dan", tx.Apply(standing))
    world.did("bob", tx.Grade(graded, (("dan", 100_000), ("fay", 900_000))))
    world.did("fay", tx.WithdrawApplication(lonely))
    world.did("ada", tx.WithdrawRequest(taken_back))
    for name in (standing, listed, graded):
        Play(world, name).run()
    return world


def expelled() -> World:
    """A model that harms a round, a judge who strays."""
    rules = mutual(6, 3, evicting=ru.Evicting("outlier", expel=True), paying=ru.Paying("per_round"))
    names = ("ada", "bob", "cleo", "dan", "eve", "fay", "gus")
    world = consortium(names=names)
    request = ask(world, rules)
    for name in names[1:]:
        answer(world, request, name)
    play = Biased(world, request, says={"gus": {name: 10**6 * (name in ("bob", "cleo")) for name in names}})
    play.run(until=lambda progress: progress.round == 2)
    play.quality = {"bob": 100_000}
    play.run()
    return world


def refusals() -> World:
    """A running request and members that ask for what they may not."""
    world = World(limits=Limits(vote_wait=DAY, member_weight=max(WEIGHTS.values())))
    poor = tx.UnitUse(
        world.made("unit", "cleo", story.described(budget=tx.PrivacyBudget(1, 1, "record"))), NO_GRANT
    )
    granted = replace(poor, grant=world.made("grant", "cleo", story.given(poor.unit)))
    tried = replace(granted, events=(("train", Gaussian(100, 1)),))
    bench = story.formed(world, story.charged(bench=0)).request
    credit = story.posted(world, story.charged(minimum_credit=5))
    waiting = story.posted(world, story.charged(deposit=5_000))
    world.decide(tx.Suspend("dan"))
    opened = Play(world, bench).open_phase()
    assert opened is not None
    content = Play(world, bench).content(*opened, "ada")
    world.did("ada", tx.Post(bench, 1, "train", content))
    asked: list[tuple[str, tx.Body]] = [
        (member, sample(body)) for body in BODIES for member in ("ada", "dan")
    ]
    asked += [
        ("ada", tx.Post(bench, 1, "train", content)),
        ("ada", tx.Post(bench, 2, "train", content)),
        ("cleo", tx.Post(bench, 1, "train", content)),
        ("bob", tx.Post(bench, 1, "train", tx.Inline(b"x"))),
        ("cleo", tx.Apply(bench, units=(granted,))),
        ("cleo", tx.Apply(credit, units=(granted,))),
        ("cleo", tx.Apply(waiting, units=(poor,))),
        ("cleo", tx.Apply(waiting, units=(tried,))),
        ("cleo", tx.Apply(waiting, units=(granted,))),
        ("cleo", tx.Apply(waiting)),
        ("ada", tx.Apply(waiting, units=(granted,))),
        ("ada", tx.RegisterTeam("crew", ("ada",))),
        ("ada", tx.Propose(tx.Upgrade(7, 1))),
        ("ada", tx.Propose(tx.FillPool(10**9))),
        ("ada", tx.AskGrant(poor.unit, "other", 1, START)),
    ]
    for member, body in asked:
        world.does(member, body)
    fill = max(WEIGHTS.values()) // WEIGHTS[tx.Nudge]
    world.block(*(world.sealed("ada", tx.Nudge()) for _ in range(fill + 2)))
    return world


def main_chain() -> World:
    """A chain registered by vote, a request that runs there and comes home, another that never does."""
    found = neighbours.pair()
    found.tell_main("message", neighbours.ended(found))
    away = neighbours.sent_again(found)
    found.main.did("ada", neighbours.contradiction(found))
    found.main.wait(found.main.get(PROGRESS, away).deadline - found.main.time)
    return found.main


def sub_chain() -> World:
    """Members and a team as the main chain shows them, a grant taken back, a view that grows old."""
    found = neighbours.pair()
    play = neighbours.opened(found, story.charged(2, 2))
    grant = found.north.scan(ALLOCATIONS, play.request, "bob")[0].grant
    found.main.did("bob", tx.RevokeGrant(grant))
    found.tell_north("grant", grant)
    found.wait(2 * HOUR)
    found.north.does("ada", tx.Leave(play.request))
    found.tell_north()
    play.run()
    return found.north


STORIES: tuple[Callable[[], World], ...] = (
    members,
    validators,
    envelopes,
    votes,
    units,
    charged,
    sealed_test,
    deserted_relay,
    measured_election,
    purchase,
    forming,
    expelled,
    refusals,
    main_chain,
    sub_chain,
)
