"""The envelope: bytes, signatures, numbers and dates that are not in order change nothing at all."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tallystick.base.codec import encode
from tallystick.base.ids import digest
from tallystick.ledger import rejections as no
from tallystick.ledger import transactions as tx
from tallystick.ledger.state import ACCOUNTS
from tallystick.ledger.transition import apply, apply_block, check
from tests.ledger import story
from tests.ledger.world import CHAIN as NAME
from tests.ledger.world import DAY, HOUR, START, World, key_of, possession

PAY = tx.Transfer("bob", 1)


def untouched(world: World, data: bytes, refusal: type[no.Refusal]) -> None:
    """The transaction is refused, by itself, in a block and in the test before it, and nothing changes."""
    before = dict(world.reader.records)
    alone, receipt = apply(world.reader, data, world.at())
    assert (receipt.refusal, receipt.code, alone) == (refusal.name, refusal.code, {}), receipt
    assert check(world.reader, data, world.at()).refusal == refusal.name
    outcome = world.block(data)
    assert (outcome.writes, outcome.receipts) == ({}, [receipt])
    assert (receipt.member, receipt.kind, receipt.notices) == ("", "", ())
    assert world.reader.records == before


def resigned(data: bytes, member: str = "ada") -> bytes:
    """Envelope bytes of any kind with a signature that fits them."""
    return encode(tx.Signed(data, key_of(member).sign(tx.signing_bytes(data))))


def envelope(world: World, **more) -> tx.Envelope:
    plain = tx.Envelope(1, NAME, "ada", key_of("ada").public, 0, world.time + HOUR, PAY)
    return replace(plain, **more)


# --- the envelope -------------------------------------------------------------------------------------


def test_a_transaction_that_is_in_order():
    world = World()
    data = world.sealed("ada", PAY)
    assert check(world.reader, data, world.at()).code == 0
    receipt = world.block(data).receipts[0]
    assert (receipt.code, receipt.member, receipt.kind) == (0, "ada", "transfer")
    assert receipt.transaction == digest(b"transaction", data)


def test_a_replay():
    world = World()
    data = world.sealed("ada", PAY)
    world.block(data)
    untouched(world, data, no.NumberUsed)


def test_a_number_twice_in_one_block():
    world = World()
    first, second = (world.sealed("ada", tx.Transfer("bob", amount), number=3) for amount in (1, 2))
    codes = [receipt.refusal for receipt in world.block(first, second).receipts]
    assert codes == ["", "NumberUsed"]
    assert world.balance("bob") == 1_001


def test_numbers_in_any_order_within_the_window():
    world = World()
    last = tx.NUMBER_WINDOW - 1
    for number in (last, 1, 2, 5):
        world.did("ada", PAY, number=number)
    assert (world.get(ACCOUNTS, "ada").low, world.get(ACCOUNTS, "ada").ahead) == (0, (1, 2, 5, last))
    untouched(world, world.sealed("ada", PAY, number=2), no.NumberUsed)
    world.did("ada", PAY, number=0)
    assert (world.get(ACCOUNTS, "ada").low, world.get(ACCOUNTS, "ada").ahead) == (3, (5, last))
    untouched(world, world.sealed("ada", PAY, number=0), no.NumberUsed)
    world.did("ada", PAY, number=3 + last)


def test_a_number_beyond_the_window():
    world = World()
    untouched(world, world.sealed("ada", PAY, number=tx.NUMBER_WINDOW), no.NumberTooFar)
    world.did("ada", PAY, number=0)
    world.did("ada", PAY, number=tx.NUMBER_WINDOW)


def test_another_chain():
    world = World()
    untouched(world, world.sealed("ada", PAY, chain="another"), no.WrongChain)


def test_another_format():
    world = World()
    untouched(world, world.sealed("ada", PAY, version=2), no.UnknownVersion)


def test_the_last_moment_is_too_late():
    world = World()
    late = world.sealed("ada", PAY, valid_until=world.time)
    untouched(world, late, no.Expired)
    world.did("ada", PAY, number=0, valid_until=world.time + 1)


def test_a_stranger():
    world = World()
    untouched(world, world.sealed("eve", PAY), no.UnknownMember)


def test_anothers_key():
    world = World()
    untouched(world, world.sealed("ada", PAY, signer=key_of("bob")), no.NotYourKey)


def test_a_signature_by_another_key():
    world = World()
    data = encode(envelope(world))
    forged = encode(tx.Signed(data, key_of("bob").sign(tx.signing_bytes(data))))
    untouched(world, forged, no.BadSignature)


def test_a_signature_made_for_something_else():
    world = World()
    data = encode(envelope(world))
    untouched(world, encode(tx.Signed(data, key_of("ada").sign(data))), no.BadSignature)


@pytest.mark.parametrize("place", [0, 31, 32, 63])
def test_a_flipped_bit_in_the_signature(place):
    world = World()
    signed = tx.decode_signed(world.sealed("ada", PAY))
    bent = bytearray(signed.signature)
    bent[place] ^= 1
    untouched(world, encode(replace(signed, signature=bytes(bent))), no.BadSignature)


# --- devices, suspension ------------------------------------------------------------------------------


def test_a_device_may_report_and_nothing_else():
    world = World()
    phone = key_of("phone")
    world.did("ada", tx.AddDevice(phone.public, possession("ada", "phone"), START + DAY))
    world.did("ada", tx.Report(b"\x01" * 32), signer=phone)
    receipt = world.does("ada", PAY, signer=phone)
    assert (receipt.refusal, receipt.member) == ("DeviceMayNot", "ada")
    assert world.balance("bob") == 1_000
    untouched(world, world.sealed("ada", tx.Nudge(), number=2, signer=phone), no.NumberUsed)


def test_an_expired_device_is_no_key():
    world = World()
    phone = key_of("phone")
    world.did("ada", tx.AddDevice(phone.public, possession("ada", "phone"), START + HOUR))
    world.time = START + HOUR - 1
    world.did("ada", tx.Nudge(), signer=phone)
    untouched(world, world.sealed("ada", tx.Nudge(), signer=phone), no.NotYourKey)


# --- bytes that are not canonical ---------------------------------------------------------------------


def packed(value: object) -> bytes:
    return msgspec.msgpack.encode(value)


def raw_envelope(world: World, **more) -> list:
    """The envelope as a plain list, so that any of its parts can be bent."""
    fields = tx.Envelope.__struct_fields__
    values = dict(zip(fields, msgspec.to_builtins(envelope(world), builtin_types=(bytes,)), strict=True))
    assert not set(more) - set(values)
    return [more.get(name, values[name]) for name in fields]


def test_the_plain_list_is_the_envelope():
    world = World()
    assert packed(raw_envelope(world)) == encode(envelope(world))


def bent_body(body: bytes):
    """An envelope whose last field has these bytes."""

    def bend(world: World) -> bytes:
        whole, plain = packed(raw_envelope(world)), packed(["transfer", "bob", 1])
        assert whole.endswith(plain)
        return whole[: -len(plain)] + body

    return bend


BENT = {
    "trailing bytes in the envelope": lambda world: packed(raw_envelope(world)) + b"\x00",
    "a field too many": lambda world: packed([*raw_envelope(world), 1]),
    "a field too few": lambda world: packed(raw_envelope(world)[:-1]),
    "an unknown kind": lambda world: packed(raw_envelope(world, body=["bribe", "bob", 1])),
    "a body without its kind": lambda world: packed(raw_envelope(world, body=["bob", 1])),
    "a body field too many": lambda world: packed(raw_envelope(world, body=["transfer", "bob", 1, 1])),
    "an amount of zero": lambda world: packed(raw_envelope(world, body=["transfer", "bob", 0])),
    "an amount below zero": lambda world: packed(raw_envelope(world, body=["transfer", "bob", -1])),
    "an amount past the supply": lambda world: packed(raw_envelope(world, body=["transfer", "bob", 2**53])),
    "an amount of 64 bits": lambda world: packed(raw_envelope(world, body=["transfer", "bob", 2**64 - 1])),
    "an amount as a float": lambda world: packed(raw_envelope(world, body=["transfer", "bob", 1.0])),
    "an amount as text": lambda world: packed(raw_envelope(world, body=["transfer", "bob", "1"])),
    "an amount as truth": lambda world: packed(raw_envelope(world, body=["transfer", "bob", True])),
    "a number past its range": lambda world: packed(raw_envelope(world, number=2**53)),
    "a number below zero": lambda world: packed(raw_envelope(world, number=-1)),
    "a name in capitals": lambda world: packed(raw_envelope(world, body=["transfer", "Bob", 1])),
    "a name with a line's end": lambda world: packed(raw_envelope(world, body=["transfer", "bob\n", 1])),
    "a name with a slash": lambda world: packed(raw_envelope(world, body=["transfer", "bob/", 1])),
    "an empty name": lambda world: packed(raw_envelope(world, member="")),
    "a key of 31 bytes": lambda world: packed(raw_envelope(world, signer=b"\x01" * 31)),
    "a key as text": lambda world: packed(raw_envelope(world, signer="1" * 32)),
    "nothing for a body": lambda world: packed(raw_envelope(world, body=None)),
    "a body by field names": lambda world: packed(
        raw_envelope(world, body={"kind": "transfer", "to": "bob", "amount": 1})
    ),
    "the envelope by field names": lambda world: packed(
        dict(zip(tx.Envelope.__struct_fields__, raw_envelope(world), strict=True))
    ),
    "a key twice": bent_body(b"\x83\xa4kind\xa8transfer\xa2to\xa3bob\xa2to\xa3ada"),
    "an integer in two bytes too many": bent_body(b"\x93\xa8transfer\xa3bob\xcd\x00\x01"),
    "an integer in eight bytes": bent_body(b"\x93\xa8transfer\xa3bob\xcf" + b"\0" * 7 + b"\1"),
    "an integer with a sign": bent_body(b"\x93\xa8transfer\xa3bob\xd0\x01"),
    "a text with a long head": bent_body(b"\x93\xa8transfer\xd9\x03bob\x01"),
    "a list with a long head": bent_body(b"\xdc\x00\x03\xa8transfer\xa3bob\x01"),
    "a name that is not UTF-8": bent_body(b"\x93\xa8transfer\xa3b\xffb\x01"),
    "an extension": bent_body(b"\x93\xa8transfer\xa3bob\xd4\x01\x01"),
    "nothing at all": lambda world: b"",
}  # fmt: skip


@pytest.mark.parametrize("bent", BENT.values(), ids=BENT)
def test_an_envelope_that_is_not_canonical(bent):
    world = World()
    untouched(world, resigned(bent(world)), no.MalformedTransaction)


@pytest.mark.parametrize(
    "bend",
    [
        lambda data: data + b"\x00",
        lambda data: data[:-1],
        lambda data: b"",
        lambda data: b"\x93" + data[1:] + b"\x00",
        lambda data: packed(dict(zip(("envelope", "signature"), msgspec.msgpack.decode(data), strict=True))),
        lambda data: packed([msgspec.msgpack.decode(data)[0].decode("latin-1"), b"\x00" * 64]),
    ],
)
def test_bytes_around_the_envelope_that_are_not_canonical(bend):
    world = World()
    untouched(world, bend(world.sealed("ada", PAY)), no.MalformedTransaction)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_noise_changes_nothing(data):
    outcome = apply_block(QUIET.reader, [data], QUIET.at())
    assert (outcome.writes, outcome.receipts[0].code) == ({}, no.MalformedTransaction.code)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_bent_transaction_never_raises(data):
    """Whatever byte is changed: the old signature refuses it, or a fresh one lets the ledger judge it."""
    genuine = encode(
        envelope(
            QUIET, body=data.draw(st.sampled_from([PAY, story.described(), story.given("unit-" + "0" * 32)]))
        )
    )
    bent = bytearray(genuine)
    for _ in range(data.draw(st.integers(1, 4))):
        bent[data.draw(st.integers(0, len(bent) - 1))] = data.draw(st.integers(0, 255))
    fresh = apply_block(QUIET.reader, [resigned(bytes(bent))], QUIET.at())
    assert fresh.receipts[0].code != no.Internal.code
    if bytes(bent) != genuine:
        old = encode(tx.Signed(bytes(bent), tx.decode_signed(resigned(genuine)).signature))
        assert apply_block(QUIET.reader, [old], QUIET.at()).writes == {}


QUIET = World()
