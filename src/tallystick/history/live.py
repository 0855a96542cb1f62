"""A run as somebody follows it: each block becomes moments, with who scored whom and the ε spent so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ..base.codec import Malformed
from ..base.measure import Measure
from ..engines.engine import CommittedBlock, View
from ..ledger import transactions as tx
from ..ledger.notices import PrivacyCharged, RoundEnded
from .replay import Judged, scores_in
from .sentences import Moment, tell

NANO = 10**9


@dataclass(eq=False)
class Onlooker:
    """Hears every block and tells `watch` what a person would want to know."""

    watch: Callable[[Moment], None]
    measure: Measure
    of_result: bool  # whether a round judges the model it ends with
    charged: bool  # whether training is charged to a privacy budget
    spent: int = 0
    scores: list[Judged] = field(default_factory=list)

    def hear(self, block: CommittedBlock, view: View) -> None:
        """What a block says, in its order."""
        for receipt, data in zip(block.receipts, view.block(block.height).transactions, strict=True):
            if not receipt.code:
                self.scores += _scores(view, receipt.member, data)
        for notice in [*block.notices, *(one for receipt in block.receipts for one in receipt.notices)]:
            if isinstance(notice, PrivacyCharged):
                self.spent = max(self.spent, notice.epsilon_nano)
            moment = tell(notice, self.measure, block.time, self.of_result)
            if moment is not None:
                self.watch(self._with_figures(moment))

    def _with_figures(self, moment: Moment) -> Moment:
        spent = self.spent / NANO if self.charged else None
        if not isinstance(moment.notice, RoundEnded):
            return replace(moment, epsilon=spent)
        told = tuple(one for one in self.scores if one.round == moment.round)
        self.scores = []
        return replace(moment, epsilon=spent, scores=told)


def _scores(view: View, judge: str, data: bytes) -> list[Judged]:
    try:
        return scores_in(view, judge, tx.decode_envelope(tx.decode_signed(data).envelope).body)
    except Malformed:
        return []
