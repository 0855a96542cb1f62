"""A member keeps its id whatever key it holds; no key is used twice."""

import pytest

from tallystick.base.keys import prove_possession
from tallystick.ledger import notices as say
from tallystick.ledger import rejections as no
from tallystick.ledger import transactions as tx
from tallystick.ledger.handlers.members import MAX_DEVICES, possession_context
from tallystick.ledger.records import Device
from tallystick.ledger.state import MEMBERS
from tests.ledger.world import (
    CHAIN,
    DAY,
    HOUR,
    START,
    World,
    encryption_key_of,
    ensure_refused,
    key_of,
    possession,
    refused,
)

MIXED_ORDER = bytes.fromhex("03" * 31 + "83")


def rotation(key: str, member: str = "ada") -> tx.RotateKey:
    return tx.RotateKey(key_of(key).public, possession(member, key), encryption_key_of(key))


def device(key: str, until: int = START + DAY, member: str = "ada") -> tx.AddDevice:
    return tx.AddDevice(key_of(key).public, possession(member, key), until)


def test_a_rotated_key_signs_and_the_old_one_does_not():
    world = World()
    receipt = world.did("ada", rotation("new"))
    assert receipt.notices == (say.KeyReplaced("ada", key_of("new").public, recovered=False),)
    assert world.get(MEMBERS, "ada").encryption_key == encryption_key_of("new")
    assert world.does("ada", tx.Nudge()).refusal == "NotYourKey"
    world.keys["ada"], world.numbers["ada"] = key_of("new"), 1
    world.did("ada", tx.Transfer("bob", 1))


def test_devices_survive_a_rotation():
    world = World()
    world.did("ada", device("phone"))
    world.did("ada", rotation("new"))
    assert world.get(MEMBERS, "ada").devices == (Device(key_of("phone").public, START + DAY),)


def test_a_device_reports_until_its_time_or_its_removal():
    world = World()
    receipt = world.did("ada", device("phone"))
    assert receipt.notices == (say.DeviceAdded("ada", key_of("phone").public),)
    world.did("ada", device("tablet", START + HOUR))
    for key in ("phone", "tablet"):
        assert world.does("ada", tx.Report(b"\x01" * 32), signer=key_of(key)).code == 0
    world.wait(HOUR)
    assert world.does("ada", tx.Nudge(), signer=key_of("tablet")).refusal == "NotYourKey"
    assert world.does("ada", tx.Nudge(), signer=key_of("phone"), number=4).code == 0
    receipt = world.does("ada", tx.RemoveDevice(key_of("phone").public), number=5)
    assert receipt.notices == (say.DeviceRemoved("ada", key_of("phone").public),)
    assert world.does("ada", tx.Nudge(), signer=key_of("phone"), number=6).refusal == "NotYourKey"


def test_a_report_is_kept():
    world = World()
    receipt = world.did("ada", tx.Report(b"\x07" * 32))
    assert receipt.notices == (say.SoftwareReported("ada", b"\x07" * 32),)
    assert world.get(MEMBERS, "ada").software == b"\x07" * 32


def test_devices_past_their_time_make_room():
    world = World()
    for place in range(MAX_DEVICES):
        world.did("ada", device(f"device {place}", START + HOUR))
    world.time = START + HOUR - 1
    ensure_refused(world, "ada", device("one more"), no.OutOfRange)
    world.did("ada", device("one more"))
    assert len(world.get(MEMBERS, "ada").devices) == 1


@refused(tx.RotateKey, no.KeyRefused)
def test_a_key_without_the_proof_that_it_is_held():
    body = tx.RotateKey(key_of("new").public, possession("bob", "new"), encryption_key_of("new"))
    return World(), "ada", body


@refused(tx.RotateKey, no.KeyRefused)
def test_a_proof_made_for_another_chain():
    proof = prove_possession(key_of("new"), possession_context("another", "ada"))
    return World(), "ada", tx.RotateKey(key_of("new").public, proof, encryption_key_of("new"))


@refused(tx.RotateKey, no.KeyRefused)
def test_a_key_that_is_in_use():
    return World(), "ada", rotation("bob")


@refused(tx.RotateKey, no.KeyRefused)
def test_a_key_that_was_in_use():
    world = World()
    world.did("ada", rotation("new"))
    world.keys["ada"] = key_of("new")
    return world, "ada", rotation("ada")


@refused(tx.RotateKey, no.KeyRefused)
def test_an_encryption_key_that_hides_nothing():
    return World(), "ada", tx.RotateKey(key_of("new").public, possession("ada", "new"), b"\x00" * 32)


@pytest.mark.parametrize("key", [b"\x00" * 32, b"\x01" + b"\x00" * 31, b"\xff" * 32, MIXED_ORDER])
def test_a_key_that_is_no_point_of_prime_order(key):
    body = tx.RotateKey(key, possession("ada", "new"), encryption_key_of("new"))
    assert "prime order" in ensure_refused(World(), "ada", body, no.KeyRefused).detail


@pytest.mark.parametrize(
    "key",
    [
        "00" * 32,
        "01" + "00" * 31,
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
        "ee" + "ff" * 31,
    ],
)
def test_encryption_keys_of_small_order(key):
    body = tx.RotateKey(key_of("new").public, possession("ada", "new"), bytes.fromhex(key))
    ensure_refused(World(), "ada", body, no.KeyRefused)


@refused(tx.AddDevice, no.KeyRefused)
def test_a_device_with_anothers_key():
    return World(), "ada", device("bob")


@refused(tx.AddDevice, no.KeyRefused)
def test_a_device_that_was_removed_does_not_come_back():
    world = World()
    world.did("ada", device("phone"))
    world.did("ada", tx.RemoveDevice(key_of("phone").public))
    return world, "ada", device("phone")


@refused(tx.AddDevice, no.AlreadyExists)
def test_a_device_twice():
    world = World()
    world.did("ada", device("phone"))
    return world, "ada", device("phone", START + 2 * DAY)


@refused(tx.AddDevice, no.OutOfRange)
def test_a_device_until_now():
    world = World()
    return world, "ada", device("phone", world.time)


@refused(tx.RemoveDevice, no.UnknownRecord)
def test_removing_a_device_that_is_not_there():
    return World(), "ada", tx.RemoveDevice(key_of("phone").public)


@refused(tx.RemoveDevice, no.UnknownRecord)
def test_removing_the_device_of_another():
    world = World()
    world.did("bob", device("phone", member="bob"))
    return world, "ada", tx.RemoveDevice(key_of("phone").public)


def test_a_key_is_bound_to_one_chain_and_member():
    contexts = {possession_context(chain, member) for chain in (CHAIN, "b") for member in ("ada", "bob")}
    assert len(contexts) == 4
