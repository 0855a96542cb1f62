"""Tokens are sent, never made, by a transfer."""

from tallystick.ledger import notices as say
from tallystick.ledger import rejections as no
from tallystick.ledger import transactions as tx
from tests.ledger.world import World, founder, refused


def test_a_transfer_moves_what_it_says():
    world = World()
    receipt = world.did("ada", tx.Transfer("bob", 400))
    assert receipt.notices == (say.TokensMoved("ada", "bob", 400),)
    assert (world.balance("ada"), world.balance("bob")) == (600, 1_400)
    world.did("ada", tx.Transfer("bob", 600))
    assert world.balance("ada") == 0


def test_a_suspended_member_can_be_paid():
    world = World()
    world.decide(tx.Suspend("dan"))
    world.did("ada", tx.Transfer("dan", 1))
    assert world.balance("dan") == 1_001


@refused(tx.Transfer, no.NotEnoughTokens)
def test_nobody_sends_more_than_it_has():
    return World(founder("ada", 10), founder("bob", 10)), "ada", tx.Transfer("bob", 11)


@refused(tx.Transfer, no.SelfDealing)
def test_nobody_pays_itself():
    return World(), "ada", tx.Transfer("ada", 1)


@refused(tx.Transfer, no.UnknownMember)
def test_a_transfer_to_a_stranger():
    return World(), "ada", tx.Transfer("eve", 1)
