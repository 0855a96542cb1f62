"""`tally propose`: changes that the members decide on together."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import output
from ..command import FILE, argument, command, noun, whole
from ..context import Context, stop
from ..key import read_papers

if TYPE_CHECKING:
    from ...base.ids import Role
    from ...client import Client
    from ...ledger.transactions import Change
    from ...ledger.views.members import ProposalView

app = noun("propose")

# The ledger's own, written out here so that help does not load it.
ROLES: "tuple[Role, ...]" = (
    "analyst", "auditor", "operator", "owner", "recorder", "requester", "worker",
)  # fmt: skip
PROOF = "What `tally key prove` wrote for the member's new key."
ROLE = click.option(
    "--role",
    multiple=True,
    type=click.Choice(ROLES),
    metavar="ROLE",
    help=f"Of {', '.join(ROLES)}; repeat it.",
)


@command("tally propose admit dan.json --role owner --role worker --key ada.key", into=app, signs=True)
@argument("proof", PROOF, type=FILE, metavar="FILE")
@ROLE
def admit(at: Context, proof: Path, role: "tuple[Role, ...]") -> None:
    """Admit an organisation that has shown that it holds its key; all roles unless you name some."""
    from ...ledger.transactions import Admit

    shown = read_papers(proof)
    roles = tuple(sorted(role)) or ROLES
    _put(at, Admit(shown.member, shown.key, shown.possession, shown.encryption_key, roles))


@command("tally propose suspend dan --key ada.key", into=app, signs=True)
@argument("member", "Who may no longer act.", metavar="NAME")
def suspend(at: Context, member: str) -> None:
    """Take a member's right to act, not its tokens."""
    from ...ledger.transactions import Suspend

    _put(at, Suspend(member))


@command("tally propose reinstate dan --key ada.key", into=app, signs=True)
@argument("member", "Who may act again.", metavar="NAME")
def reinstate(at: Context, member: str) -> None:
    """Give a suspended member its right to act again."""
    from ...ledger.transactions import Reinstate

    _put(at, Reinstate(member))


@command("tally propose recover dan-2.json --key ada.key", into=app, signs=True)
@argument("proof", PROOF, type=FILE, metavar="FILE")
def recover(at: Context, proof: Path) -> None:
    """Give a member that lost its key a new one."""
    from ...ledger.transactions import Recover

    shown = read_papers(proof)
    _put(at, Recover(shown.member, shown.key, shown.possession, shown.encryption_key))


@command("tally propose roles dan --role owner --key ada.key", into=app, signs=True)
@argument("member", "Whose roles change.", metavar="NAME")
@ROLE
def roles(at: Context, member: str, role: "tuple[Role, ...]") -> None:
    """Change what a member may do: it has these roles and no others then."""
    from ...ledger.transactions import SetRoles

    _put(at, SetRoles(member, tuple(sorted(role))))


@command("tally propose mint bob 5,000 --key ada.key", into=app, signs=True)
@argument("member", "Who receives them.", metavar="NAME")
@argument("tokens", "How many.", type=whole(1))
def mint(at: Context, member: str, tokens: int) -> None:
    """Issue tokens to a member, below the cap."""
    from ...ledger.transactions import Mint

    _put(at, Mint(member, tokens))


@command("tally propose fill-pool 5,000 --key ada.key", into=app, signs=True)
@argument("tokens", "How many.", type=whole(1))
def fill_pool(at: Context, tokens: int) -> None:
    """Issue tokens to the reward pool, below the cap."""
    from ...ledger.transactions import FillPool

    _put(at, FillPool(tokens))


@command("tally propose dispute bob/pumps --owner cleo --key ada.key", into=app, signs=True)
@argument("unit", "The unit: its id, the beginning of it, or OWNER/NAME.", metavar="UNIT")
@click.option("--owner", required=True, metavar="NAME", help="Whose it is in truth.")
def dispute(at: Context, unit: str, owner: str) -> None:
    """Decide that a unit belongs to another member than the one who registered it."""
    from ...ledger.transactions import Dispute
    from .unit import unit_id

    with at.reader() as client:
        meant = unit_id(client, unit)
    _put(at, Dispute(meant, owner))


@command("tally propose upgrade 2 --height 12,000 --key ada.key", into=app, signs=True)
@argument("version", "The version of the rules.", type=whole(1))
@click.option("--height", required=True, type=whole(1), metavar="HEIGHT", help="From which block on.")
def upgrade(at: Context, version: int, height: int) -> None:
    """Apply another version of the rules from a height on."""
    from ...ledger.transactions import Upgrade

    _put(at, Upgrade(version, height))


