"""Who votes on blocks follows the members' roles and keys, in steps of less than a third."""

import pytest

from tallystick.ledger import rejections as no
from tallystick.ledger import transactions as tx
from tallystick.ledger.chains import validators
from tallystick.ledger.genesis import GenesisError, ensure_sound, read_genesis, write_genesis
from tallystick.ledger.transition import find_validators
from tests.ledger.world import Founder, World, founder, key_of, possession, refused

FIVE = ("ada", "bob", "cleo", "dan", "eve")


def node(name):
    return key_of(f"{name}'s node").public


def validating(name, roles=("operator",)):
    one = founder(name, roles=roles)
    return Founder(one.member, one.key, one.encryption_key, one.roles, one.balance, node(name))


def world(*names):
    return World(*[validating(name) for name in names], validates="operator")


def names(found):
    return [name for name in FIVE if node(name) in find_validators(found.reader)]


def decide(found, change, voters):
    """A change that these members vote for takes effect."""
    proposal = found.does(voters[0], tx.Propose(change)).notices[0].proposal
    for voter in voters:
        found.does(voter, tx.Vote(proposal, True))
    found.block()


def test_the_founders_with_the_role_and_a_key_validate():
    begun = World(validating("ada"), validating("bob", ("owner",)), founder("cleo"), validates="operator")
    assert names(begun) == ["ada"]


def test_a_genesis_that_names_validators_is_read_as_it_was_written():
    genesis = world("ada", "bob").genesis
    assert read_genesis(write_genesis(genesis)) == genesis


@pytest.mark.parametrize(
    "members, more, wrong",
    [
        ([validating("ada")], {}, "names no role"),
        ([founder("ada")], {"validates": "operator"}, "no founder"),
        ([validating("ada")], {"validates": "operator", "validators": (node("x"),)}, "not by both"),
    ],
)
def test_a_genesis_that_contradicts_itself_is_refused(members, more, wrong):
    with pytest.raises(GenesisError, match=wrong):
        ensure_sound(World(*members, **more).genesis)


def test_a_suspended_operator_validates_no_more_and_a_reinstated_one_again():
    found = world(*FIVE)
    decide(found, tx.Suspend("eve"), FIVE[:4])
    assert names(found) == list(FIVE[:4])
    decide(found, tx.Reinstate("eve"), FIVE[:4])
    assert names(found) == list(FIVE)


def test_an_operator_names_its_key_and_the_set_grows():
    found = World(*[validating(name) for name in FIVE[:4]], founder("eve"), validates="operator")
    assert "eve" not in names(found)
    found.block(), found.block()
    receipt = found.does("eve", tx.SetValidator(node("eve"), possession("eve", "eve's node")))
    assert receipt.code == 0
    assert names(found) == list(FIVE)


@refused(tx.SetValidator, no.WrongRole)
def test_who_may_not_validate_names_no_key():
    found = World(validating("ada"), founder("eve", roles=("owner",)), validates="operator")
    return found, "eve", tx.SetValidator(node("eve"), possession("eve", "eve's node"))


@refused(tx.SetValidator, no.KeyRefused)
def test_a_validator_with_anothers_key():
    return world("ada", "bob"), "ada", tx.SetValidator(node("bob"), possession("ada", "bob's node"))


def test_one_step_moves_less_than_a_third_and_the_next_waits_three_blocks():
    """A replaced key is two moves; of four validators one at a time may move."""
    found = world(*FIVE[:4])
    found.block(), found.block(), found.block()
    before = set(find_validators(found.reader))
    fresh = key_of("dan's new node").public
    found.does("dan", tx.SetValidator(fresh, possession("dan", "dan's new node")))
    sizes = [len(find_validators(found.reader))]
    for _ in range(4):
        found.block()
        sizes.append(len(find_validators(found.reader)))
    assert sizes == [5, 5, 5, 4, 4]
    assert set(find_validators(found.reader)) == before - {node("dan")} | {fresh}


def test_the_last_validator_stays():
    found = World(validating("ada"), founder("bob"), founder("cleo"), validates="operator")
    decide(found, tx.Suspend("ada"), ("bob", "cleo"))
    assert names(found) == ["ada"]


def test_how_many_may_move_together():
    assert [validators.most_at_once(n) for n in (1, 3, 4, 6, 7, 10)] == [1, 1, 1, 1, 2, 3]
