"""`tally grant`: permissions to use a unit, from being asked for to being taken back."""

from typing import TYPE_CHECKING

import click

from .. import output
from ..command import argument, command, moment, noun, whole
from ..context import Context, stop
from .unit import unit_id, unit_label

if TYPE_CHECKING:
    from ...client import Client

app = noun("grant")

UNIT = argument("unit", "The unit: its id, the beginning of it, or OWNER/NAME.", metavar="UNIT")
DAY = 86_400_000
DAYS = 365
PURPOSE = click.option("--purpose", metavar="NAME", help="What for.")
USES = click.option(
    "--uses", type=whole(1), metavar="COUNT", help="How many requests may use it; 1 if unsaid."
)
UNTIL = click.option("--until", type=moment, metavar="TIME", help=f"When it ends; in {DAYS} days if unsaid.")


@command("tally grant ask bob/pumps --purpose maintenance --uses 20 --key ada.key", into=app, signs=True)
@UNIT
@PURPOSE
@USES
@UNTIL
def ask(at: Context, unit: str, purpose: str | None, uses: int | None, until: int | None) -> None:
    """Ask a unit's owner for a grant."""
    from ...ledger.notices import GrantAsked
    from ...ledger.state import ASKS, UNITS
    from ...ledger.transactions import AskGrant

    if purpose is None:
        stop("what for? say --purpose NAME, such as maintenance")
    with at.writer() as client:
        meant = unit_id(client, unit)
        answer = client.submit(AskGrant(meant, purpose, uses or 1, until or client.now() + DAYS * DAY))
        name, owner = answer.notice(GrantAsked).ask, client.get(UNITS, meant).owner
        says = f"{name} waits for {owner}", f"who says: tally grant give --ask {client.short(ASKS, name)}"
        at.sent(answer, *says, ask=name)


@command(
    "tally grant give --ask 3fa94c12 --key bob.key",
    "tally grant give bob/pumps ada --purpose maintenance --uses 20 --key bob.key",
    "tally grant give bob/pumps '*' --purpose any --until 2028-01-01",
    into=app,
    signs=True,
)
@argument("unit", "Your unit, where no ask is answered.", metavar="[UNIT]", required=False)
@argument("to", "The member who may use it, or '*' for anyone.", metavar="[MEMBER]", required=False)
@click.option("--ask", metavar="ID", help="The ask that this answers; the rest is as it asks, if unsaid.")
@PURPOSE
@USES
@UNTIL
@click.option("--statistics-only", is_flag=True, help="For statistics, not for models.")
def give(
    at: Context,
    unit: str | None,
    to: str | None,
    ask: str | None,
    purpose: str | None,
    uses: int | None,
    until: int | None,
    statistics_only: bool,
) -> None:
    """Permit a member, or anyone, to have your unit used."""
    from ...ledger.notices import GrantGiven
    from ...ledger.state import ASKS
    from ...ledger.transactions import GiveGrant

    with at.writer() as client:
        if ask is not None:
            asked = client.get(ASKS, client.whole(ASKS, ask))
            body = GiveGrant(
                asked.unit if unit is None else unit_id(client, unit),
                asked.member if to is None else to,
                purpose or asked.purpose,
                uses or asked.uses,
                until or asked.until,
                statistics_only,
                asked.ask,
            )
        elif unit is None or to is None or purpose is None:
            stop("say which unit, to whom and --purpose NAME, or --ask ID")
        else:
            end = until or client.now() + DAYS * DAY
            body = GiveGrant(unit_id(client, unit), to, purpose, uses or 1, end, statistics_only)
        answer = client.submit(body)
        name = answer.notice(GrantGiven).grant
        whom = "anyone" if body.to == "*" else body.to
        many = f"{output.amount(body.uses)} use{'' if body.uses == 1 else 's'}"
        says = f"{name} is given to {whom}", f"for {body.purpose}, {many} until {output.moment(body.until)}"
        at.sent(answer, *says, grant=name)


