"""What lies beside a ledger: plans by their digest, a secret that is made once, each member's own work."""

from __future__ import annotations

from pathlib import Path

from tallystick.ledger.transactions import posts
from tallystick.node.shelf import Shelf
from tallystick.node.work import Duty, Ready
from tests.node.site import protocol, scheme

DUTY = Duty("request-1", 1, "train")


def test_a_plan_is_found_by_its_digest_alone(tmp_path: Path):
    plan = scheme(protocol()).bench.plan
    shelf = Shelf(tmp_path)
    name = shelf.keep_plan(plan)
    assert shelf.plan(name) == plan and shelf.plan(bytes(32)) is None
    other = scheme(protocol(), seed=1).bench.plan
    (tmp_path / "plans" / name.hex()).rename(tmp_path / "plans" / other.digest().hex())
    assert shelf.plan(other.digest()) is None


def test_a_secret_is_made_once_and_differs_by_member_and_turn(tmp_path: Path):
    secret, again = Shelf(tmp_path).secret_of("bob"), Shelf(tmp_path).secret_of("bob")
    assert secret(DUTY) == again(DUTY) != Shelf(tmp_path).secret_of("cleo")(DUTY)
    assert secret(DUTY) != secret(Duty("request-1", 2, "train")) != secret(Duty("request-2", 2, "train"))
    assert (tmp_path / "nodes" / "bob" / "secret").stat().st_mode & 0o077 == 0


def test_members_share_payloads_and_not_their_work(tmp_path: Path):
    shelf = Shelf(tmp_path)
    name = shelf.payloads.put(b"a model")
    assert Shelf(tmp_path).payloads.get(name) == b"a model"
    shelf.work_of("bob").save(Ready(DUTY, posts.Inline(b"x")))
    assert set(Shelf(tmp_path).work_of("bob").ready) == {DUTY}
    assert dict(Shelf(tmp_path).work_of("cleo").ready) == {}
