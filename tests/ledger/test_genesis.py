"""A ledger begins as its genesis says, or with one clear sentence about what is wrong."""

import pytest
from msgspec.structs import replace

from tallystick.base.codec import encode
from tallystick.base.ids import MAX_SUPPLY
from tallystick.ledger.genesis import (
    Founder,
    Genesis,
    GenesisError,
    Limits,
    Readable,
    first_writes,
    read_genesis,
    write_genesis,
)
from tallystick.ledger.handlers import WEIGHTS
from tallystick.ledger.invariants import broken
from tallystick.ledger.state import ACCOUNTS, CHAIN, KEYS, MEMBERS, OTHER_CHAINS
from tallystick.ledger.transactions import ChainTerms
from tests.ledger.world import NAMES, START, Memory, World, encryption_key_of, founder, key_of

WHOLE = Genesis(
    "valley",
    START,
    1_000_000,
    (founder("ada", 10, ("requester", "auditor")), founder("bob", 20, ()), founder("cleo", 0)),
    pool=70,
    limits=Limits(vote_wait=1_000, vote_delay=10, dormant_after=5_000, due_limit=7),
    readers=(Readable("account", ("auditor",)), Readable("post", ())),
    validators=(key_of("engine").public,),
    main=ChainTerms("capital", ((key_of("minister").public, 1), (key_of("clerk").public, 2)), fresh=5_000),
)


def decoded(genesis: Genesis, table, *parts):
    return table.decode(first_writes(genesis)[table.key(*parts).encode()])


def test_the_first_state_is_what_the_genesis_says():
    chain = decoded(WHOLE, CHAIN)
    assert (chain.chain, chain.cap, chain.issued, chain.pool, chain.members) == (
        "valley",
        1_000_000,
        100,
        70,
        3,
    )
    assert (chain.vote_wait, chain.vote_delay, chain.dormant_after, chain.due_limit) == (1_000, 10, 5_000, 7)
    assert chain.readers == (("account", ("auditor",)), ("post", ()))
    assert chain.validators == (key_of("engine").public,)
    main = decoded(WHOLE, OTHER_CHAINS, "capital")
    assert chain.main == "capital" and main.main and main.terms == WHOLE.main and main.time == START
    assert main.validators[0] == (key_of("clerk").public, 2)
    ada = decoded(WHOLE, MEMBERS, "ada")
    assert (ada.key, ada.roles, ada.active) == (key_of("ada").public, ("auditor", "requester"), True)
    account = decoded(WHOLE, ACCOUNTS, "ada")
    assert (account.balance, account.credit, account.low, account.seen) == (10, 0, 0, START)
    assert decoded(WHOLE, KEYS, key_of("bob").public.hex()).member == "bob"
    assert len(first_writes(WHOLE)) == 1 + 1 + 3 * 3


def test_the_first_state_is_sound():
    assert broken(Memory(first_writes(WHOLE))) == []


def test_the_first_writes_are_in_the_order_of_their_keys():
    assert list(first_writes(WHOLE)) == sorted(first_writes(WHOLE))


def test_the_order_of_founders_roles_and_readers_changes_no_record():
    turned = replace(
        WHOLE,
        members=tuple(replace(one, roles=one.roles[::-1]) for one in reversed(WHOLE.members)),
        readers=WHOLE.readers[::-1],
    )
    assert first_writes(turned) == first_writes(WHOLE)


def test_it_is_written_and_read_again():
    assert read_genesis(write_genesis(WHOLE)) == WHOLE
    assert encode(read_genesis(write_genesis(WHOLE))) == encode(WHOLE)


def test_a_short_text_is_enough():
    text = f"""
        chain = "valley"
        time = {START}
        cap = 1000
        [[members]]
        member = "ada"
        key = "{key_of("ada").public.hex().upper()}"
        encryption_key = "{encryption_key_of("ada").hex()}"
    """
    ada = Founder("ada", key_of("ada").public, encryption_key_of("ada"))
    assert read_genesis(text) == Genesis("valley", START, 1000, (ada,))


def test_every_part_of_a_genesis_changes_its_bytes():
    others = {
        "chain": "hill",
        "time": START + 1,
        "cap": 999_999,
        "members": WHOLE.members[:2],
        "pool": 71,
        "limits": Limits(),
        "readers": (),
        "validators": (),
        "validates": "operator",
        "main": None,
    }
    assert set(others) == set(Genesis.__struct_fields__)
    digests = {encode(replace(WHOLE, **{name: value})) for name, value in others.items()}
    assert len(digests | {encode(WHOLE)}) == len(others) + 1


def test_the_cap_and_the_limits_may_be_met_exactly():
    heaviest = max(WEIGHTS.values())
    exact = replace(WHOLE, cap=100, limits=Limits(block_weight=heaviest, member_weight=heaviest))
    assert read_genesis(write_genesis(exact)) == exact
    with pytest.raises(GenesisError, match="heaviest transaction"):
        first_writes(replace(WHOLE, limits=Limits(member_weight=heaviest - 1)))


def test_founders_act_without_a_vote():
    world = World()
    assert sorted(world.keys) == sorted(NAMES)
    assert all(world.balance(name) == 1_000 for name in NAMES)