@command("tally grant decline 3fa94c12 --key bob.key", into=app, signs=True)
@argument("ask", "The ask's id, or the beginning of it.", metavar="ID")
def decline(at: Context, ask: str) -> None:
    """Say no to an ask."""
    from ...ledger.state import ASKS
    from ...ledger.transactions import DeclineGrant

    with at.writer() as client:
        name = client.whole(ASKS, ask)
        at.sent(client.submit(DeclineGrant(name)), f"{name} is declined", ask=name)


@command("tally grant revoke 3fa94c12 --key bob.key", into=app, signs=True)
@argument("grant", "The grant's id, or the beginning of it.", metavar="ID")
def revoke(at: Context, grant: str) -> None:
    """Take a grant back, from the next phase of any request on."""
    from ...ledger.state import GRANTS
    from ...ledger.transactions import RevokeGrant

    with at.writer() as client:
        name = client.whole(GRANTS, grant)
        at.sent(client.submit(RevokeGrant(name)), f"{name} is revoked", grant=name)


@command("tally grant list --owner bob --ledger trial", into=app, reads=True, name="list")
@click.option("--owner", default="", metavar="NAME", help="Only those that this member gave.")
@click.option("--to", default="", metavar="NAME", help="Only those that this member may use.")
@click.option("--all", "everything", is_flag=True, help="Those that permit nothing any more, too.")
def list_(at: Context, owner: str, to: str, everything: bool) -> None:
    """List grants, and asks that wait for an answer."""
    from ...ledger.state import ASKS, GRANTS
    from ...ledger.views.grants import asks, grants

    with at.reader() as client:
        time = client.now()
        given = grants(client.view, time, owner=owner, to=to, stage="" if everything else "open")
        asked = asks(client.view, time, owner=owner, member=to)
        rows = [
            (
                client.short(GRANTS, permission.grant),
                unit_label(client, permission.unit),
                permission.to,
                permission.purpose,
                output.amount(permission.left),
                permission.stage,
            )
            for permission in given
        ] + [
            (
                client.short(ASKS, permission.ask),
                unit_label(client, permission.unit),
                permission.member,
                permission.purpose,
                output.amount(permission.uses),
                "asked",
            )
            for permission in asked
        ]
    heads = ("id", "unit", "to", "purpose", "left", "is")
    at.show({"grants": given, "asks": asked}, output.table(heads, rows, "nothing is granted or asked"))


@command("tally grant show 3fa94c12 --ledger trial", into=app, reads=True)
@argument("grant", "Its id, or the beginning of it.", metavar="ID")
def show(at: Context, grant: str) -> None:
    """Show one grant."""
    with at.reader() as client:
        show_grant(at, client, grant)


def show_grant(at: Context, client: "Client", name: str) -> None:
    from ...ledger.state import GRANTS
    from ...ledger.views.grants import grant

    shown = grant(client.view, client.whole(GRANTS, name), client.now())
    if shown is None:
        stop(f"there is no grant {name!r}")
    at.show(
        shown,
        output.pairs(
            [
                ("grant", shown.grant),
                ("unit", f"{shown.unit} ({unit_label(client, shown.unit)})"),
                ("by", shown.owner),
                ("to", "anyone" if shown.to == "*" else shown.to),
                ("purpose", shown.purpose),
                ("for", "statistics only" if shown.statistics_only else "models and statistics"),
                ("uses", f"{output.amount(shown.left)} of {output.amount(shown.uses)} left"),
                ("until", output.moment(shown.until)),
                ("is", shown.stage),
            ]
        ),
    )


def show_ask(at: Context, client: "Client", name: str) -> None:
    from ...ledger.state import ASKS

    shown = client.get(ASKS, client.whole(ASKS, name))
    at.show(
        shown,
        output.pairs(
            [
                ("ask", shown.ask),
                ("unit", f"{shown.unit} ({unit_label(client, shown.unit)})"),
                ("by", shown.member),
                ("purpose", shown.purpose),
                ("uses", output.amount(shown.uses)),
                ("until", output.moment(shown.until)),
            ]
        ),
    )