@command("tally propose trust north --escrow-cap 50,000 --key ada.key", into=app, signs=True)
@argument("chain", "A chain that is known here; `tally chain list` shows them.", metavar="NAME")
@click.option("--escrow-cap", type=whole(1), metavar="TOKENS", help="The most tokens there, if it changes.")
def trust(at: Context, chain: str, escrow_cap: int | None) -> None:
    """Trust a chain anew on its terms: after a freeze, when trust has lapsed, or with another cap."""
    from msgspec.structs import replace

    from ...ledger.state import OTHER_CHAINS
    from ...ledger.transactions import RegisterChain

    with at.reader() as client:
        terms = client.get(OTHER_CHAINS, chain).terms
    _put(at, RegisterChain(terms if escrow_cap is None else replace(terms, escrow_cap=escrow_cap)))


@command("tally propose list --ledger trial", into=app, reads=True, name="list")
@click.option("--all", "everything", is_flag=True, help="Those that are decided, too.")
def list_(at: Context, everything: bool) -> None:
    """List what is open to the vote."""
    from ...ledger.state import PROPOSALS
    from ...ledger.views.members import proposals

    with at.reader() as client:
        listed = proposals(client.view, "" if everything else "open")
        rows = [
            (client.short(PROPOSALS, row.proposal), _says(row.change), row.member, row.stage, _count(row))
            for row in listed
        ]
    empty = "nothing was ever put to the vote" if everything else "nothing is open to the vote"
    at.show(listed, output.table(("proposal", "change", "by", "is", "for/against/of"), rows, empty))


@command("tally propose show 3fa94c12 --ledger trial", into=app, reads=True)
@argument("proposal", "Its id, or the beginning of it.", metavar="ID")
def show(at: Context, proposal: str) -> None:
    """Show one proposal and who has voted."""
    with at.reader() as client:
        show_proposal(at, client, proposal)


def show_proposal(at: Context, client: "Client", name: str) -> None:
    from ...ledger.state import PROPOSALS
    from ...ledger.views.members import proposal

    shown = proposal(client.view, client.whole(PROPOSALS, name))
    if shown is None:
        stop(f"there is no proposal {name!r}")
    voted = dict(shown.voted)
    votes = [
        (voter, {None: "has not voted", True: "for", False: "against"}[voted.get(voter)])
        for voter in shown.electorate
    ]
    lines = output.pairs(
        [
            ("proposal", shown.proposal),
            ("by", shown.member),
            ("change", _says(shown.change)),
            *((name, value) for name, value in _details(shown.change)),
            ("is", shown.stage),
            ("until", output.moment(shown.deadline)),
            ("for/against/of", _count(shown)),
        ]
    )
    at.show(shown, [*lines, "", *output.table(("electorate", "vote"), votes, "")])


def _put(at: Context, change: "Change") -> None:
    """Propose a change and say who decides on it until when."""
    from ...ledger.notices import ProposalMade
    from ...ledger.state import ELECTORATES, PROPOSALS
    from ...ledger.transactions import Propose

    with at.writer() as client:
        answer = client.submit(Propose(change))
        name = answer.notice(ProposalMade).proposal
        made, electorate = client.get(PROPOSALS, name), client.get(ELECTORATES, name).members
        needed = 2 * len(electorate) // 3 + 1
        at.sent(
            answer,
            f"{name} is open until {output.moment(made.deadline)}",
            f"{needed} of {len(electorate)} must approve: {' '.join(electorate)}",
            f"each says: tally vote {client.short(PROPOSALS, name)} yes",
            proposal=name,
            electorate=electorate,
            deadline=made.deadline,
        )


def _says(change: "Change") -> str:
    """A change in a few words."""
    kind = type(change).__name__
    words = {"SetRoles": "roles of", "FillPool": "fill pool with", "Mint": "mint"}.get(kind, kind.lower())
    match kind:
        case "Mint":
            return f"mint {output.amount(getattr(change, 'amount', 0))} for {getattr(change, 'member', '')}"
        case "FillPool":
            return f"{words} {output.amount(getattr(change, 'amount', 0))}"
        case "Dispute":
            return f"give {getattr(change, 'unit', '')} to {getattr(change, 'owner', '')}"
        case "RegisterChain":
            terms = getattr(change, "terms", None)
            return f"let requests run on chain {getattr(terms, 'chain', '')}"
        case "Upgrade":
            return f"rules {getattr(change, 'version', 0)} from block {getattr(change, 'height', 0)}"
        case _:
            return f"{words} {getattr(change, 'member', '')}"


def _details(change: "Change") -> list[tuple[str, str]]:
    rows = []
    if hasattr(change, "roles"):
        rows.append(("roles", " ".join(change.roles) or "none"))
    if hasattr(change, "key"):
        rows.append(("key", change.key.hex()))
    terms = getattr(change, "terms", None)
    if terms is not None:
        rows.append(("holds at most", output.tokens(terms.escrow_cap)))
        rows += [("signed by", key.hex()) for key, _ in terms.validators]
    return rows


def _count(proposal: "ProposalView") -> str:
    return f"{proposal.approvals}/{proposal.refusals}/{len(proposal.electorate)}"
