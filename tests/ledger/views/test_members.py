"""Members as they are shown: tokens, silence, devices, proposals with their votes; a chain never begun."""

import pytest

from tallystick.ledger import transactions as tx
from tallystick.ledger import views
from tests.ledger.story import formed, posted
from tests.ledger.world import DAY, HOUR, START, World, key_of, possession


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


def test_a_state_that_was_never_begun_says_so():
    class Nothing:
        def get(self, key):
            return None

        def scan(self, prefix, limit):
            return []

    with pytest.raises(LookupError, match="never begun"):
        views.chain(Nothing())
