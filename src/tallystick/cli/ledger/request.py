"""`tally request`: what was asked for, how far it has come, what it ended with."""

from typing import TYPE_CHECKING

import click

from .. import output
from ..command import argument, command, noun
from ..context import Context, stop

if TYPE_CHECKING:
    from ...client import Client
    from ...ledger.views.requests import RequestView

app = noun("request")


@command("tally request list --ledger trial", into=app, reads=True, name="list")
@click.option("--all", "everything", is_flag=True, help="Those that have ended, too.")
@click.option("--member", default="", metavar="NAME", help="Only those of this requester.")
@click.option("--category", default="", metavar="NAME", help="Only those of this category.")
def list_(at: Context, everything: bool, member: str, category: str) -> None:
    """List requests that are under way."""
    from ...ledger.state import REQUESTS
    from ...ledger.views.requests import requests

    with at.reader() as client:
        listed = requests(client.view, member=member, category=category, live=not everything)
        rows = [
            (
                client.short(REQUESTS, request.request),
                request.member,
                request.category,
                output.amount(request.reward),
                request.stage,
                f"{request.completed}/{request.rounds}",
                output.moment(request.deadline) if request.deadline else "-",
            )
            for request in listed
        ]
    heads = ("request", "by", "category", "reward", "is", "rounds", "until")
    empty = "nothing was ever requested" if everything else "no request is under way"
    at.show(listed, output.table(heads, rows, empty))


@command("tally request show 3fa94c12 --ledger trial", into=app, reads=True)
@argument("request", "Its id, or the beginning of it.", metavar="ID")
def show(at: Context, request: str) -> None:
    """Show one request: its stage, team, open phase, and what it ended with."""
    with at.reader() as client:
        show_request(at, client, request)


def show_request(at: Context, client: "Client", name: str) -> None:
    from ...ledger.state import REQUESTS
    from ...ledger.views.requests import places, record, request

    whole = client.whole(REQUESTS, name)
    shown, ended = request(client.view, whole), record(client.view, whole)
    if shown is None:
        stop(f"there is no request {name!r}")
    seats = places(client.view, whole)
    rows = [
        (seat.member, seat.role, seat.status, output.amount(seat.deposit), seat.turns, seat.missed)
        for seat in seats
    ]
    heads = ("member", "role", "is", "deposit", "turns", "missed")
    lines = output.pairs(_rows(shown))
    if rows:
        lines += ["", *output.table(heads, rows, "")]
    if ended is not None:
        lines += ["", *_record_lines(client, whole)]
    at.show({"request": shown, "places": seats, "record": ended}, lines)


def show_record(at: Context, client: "Client", name: str) -> None:
    from ...ledger.state import REQUESTS
    from ...ledger.views.requests import record

    whole = client.whole(REQUESTS, name)
    shown = record(client.view, whole)
    if shown is None:
        stop(f"{whole} has no record; it has not settled")
    at.show(shown, _record_lines(client, whole))


def _rows(request: "RequestView") -> list[tuple[str, object]]:
    phase = request.phase
    uncharged = " ".join(request.uncharged)
    guarantee = f"no formal guarantee for {uncharged}" if uncharged else "every publication is charged"
    return [
        ("request", request.request),
        ("by", request.member),
        ("category", request.category),
        ("purpose", request.purpose),
        ("plan", request.plan.hex()),
        ("reward", output.tokens(request.reward)),
        ("escrow", output.tokens(request.escrow)),
        ("posted", output.moment(request.posted)),
        ("is", f"{request.stage}: {request.outcome}" if request.outcome else request.stage),
        ("on chain", request.chain),
        ("until", output.moment(request.deadline) if request.deadline else ""),
        ("rounds", f"{request.completed} completed, {request.rounds} at most"),
        ("phase", "" if phase is None else f"{phase.name}, round {phase.round}"),
        ("waits for", "" if phase is None else " ".join(phase.owing)),
        ("leader", request.leader),
        ("analyst", request.analyst),
        ("applicants", " ".join(request.applicants)),
        ("team", " ".join(request.team)),
        ("bench", " ".join(request.bench)),
        ("gone", " ".join(request.gone)),
        ("recorder", request.recorder),
        ("model", request.model.hex() if any(request.model) else ""),
        ("measured", "" if request.figure is None else output.share(request.figure)),
        ("privacy", guarantee),
    ]


def _record_lines(client: "Client", whole: str) -> list[str]:
    from ...ledger.state import RECORDS, REQUESTS

    record, target = client.get(RECORDS, whole), client.get(REQUESTS, whole).rules.stopping.quality
    quality = f"{output.share(target or 0)}, {'reached' if record.reached else 'not reached'}"
    measured = "nothing" if record.figure is None else output.share(record.figure)
    stands = f"stands: {record.approving} of {record.electorate} approve"
    makers = [(member, output.share(share)) for member, share in record.contributions]
    return [
        *output.pairs(
            [
                ("record", stands if record.stands else "does not stand; the ledger settled by itself"),
                ("recorder", record.recorder),
                ("model", record.model.hex()),
                ("measured", measured),
                ("rounds", record.rounds),
                ("wanted", "" if target is None else quality),
            ]
        ),
        "",
        *output.table(("maker", "contribution"), makers, "nobody contributed"),
    ]
