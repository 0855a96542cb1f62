"""What may be stated besides the notices: how the privacy of rows stands, and why somebody was sent away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from ..base.events import Protects

RowsKind: TypeAlias = Literal["training", "judging"]


class Statement:
    """What is stated about the privacy of rows; printed, it is its sentence."""

    def __str__(self) -> str:
        from .sentences import privacy_sentence

        return privacy_sentence(cast("PrivacyStatement", self))


@dataclass(frozen=True)
class Charged(Statement):
    """Everything that was published of these rows was noised, and charged to a budget."""

    rows: RowsKind
    epsilon: float  # of whoever did most, by the tighter accountant
    delta: float
    protects: Protects
    accountant: str
    spent_nano: int  # by the ledger's own account, of whoever spent most
    budget_nano: int


@dataclass(frozen=True)
class NothingPublished(Statement):
    """Nothing that depends on these rows was published."""

    rows: RowsKind
    phases: tuple[str, ...] = ()  # those that would have published something, and did not come to it


@dataclass(frozen=True)
class NoGuarantee(Statement):
    """Something was published of these rows without a formal guarantee."""

    rows: RowsKind
    phases: tuple[str, ...]  # what publishes it


PrivacyStatement: TypeAlias = Charged | NothingPublished | NoGuarantee


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
