"""An open phase as its workers see it: posts in their order, checked once, each bound to its author."""

from __future__ import annotations

import pytest

from tallystick.learning import payload
from tallystick.ledger import transactions as tx
from tallystick.node.phase_view import PhaseView, closing_view, open_view
from tallystick.node.trouble import NotAtHand
from tests.node.site import MEMBERS, Site, protocol, scheme


def combining(site: Site) -> tuple[str, PhaseView]:
    request = site.ask(scheme(protocol()))
    site.step()
    return request, open_view(site.engine, request, site.schemes[request], site.payloads)


def test_what_the_ledger_says_of_an_open_phase(site: Site):
    request, seen = combining(site)
    assert (seen.phase.name, seen.team, seen.progress.round) == ("combine", MEMBERS, 1)
    assert [posting.order for posting in seen.postings["train"]] == [0, 1, 2]
    assert seen.weights == dict.fromkeys(MEMBERS, 10)
    assert set(seen.hashes) == set(MEMBERS) and len(set(seen.hashes.values())) == 3
    assert seen.header("bob") == payload.PayloadHeader("bob", request, 1, seen.request.plan.hex())
    assert seen.start.keys() == seen.scheme.blank.keys() == (seen.first or {}).keys()
    assert seen.recorded == seen.progress.model


def test_a_post_is_read_once_and_in_order(site: Site):
    _, seen = combining(site)
    inbox = seen.inbox["train"]
    assert list(reversed(inbox)) == list(inbox)[::-1] and len(inbox) == 3
    assert inbox.read == {}
    first = inbox["bob"]
    site.payloads.withheld.add(seen.hashes["bob"])
    assert inbox["bob"] is first and isinstance(first, dict)


def test_a_model_bound_to_another_member_or_round_is_malformed(site: Site):
    def anothers(node: object, body: tx.Transaction) -> tx.Transaction:
        if not isinstance(body, tx.Post) or not isinstance(body.content, tx.Model):
            return body
        bound = payload.PayloadHeader("dora", body.request, body.round, "00" * 32)
        data = payload.encode(bound, site.schemes[body.request].blank)
        name = site.payloads.put(data)
        return tx.Post(
            body.request, body.round, body.phase, tx.Model(tx.Payload(len(data), name, name, name))
        )

    request = site.ask(scheme(protocol()))
    site.step("bob", alter=anothers)
    site.step("cleo", "dora")
    seen = open_view(site.engine, request, site.schemes[request], site.payloads)
    assert seen.inbox["train"]["bob"] == "malformed" and isinstance(seen.inbox["train"]["dora"], dict)


def test_what_is_missing_is_said(site: Site):
    request, seen = combining(site)
    site.payloads.withheld |= {seen.progress.model, seen.hashes["cleo"]}
    again = open_view(site.engine, request, seen.scheme, site.payloads)
    assert again.inbox["train"]["cleo"] == "unavailable" and again.first is None
    with pytest.raises(NotAtHand, match="round 1 starts from"):
        _ = again.start
    with pytest.raises(NotAtHand, match="there is no request"):
        closing_view(site.engine, "request-" + "0" * 32, seen.scheme, site.payloads)


def test_a_post_that_does_not_stand_is_not_read(site: Site):
    request = site.ask(scheme(protocol()))
    start = site.progress(request).model

    def copied(node: object, body: tx.Transaction) -> tx.Transaction:
        content = tx.Model(tx.Payload(len(site.payloads.kept[start]), start, start, start))
        return tx.Post(body.request, 1, "train", content) if isinstance(body, tx.Post) else body

    site.step("bob", alter=copied)
    site.step("cleo", "dora")
    seen = open_view(site.engine, request, site.schemes[request], site.payloads)
    assert set(seen.inbox["train"]) == {"cleo", "dora"} == set(seen.hashes)
