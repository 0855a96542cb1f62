"""`tally send`: tokens from one's own account to another member's."""

from .. import output
from ..command import argument, command, whole
from ..context import Context


@command("tally send bob 250 --key ada.key", signs=True)
@argument("to", "Who receives them.", metavar="MEMBER")
@argument("tokens", "How many, at least 1.", type=whole(1))
def send(at: Context, to: str, tokens: int) -> None:
    """Send tokens to a member."""
    from ...ledger.state import ACCOUNTS
    from ...ledger.transactions import Transfer

    with at.writer() as client:
        answer = client.submit(Transfer(to, tokens))
        left = client.get(ACCOUNTS, client.member).balance
        says = f"{output.tokens(tokens)} sent to {to}; {client.member} has {output.amount(left)} left"
        at.sent(answer, says, balance=left)


app = send