BAD_KEY = b"\x01" + b"\x00" * 31
WRONG = {
    "a member twice": (
        {"members": (founder("ada"), replace(founder("bob"), member="ada"))},
        "member ada is named twice",
    ),
    "a key twice": ({"members": (founder("ada"), replace(founder("ada"), member="bob"))}, "is named twice"),
    "a key of small order": ({"members": (replace(founder("ada"), key=BAD_KEY),)}, "no Ed25519 key"),
    "an encryption key of small order": (
        {"members": (replace(founder("ada"), encryption_key=b"\x00" * 32),)},
        "encrypting to it hides nothing",
    ),
    "a key too short": ({"members": (replace(founder("ada"), key=b"\x01"),)}, "members, number 1, key"),
    "a role twice": ({"members": (founder("ada", roles=("owner", "owner")),)}, "role owner is named twice"),
    "a role that is none": ({"members": (replace(founder("ada"), roles=("boss",)),)}, "'boss' will not do"),
    "nobody": ({"members": ()}, "members"),
    "a name in capitals": ({"chain": "Valley"}, "chain: 'Valley' will not do: a name has"),
    "a name with a slash": ({"members": (replace(founder("ada"), member="a/b"),)}, "number 1, member: 'a/b'"),
    "more than the cap": ({"cap": 99}, "balances and pool are 100 tokens, the cap is 99"),
    "a cap past the supply": ({"cap": MAX_SUPPLY + 1}, "cap"),
    "less than nothing": ({"pool": -1}, "pool: -1"),
    "a debt": ({"members": (founder("ada", -5),)}, "number 1, balance: -5"),
    "a time past all time": ({"time": 2**53}, "time"),
    "a validator twice": ({"validators": (key_of("engine").public,) * 2}, "is named twice"),
    "a validator of small order": ({"validators": (BAD_KEY,)}, "validator key 01"),
    "readers of nothing": ({"readers": (Readable("secrets", ()),)}, "no records of kind 'secrets'"),
    "a reading role twice": (
        {"readers": (Readable("unit", ("owner", "owner")),)},
        "the readers of 'unit': the role owner is named twice",
    ),
    "readers twice": ({"readers": (Readable("unit", ()),) * 2}, "readable kind unit is named twice"),
    "itself as its main chain": (
        {"main": ChainTerms("valley", ((key_of("engine").public, 1),))},
        "chain 'valley' cannot be its own main chain",
    ),
    "a validator of the main chain twice": (
        {"main": ChainTerms("hill", ((key_of("engine").public, 1),) * 2)},
        "of the main chain is named twice",
    ),
    "a main chain that is never fresh": (
        {"main": ChainTerms("hill", ((key_of("engine").public, 1),), fresh=0)},
        "main, fresh: 0",
    ),
    "a block that takes nothing": ({"limits": Limits(member_weight=1)}, "below"),
    "no time to vote": ({"limits": Limits(vote_wait=0)}, "limits, vote_wait: 0"),
    "a number that is none": ({"cap": "many"}, "cap: 'many'"),
    "a fraction": ({"cap": 1.5}, "cap: 1.5"),
}  # fmt: skip


@pytest.mark.parametrize("changes, told", WRONG.values(), ids=WRONG)
def test_a_beginning_that_cannot_be(changes, told):
    with pytest.raises(GenesisError) as error:
        first_writes(replace(WHOLE, **changes))
    assert told in str(error.value)
    assert "\n" not in str(error.value)


TEXT = write_genesis(WHOLE)
UNREADABLE = {
    "no TOML": ("chain = ", "not TOML"),
    "nothing": ("", "the genesis lacks chain, time, cap"),
    "an unknown word": (f"colour = 1\n{TEXT}", "the genesis does not know colour; it has chain, time"),
    "an unknown limit": (TEXT.replace("vote_wait", "vote_weight"), "limits does not know vote_weight"),
    "an unknown word of a member": (f'{TEXT}nickname = "x"\n', "members, number 3 does not know nickname"),
    "a member without a key": (TEXT.replace("\nkey =", "\n#", 1), "members, number 1 lacks key"),
    "a key that is no hexadecimal": (
        TEXT.replace(key_of("ada").public.hex(), "x" * 64),
        "members, number 1, key",
    ),
    "a key of the wrong length": (TEXT.replace(key_of("ada").public.hex(), "ab"), "64 hexadecimal digits"),
    "a validator that is no key": (TEXT.replace(key_of("engine").public.hex(), "ab"), "validators: 'ab'"),
    "members that are no list": ('chain="a"\ntime=1\ncap=1\nmembers=3', "members must be a list"),
    "members that are no tables": ('chain="a"\ntime=1\ncap=1\nmembers=[3]', "number 1 must be a table"),
    "limits that are no table": ('chain="a"\ntime=1\ncap=1\nmembers=[]\nlimits=3', "limits must be a table"),
    "a main chain that is no table": (
        f"main = 3\n{TEXT.replace('[main]', '[other]')}",
        "main must be a table",
    ),
    "a power that is no number": (TEXT.replace(" 1\"", " x\""), "main, validators"),
    "readers that are no list": (TEXT.replace("post = []", "post = 3"), "readers, number 2, roles: 3"),
    "roles that are no list": (
        TEXT.replace('roles = ["requester", "auditor"]', 'roles = "owner"'),
        "roles: 'owner'",
    ),
    "a balance as text": (TEXT.replace("balance = 10", 'balance = "10"'), "number 1, balance: '10'"),
    "a number past 64 bits": (TEXT.replace("cap = 1000000", f"cap = {2**70}"), "too large"),
    "a date": (TEXT.replace(f"time = {START}", "time = 2024-01-01"), "time"),
}  # fmt: skip


@pytest.mark.parametrize("text, told", UNREADABLE.values(), ids=UNREADABLE)
def test_a_text_that_is_no_genesis(text, told):
    with pytest.raises(GenesisError) as error:
        read_genesis(text)
    assert told in str(error.value)
