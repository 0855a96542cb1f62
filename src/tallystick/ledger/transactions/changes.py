"""What can be put to the vote."""

from typing import Annotated

from msgspec import Meta

from ...base.codec import Record
from ...base.ids import Id, Name, PublicKey, Role, Signature
from .descriptions import ChainTerms

Number = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Positive = Annotated[int, Meta(ge=1, le=2**53 - 1)]
Roles = Annotated[tuple[Role, ...], Meta(max_length=7)]


class Admit(Record, tag_field="kind", tag=str.lower):
    """Admit an organisation under a new id with proof that it holds its key."""

    member: Name
    key: PublicKey
    possession: Signature
    encryption_key: PublicKey
    roles: Roles


class Suspend(Record, tag_field="kind", tag=str.lower):
    """Take a member's right to act, not its tokens."""

    member: Name


class Reinstate(Record, tag_field="kind", tag=str.lower):
    """Give a suspended member its right to act again."""

    member: Name


class Recover(Record, tag_field="kind", tag=str.lower):
    """Give a member that lost its key a new one."""

    member: Name
    key: PublicKey
    possession: Signature
    encryption_key: PublicKey


class SetRoles(Record, tag_field="kind", tag=str.lower):
    """Change what a member may do."""

    member: Name
    roles: Roles


class Mint(Record, tag_field="kind", tag=str.lower):
    """Issue tokens to a member below the cap."""

    member: Name
    amount: Positive


class FillPool(Record, tag_field="kind", tag=str.lower):
    """Issue tokens to the reward pool below the cap."""

    amount: Positive


class Dispute(Record, tag_field="kind", tag=str.lower):
    """Decide that a unit belongs to another member than the one who registered it."""

    unit: Id
    owner: Name


class Upgrade(Record, tag_field="kind", tag=str.lower):
    """Apply another version of the rules from a height on."""

    version: Annotated[int, Meta(ge=1, le=1000)]
    height: Number


class RegisterChain(Record, tag_field="kind", tag=str.lower):
    """Let requests run on another chain, or trust it anew: after a freeze, or when trust has lapsed."""

    terms: ChainTerms


Change = (
    Admit | Suspend | Reinstate | Recover | SetRoles | Mint | FillPool | Dispute | Upgrade | RegisterChain
)
