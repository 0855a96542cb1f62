"""`tally unit`: data sets that are offered, described without being shown."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import output
from ..command import FILE, argument, command, digest_of, exact, noun, whole
from ..context import Context, stop
from .unit_file import UnitFile, read_unit_file, registration, rows_of

if TYPE_CHECKING:
    from ...client import Client
    from ...ledger.views.units import BudgetView, Spending

app = noun("unit")

UNIT = argument("unit", "The unit: its id, the beginning of it, or OWNER/NAME.", metavar="UNIT")


@command(
    "tally unit register --from pumps.toml --key bob.key",
    "tally unit register --from pumps.toml --rows 'data/*.csv' --key bob.key",
    into=app,
    signs=True,
)
@click.option("--from", "source", type=FILE, metavar="FILE", help="A description in TOML or JSON.")
@click.option("--name", metavar="NAME", help="What you call it.")
@click.option("--category", metavar="NAME", help="What it is about, such as vibration.")
@click.option("--kind", metavar="NAME", help="What it is, such as table.")
@click.option("--count", type=whole(), metavar="ROWS", help="How many rows it has.")
@click.option("--schema", type=digest_of, metavar="DIGEST", help="The digest of its columns.")
@click.option("--training-root", type=digest_of, metavar="DIGEST", help="The root over its training rows.")
@click.option("--judging-root", type=digest_of, metavar="DIGEST", help="The root over its judging rows.")
@click.option("--address", metavar="TEXT", help="Where its node answers.")
@click.option("--price", type=whole(), metavar="TOKENS", help="What you ask for a use.")
@click.option("--audience", multiple=True, metavar="NAME", help="Who may use it; anyone if unsaid.")
@click.option("--purpose", multiple=True, metavar="NAME", help="What for; anything if unsaid.")
@click.option("--reuse", is_flag=True, default=None, help="Results may be reused after it is withdrawn.")
@click.option("--unaccounted", is_flag=True, default=None, help="Allow use without a formal guarantee.")
@click.option("--epsilon", type=exact(9), metavar="NUMBER", help="Its privacy budget, for ever.")
@click.option("--delta", type=exact(12), metavar="NUMBER", help="The budget's delta, such as 1e-6.")
@click.option("--protects", metavar="WHOM", help="Whose privacy: record, subject or member.")
@click.option("--version-of", metavar="UNIT", help="Your unit of which this is the next version.")
@click.option("--rows", metavar="FILES", help="Compute roots, schema and count from these rows.")
@click.option("--judging", type=float, default=0.2, metavar="SHARE", help="Of --rows, put aside to judge.")
@click.option("--seed", type=int, default=0, metavar="NUMBER", help="Of --rows, decides which.")
@click.option("--subject", default="", metavar="COLUMN", help="Of --rows, keep whose rows together.")
def register(
    at: Context,
    source: Path | None,
    rows: str | None,
    judging: float,
    seed: int,
    subject: str,
    version_of: str | None,
    **options: Any,
) -> None:
    """Register a data set, or a new version of one; none of its rows leave this machine.

    A description may say all of this but where the rows are; options come before it. With --rows the same
    files, share, seed and subject give the same roots again: keep them.
    """
    from ...ledger.notices import UnitRegistered

    given = UnitFile() if source is None else read_unit_file(source)
    if rows is not None:
        given = given.with_values(rows_of(rows, judging, seed, subject))
    given = given.with_values(options)
    with at.writer() as client:
        previous = unit_id(client, version_of) if version_of else str(given.values.get("version_of", ""))
        answer = client.submit(registration(given, previous))
        made = answer.notice(UnitRegistered)
        says = f"{made.unit} is registered", f"its budget is that of {made.lineage}"
        at.sent(answer, *says, unit=made.unit, lineage=made.lineage)


@command("tally unit list --ledger trial", into=app, reads=True, name="list")
@click.option("--owner", default="", metavar="NAME", help="Only those of this member.")
@click.option("--category", default="", metavar="NAME", help="Only those about this.")
@click.option("--all", "everything", is_flag=True, help="Withdrawn ones, too.")
def list_(at: Context, owner: str, category: str, everything: bool) -> None:
    """List the units on offer."""
    from ...ledger.state import UNITS
    from ...ledger.views.units import units

    with at.reader() as client:
        listed = units(client.view, owner=owner, category=category, withdrawn=everything)
        rows = [
            (
                client.short(UNITS, unit.unit),
                f"{unit.owner}/{unit.name}",
                unit.profile.category,
                output.amount(unit.profile.rows),
                output.amount(unit.terms.price),
                _left(unit.budget),
                *(("on offer" if unit.active else "withdrawn",) if everything else ()),
            )
            for unit in listed
        ]
    heads = ("unit", "called", "about", "rows", "price", "ε left", *(("is",) if everything else ()))
    at.show(listed, output.table(heads, rows, "no unit is on offer"))


@command("tally unit show bob/pumps --ledger trial", into=app, reads=True)
@UNIT
def show(at: Context, unit: str) -> None:
    """Show one unit: its profile, terms, and what is left of its budget."""
    with at.reader() as client:
        show_unit(at, client, unit)


@command("tally unit withdraw bob/pumps --key bob.key", into=app, signs=True)
@UNIT
def withdraw(at: Context, unit: str) -> None:
    """Offer a unit no longer; its budget stays spent."""
    from ...ledger.transactions import WithdrawUnit

    with at.writer() as client:
        name = unit_id(client, unit)
        at.sent(client.submit(WithdrawUnit(name)), f"{name} is withdrawn", unit=name)


@command("tally unit transfer bob/pumps cleo --key bob.key", into=app, signs=True)
@UNIT
@argument("to", "Its new owner.", metavar="MEMBER")
def transfer(at: Context, unit: str, to: str) -> None:
    """Hand a unit and the budget that it draws on to another owner."""
    from ...ledger.notices import UnitMoved
    from ...ledger.transactions import TransferUnit

    with at.writer() as client:
        name = unit_id(client, unit)
        answer = client.submit(TransferUnit(name, to))
        moved = [notice.unit for notice in answer.notices(UnitMoved)]
        at.sent(answer, *(f"{name} belongs to {to}" for name in moved), units=moved)


def unit_id(client: "Client", text: str) -> str:
    """The unit that a person means: by its id, its beginning, or OWNER/NAME."""
    from ...ledger.state import UNIT_NAMES, UNITS

    owner, named, name = text.partition("/")
    if not named:
        return client.whole(UNITS, text)
    named_unit = client.find(UNIT_NAMES, owner, name)
    if named_unit is None:
        stop(f"there is no unit {name!r} of {owner!r}; `tally unit list --owner {owner}` shows what there is")
    return named_unit.unit


def unit_label(client: "Client", unit: str) -> str:
    """A unit as OWNER/NAME."""
    from ...ledger.state import UNITS

    record = client.get(UNITS, unit)
    return f"{record.owner}/{record.name}"


def show_unit(at: Context, client: "Client", text: str) -> None:
    from ...ledger.views.units import unit

    shown = unit(client.view, unit_id(client, text))
    if shown is None:
        stop(f"there is no unit {text!r}")
    profile, terms = shown.profile, shown.terms
    place = (profile.latitude_e6, profile.longitude_e6)
    degrees = ", ".join(output.decimal(degree, 6) for degree in place if degree is not None)
    rows: list[tuple[str, object]] = [
        ("unit", shown.unit),
        ("called", f"{shown.owner}/{shown.name}, version {shown.version}"),
        ("is", "on offer" if shown.active else "withdrawn"),
        ("about", f"{profile.category} ({profile.kind}), {output.amount(profile.rows)} rows"),
        ("place", degrees),
        ("price", output.tokens(terms.price)),
        ("for", "anyone" if "*" in terms.audience else " ".join(terms.audience) or "nobody"),
        ("purposes", " ".join(terms.purposes) or "anything"),
        ("results", "may be reused after it is withdrawn" if terms.reuse else "end with it"),
        ("address", shown.address),
        ("schema", profile.schema.hex()),
        ("training root", shown.training_root.hex()),
        ("judging root", shown.judging_root.hex()),
        ("registered", output.moment(shown.registered)),
        ("follows", shown.previous),
        ("derived from", " ".join(shown.derived_from)),
        ("used", f"{output.amount(shown.uses)} times, cited {output.amount(shown.citations)} times"),
        *_budget_rows(shown.budget, terms.unaccounted),
    ]
    at.show(shown, output.pairs(rows))


def show_lineage(at: Context, client: "Client", text: str) -> None:
    from ...ledger.state import LINEAGES
    from ...ledger.views.units import budget

    whole_name = client.whole(LINEAGES, text)
    shown = budget(client.view, whole_name)
    if shown is None:
        stop(f"there is no lineage {text!r}")
    rows = [
        ("owner", shown.owner),
        *_budget_rows(shown, False),
        *(("unit", unit) for unit in shown.units),
    ]
    at.show(shown, output.pairs(rows))


def _budget_rows(budget: "BudgetView", allowed: bool) -> list[tuple[str, object]]:
    """What a lineage may spend: an ε is printed with its unit and accountant, or said to be none."""
    unguarded = ""
    if budget.unaccounted:
        unguarded = f"no formal guarantee: {budget.unaccounted} publications were not accounted for"
    elif allowed:
        unguarded = "allowed without a formal guarantee; none was made so far"
    delta = re.sub(r"\.?0*e", "e", f"{budget.delta_e12 / 10**12:e}").replace("e-0", "e-")
    return [
        ("lineage", budget.lineage),
        ("budget", f"ε {output.epsilon(budget.epsilon_nano)} at δ {delta}, per {budget.protects}"),
        ("training rows", _spending(budget.training)),
        ("judging rows", _spending(budget.judging)),
        ("accountant", "the ledger's own (Rényi, rounded up)"),
        ("otherwise", unguarded),
    ]


def _left(budget: "BudgetView") -> str:
    if budget.unaccounted:
        return "no formal guarantee"
    return f"{output.epsilon(budget.training.left)} of {output.epsilon(budget.epsilon_nano)}"


def _spending(spending: "Spending") -> str:
    values = (spending.spent, spending.at_worst, spending.left)
    spent, worst, left = map(output.epsilon, values)
    return f"ε {spent} spent, {worst} at worst with what runs, {left} left"
