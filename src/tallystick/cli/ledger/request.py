"""`tally request`: what was asked for, how far it has come, what it ended with."""

from typing import TYPE_CHECKING

import click

from .. import output
from ..command import Choices, argument, command, noun, stop

if TYPE_CHECKING:
    from ...client import Client
    from ...ledger.views.requests import RequestView

app = noun("request")


@command("tally request list --ledger trial", into=app, reads=True, name="list")
@click.option("--all", "everything", is_flag=True, help="Those that have ended, too.")
@click.option("--member", default="", metavar="NAME", help="Only those of this requester.")
@click.option("--category", default="", metavar="NAME", help="Only those of this category.")
def list_(at: Choices, everything: bool, member: str, category: str) -> None:
    """List requests that are under way."""
    from ...ledger.state import REQUESTS
    from ...ledger.views.requests import requests

    with at.reader() as client:
        found = requests(client.view, member=member, category=category, live=not everything)
        rows = [
            (
                client.short(REQUESTS, one.request),
                one.member,
                one.category,
                output.amount(one.reward),
                one.stage,
                f"{one.completed}/{one.rounds}",
                output.moment(one.deadline) if one.deadline else "-",
            )
            for one in found
        ]
    heads = ("request", "by", "category", "reward", "is", "rounds", "until")
    empty = "nothing was ever requested" if everything else "no request is under way"
    at.show(found, output.table(heads, rows, empty))


@command("tally request show 3fa94c12 --ledger trial", into=app, reads=True)
@argument("request", "Its id, or the beginning of it.", metavar="ID")
def show(at: Choices, request: str) -> None:
    """Show one request: its stage, team, open phase, and what it ended with."""
    with at.reader() as client:
        show_request(at, client, request)


def show_request(at: Choices, client: "Client", name: str) -> None:
    from ...ledger.state import REQUESTS
    from ...ledger.views.requests import places, record, request

    whole = client.whole(REQUESTS, name)
    found, ended = request(client.view, whole), record(client.view, whole)
    if found is None:
        stop(f"there is no request {name!r}")
    seats = places(client.view, whole)
    rows = [
        (one.member, one.role, one.status, output.amount(one.deposit), one.turns, one.missed) for one in seats
    ]
    heads = ("member", "role", "is", "deposit", "turns", "missed")
    lines = output.pairs(_rows(found))
    if rows:
        lines += ["", *output.table(heads, rows, "")]
    if ended is not None:
        lines += ["", *_record_lines(client, whole)]
    at.show({"request": found, "places": seats, "record": ended}, lines)


def show_record(at: Choices, client: "Client", name: str) -> None:
    from ...ledger.state import REQUESTS
    from ...ledger.views.requests import record

    whole = client.whole(REQUESTS, name)
    found = record(client.view, whole)
    if found is None:
        stop(f"{whole} has no record; it has not settled")
    at.show(found, _record_lines(client, whole))


def _rows(one: "RequestView") -> list[tuple[str, object]]:
    phase = one.phase
    uncharged = " ".join(one.uncharged)
    guarantee = f"no formal guarantee for {uncharged}" if uncharged else "every publication is charged"
    return [
        ("request", one.request),
        ("by", one.member),
        ("category", one.category),
        ("purpose", one.purpose),
        ("plan", one.plan.hex()),
        ("reward", output.tokens(one.reward)),
        ("escrow", output.tokens(one.escrow)),
        ("posted", output.moment(one.posted)),
        ("is", f"{one.stage}: {one.outcome}" if one.outcome else one.stage),
        ("on chain", one.chain),
        ("until", output.moment(one.deadline) if one.deadline else ""),
        ("rounds", f"{one.completed} completed, {one.rounds} at most"),
        ("phase", "" if phase is None else f"{phase.name}, round {phase.round}"),
        ("waits for", "" if phase is None else " ".join(phase.owing)),
        ("leader", one.leader),
        ("analyst", one.analyst),
        ("applicants", " ".join(one.applicants)),
        ("team", " ".join(one.team)),
        ("bench", " ".join(one.bench)),
        ("gone", " ".join(one.gone)),
        ("recorder", one.recorder),
        ("model", one.model.hex() if any(one.model) else ""),
        ("measured", "" if one.figure is None else output.share(one.figure)),
        ("privacy", guarantee),
    ]


def _record_lines(client: "Client", whole: str) -> list[str]:
    from ...ledger.state import RECORDS, REQUESTS

    found, wanted = client.get(RECORDS, whole), client.get(REQUESTS, whole).rules.stopping.quality
    quality = f"{output.share(wanted or 0)}, {'reached' if found.reached else 'not reached'}"
    measured = "nothing" if found.figure is None else output.share(found.figure)
    stands = f"stands: {found.approving} of {found.electorate} approve"
    makers = [(member, output.share(share)) for member, share in found.contributions]
    return [
        *output.pairs(
            [
                ("record", stands if found.stands else "does not stand; the ledger settled by itself"),
                ("recorder", found.recorder),
                ("model", found.model.hex()),
                ("measured", measured),
                ("rounds", found.rounds),
                ("wanted", "" if wanted is None else quality),
            ]
        ),
        "",
        *output.table(("maker", "contribution"), makers, "nobody contributed"),
    ]
