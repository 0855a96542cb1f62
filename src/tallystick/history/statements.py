"""What may be stated besides the notices: how the privacy of rows stands, and why somebody was sent away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..base.events import Protects

RowsKind: TypeAlias = Literal["training", "judging"]


ADJACENCY = "add or remove one"  # in the sense of which every ε here protects


@dataclass(frozen=True)
class Charged:
    """Everything that was published of these rows was noised, and charged to a budget."""

    rows: RowsKind
    epsilon: float  # of whoever did most, by the tighter accountant
    delta: float
    protects: Protects
    accountant: str
    spent_nano: int  # by the ledger's own account, of whoever spent most
    budget_nano: int

    def __str__(self) -> str:
        return privacy_sentence(self)


@dataclass(frozen=True)
class NothingPublished:
    """Nothing that depends on these rows was published."""

    rows: RowsKind
    phases: tuple[str, ...] = ()  # those that would have published something, and did not come to it

    def __str__(self) -> str:
        return privacy_sentence(self)


@dataclass(frozen=True)
class NoGuarantee:
    """Something was published of these rows without a formal guarantee."""

    rows: RowsKind
    phases: tuple[str, ...]  # what publishes it

    def __str__(self) -> str:
        return privacy_sentence(self)


PrivacyStatement: TypeAlias = Charged | NothingPublished | NoGuarantee


def privacy_sentence(statement: PrivacyStatement) -> str:
    """What is guaranteed for a kind of rows: ε with whom it protects and who accounted, or nothing."""
    return f"{statement.rows} rows: {guarantee(statement)}"


def guarantee(statement: PrivacyStatement) -> str:
    """The same without saying of which rows."""
    match statement:
        case NoGuarantee(_, phases):
            return f"no formal guarantee (what {', '.join(phases)} publishes depends on them)"
        case NothingPublished(_, phases):
            return "nothing was published" if phases else "nothing that depends on them is published"
        case Charged():
            return (
                f"{spent(statement)}; the ledger's own account has {nano(statement.spent_nano)} of "
                f"{nano(statement.budget_nano)} for whoever spent most"
            )


def spent(statement: Charged) -> str:
    """ε as the tighter accountant has it, with δ, whom it protects, and by whose account."""
    return f"ε = {statement.epsilon:.4g} {terms(statement)}"


def terms(statement: Charged) -> str:
    """What belongs to every ε."""
    return f"at δ = {statement.delta:g} for one {statement.protects} ({ADJACENCY}), by {statement.accountant}"


def nano(epsilon: int) -> str:
    """An ε of the ledger with three places, rounded up as an ε must be."""
    return f"{-(-epsilon // 10**6) / 1000:g}"


@dataclass(frozen=True)
class Evidence:
    """The scores by which a member was sent away, in the measure's own dimension; each a median."""

    round: int
    own: float | None  # of its model
    lowest: float | None  # of the others' models
    highest: float | None
    start: float | None  # of the model that the round started from
    astray: tuple[str, float, float] | None = None  # which model it judged most unlike them: they, it

    @property
    def of_judging(self) -> bool:
        """Whether its model was like the others', so that it went for how it judged."""
        if self.own is None or self.lowest is None or self.highest is None:
            return True
        return self.lowest <= self.own <= self.highest
