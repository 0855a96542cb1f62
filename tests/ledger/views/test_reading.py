"""How a state is asked: who may read, what would be refused, answers in JSON; nothing is written."""

import json

from tallystick.base.ids import ROLES
from tallystick.ledger import rejections as no
from tallystick.ledger import transactions as tx
from tallystick.ledger import views
from tallystick.ledger.genesis import Readable
from tallystick.ledger.state import TABLES
from tests.ledger.story import settled
from tests.ledger.world import World, founder, key_of


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


def test_what_would_be_refused_is_known_beforehand():
    world = World()
    before = dict(world.reader.records)
    assert views.why_refused(world.reader, "ada", tx.Transfer("bob", 1_000), world.at()) is None
    refusal = views.why_refused(world.reader, "ada", tx.Transfer("bob", 1_001), world.at())
    assert isinstance(refusal, no.NotEnoughTokens)
    assert world.reader.records == before


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
