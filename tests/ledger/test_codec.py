"""Every record, transaction and receipt: read back as written, and no field can change without the bytes."""

import re
from typing import get_args

import msgspec
import pytest
from msgspec import inspect

from tallystick.base.codec import Decoder, Malformed, Record, encode
from tallystick.engines.storage.tree import StateTree
from tallystick.ledger import notices
from tallystick.ledger.state import RECORD_VERSION, TABLES
from tallystick.ledger.transactions import Envelope, Signed, Transaction, posts
from tallystick.ledger.transition import Receipt
from tests.ledger.samples import flips, records_in, sample

STORED = [table.type for table in TABLES.values()]
KINDS = records_in(*STORED, Envelope, Signed, Receipt)
BODIES = [inspect.type_info(kind) for kind in get_args(Transaction)]


def test_all_kinds_are_found():
    assert len(KINDS) > 100
    assert {table.type.__name__ for table in TABLES.values()} <= {kind.__name__ for kind in KINDS}
    named = {kind.__name__ for kind in KINDS}
    assert {"Rules", "PhaseRule", "Gaussian", "Score", "Admit", "Transfer", "PhaseOpened"} <= named


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_field_is_in_the_bytes(kind):
    decode = Decoder(kind)
    for field, one, other in flips(kind):
        told = f"{kind.__name__}.{field}"
        assert encode(one) != encode(other), told
        assert decode(encode(one)) == one, told
        assert decode(encode(other)) == other, told


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_field_more_or_less_is_refused(kind):
    decode, parts = Decoder(kind), msgspec.msgpack.decode(encode(sample(kind)))
    with pytest.raises(Malformed):
        decode(msgspec.msgpack.encode([*parts, 0]))
    if len(parts) > 1:
        with pytest.raises(Malformed):
            decode(msgspec.msgpack.encode(parts[:-1]))


@pytest.mark.parametrize("name", TABLES)
def test_a_stored_record_says_its_version(name):
    table = TABLES[name]
    record = sample(table.type)
    data = table.encode(record)
    assert data[0] == RECORD_VERSION
    assert table.decode(data) == record


@pytest.mark.parametrize("name", TABLES)
def test_keys_of_tables_do_not_mix(name):
    prefix = f"{name}/"
    assert not [other for other in TABLES if other != name and f"{other}/".startswith(prefix)]


def test_keys_sort_as_their_numbers_do():
    table = TABLES["due"]
    keys = [table.key(number, "phase", "x") for number in (0, 9, 10, 255, 256, 10**12, 2**53 - 1)]
    assert keys == sorted(keys)


def test_every_kind_of_a_union_has_its_own_tag():
    for union in (Transaction, notices.Notice, posts.Content):
        known = inspect.type_info(union)
        if isinstance(known, inspect.UnionType):
            tags = [kind.tag for kind in known.types if isinstance(kind, inspect.StructType)]
            assert len(set(tags)) == len(tags) > 1


def test_the_tag_is_the_name_in_small_letters():
    for body in BODIES:
        assert isinstance(body, inspect.StructType)
        assert body.tag == body.cls.__name__.lower()


def test_no_record_holds_what_members_could_compute_differently():
    """No float, no dictionary, no set, no unbounded any."""
    allowed = (
        inspect.BoolType, inspect.NoneType, inspect.IntType, inspect.StrType, inspect.BytesType,
        inspect.LiteralType, inspect.VarTupleType, inspect.TupleType, inspect.UnionType, inspect.StructType,
    )  # fmt: skip
    for kind in KINDS:
        for part in _parts(inspect.type_info(kind)):
            assert isinstance(part, allowed), f"{kind.__name__} holds {part}"


def _parts(known: inspect.Type) -> list[inspect.Type]:
    match known:
        case inspect.StructType():
            inner = [field.type for field in known.fields]
        case inspect.UnionType():
            inner = list(known.types)
        case inspect.VarTupleType():
            inner = [known.item_type]
        case inspect.TupleType():
            inner = list(known.item_types)
        case _:
            inner = []
    return inner + [part for one in inner if not isinstance(one, inspect.StructType) for part in _parts(one)]


def test_every_integer_of_a_transaction_has_bounds():
    """What a member sends cannot be larger than what the ledger computes with."""
    for kind in records_in(Envelope, Signed):
        for part in _parts(inspect.type_info(kind)):
            if isinstance(part, inspect.IntType):
                assert part.ge is not None and part.le is not None, f"{kind.__name__} has an open integer"


def test_every_text_and_list_of_a_transaction_has_an_end():
    """What a member sends is bounded part by part: it is stored, and told again in receipts."""
    for kind in records_in(Envelope, Signed):
        known = inspect.type_info(kind)
        assert isinstance(known, inspect.StructType)
        for field in known.fields:
            for part in (field.type, *_parts(field.type)):
                if isinstance(part, inspect.StrType | inspect.BytesType | inspect.VarTupleType):
                    assert _ends(part), f"{kind.__name__}.{field.name} may be of any length"


def _ends(part: inspect.StrType | inspect.BytesType | inspect.VarTupleType) -> bool:
    pattern = getattr(part, "pattern", None)
    whole = pattern is not None and pattern.startswith(r"\A") and pattern.endswith(r"\Z")
    return part.max_length is not None or (whole and not re.search(r"(?<!\\)[*+]|,\}", pattern))


def test_records_are_frozen():
    for kind in KINDS:
        assert issubclass(kind, Record) and kind.__struct_config__.frozen


def test_no_field_of_any_stored_record_changes_without_the_root():
    """One state, every field of every kind of record in turn: every root is another, and back is back."""
    state = {table.key("x").encode(): table.encode(sample(table.type)) for table in TABLES.values()}
    tree = StateTree.build(state.items())
    original, roots = tree.root, set()
    fields = 0
    for table in TABLES.values():
        key = table.key("x").encode()
        for field, one, other in flips(table.type):
            before, after = tree.update({key: table.encode(one)}), tree.update({key: table.encode(other)})
            assert before != after, f"{table.name}.{field}"
            roots.add(after)
            fields += 1
        assert tree.update({key: state[key]}) == original
        assert tree.update({key: None}) != original
        assert tree.update({key: state[key]}) == original
    assert len(roots) == fields > 150
