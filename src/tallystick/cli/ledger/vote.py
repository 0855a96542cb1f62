"""`tally vote`: yes or no to a proposal."""

import click

from .. import output
from ..command import argument, command
from ..context import Context


@command("tally vote 3fa94c12 yes --key bob.key", signs=True)
@argument("proposal", "Its id, or the beginning of it; `tally propose list` shows them.", metavar="ID")
@argument("answer", "yes or no.", type=click.Choice(("yes", "no")), metavar="yes|no")
def vote(at: Context, proposal: str, answer: str) -> None:
    """Vote on a proposal; it passes above two thirds of its electorate."""
    from ...ledger.state import PROPOSALS
    from ...ledger.transactions import Vote

    with at.writer() as client:
        name = client.whole(PROPOSALS, proposal)
        done = client.submit(Vote(name, answer == "yes"))
        now = client.get(PROPOSALS, name)
        counted = f"{now.approvals} for, {now.refusals} against, of {now.electorate}"
        at.sent(
            done,
            f"{name} is {now.stage}: {counted}",
            *map(output.notice, done.receipt.notices[1:]),
            stage=now.stage,
        )


app = vote
