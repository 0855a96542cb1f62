"""Which function serves which transaction, and what it weighs; one file a subject."""

from collections.abc import Callable
from typing import Any

from .. import transactions as tx
from ..state import Draft
from . import chains, grants, members, records, requests, rounds, teams, tokens, units, votes

Handler = Callable[[Draft, Any], None]

# Weight is the work of the heaviest case, in about fifty microseconds of one core; what makes a deadline
# weighs so much that a block makes no more of them than a block serves.
_TABLE: tuple[tuple[type[tx.Body], Handler, int], ...] = (
    (tx.RotateKey, members.rotate_key, 4),
    (tx.AddDevice, members.add_device, 4),
    (tx.RemoveDevice, members.remove_device, 2),
    (tx.SetValidator, members.set_validator, 8),
    (tx.Report, members.report, 2),
    (tx.Propose, votes.propose, 200),
    (tx.Vote, votes.vote, 4),
    (tx.Transfer, tokens.transfer, 2),
    (tx.RegisterUnit, units.register_unit, 8),
    (tx.WithdrawUnit, units.withdraw_unit, 4),
    (tx.TransferUnit, units.transfer_unit, 20),
    (tx.AskGrant, grants.ask_grant, 4),
    (tx.GiveGrant, grants.give_grant, 4),
    (tx.DeclineGrant, grants.decline_grant, 4),
    (tx.RevokeGrant, grants.revoke_grant, 4),
    (tx.PostRequest, requests.post_request, 80),
    (tx.WithdrawRequest, requests.withdraw_request, 200),
    (tx.ReuseRecord, requests.reuse_record, 20),
    (tx.OpenTest, requests.open_test, 8),
    (tx.ChooseTeam, teams.choose_team, 200),
    (tx.Apply, teams.apply, 60),
    (tx.WithdrawApplication, teams.withdraw_application, 4),
    (tx.Grade, teams.grade, 200),
    (tx.Leave, teams.leave, 8),
    (tx.RegisterTeam, teams.register_team, 200),
    (tx.JoinTeam, teams.join_team, 4),
    (tx.Post, rounds.post, 4),
    (tx.Reveal, rounds.reveal, 8),
    (tx.Nudge, rounds.nudge, 2),
    (tx.PostRecord, records.post_record, 8),
    (tx.Approve, records.approve, 4),
    (tx.Certify, records.certify, 4),
    (tx.Deliver, chains.deliver, 200),
    (tx.Freeze, chains.freeze, 200),
)

HANDLERS: dict[type[tx.Body], Handler] = {kind: handler for kind, handler, _ in _TABLE}
WEIGHTS: dict[type[tx.Body], int] = {kind: weight for kind, _, weight in _TABLE}
DEVICE_KINDS: tuple[type[tx.Body], ...] = (tx.Post, tx.Reveal, tx.Report, tx.Nudge, tx.Deliver)
