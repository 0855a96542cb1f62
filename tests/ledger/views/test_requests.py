"""Requests, records and turns as they are shown: from forming to settled, most urgent first."""

from tallystick.ledger import rules as ru
from tallystick.ledger import transactions as tx
from tallystick.ledger import views
from tallystick.ledger.handlers.requests import test_commitment as commitment_to_test
from tests.ledger import story
from tests.ledger.play import Play, consortium, judge, mutual, relay, started
from tests.ledger.story import PURPOSE, formed, offered, posted, settled
from tests.ledger.world import DAY, HOUR, World


def does(world: World, member: str) -> list[tuple[str, str]]:
    """What waits for a member: what to do, and in which phase."""
    return [(turn.do, turn.phase) for turn in views.turns(world.reader, member, world.time)]


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
