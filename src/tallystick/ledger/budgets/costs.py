"""What privacy costs a unit: one curve for the rows that are trained on, one for those that judge."""

from ...base.codec import Record
from ...base.events import Event
from . import curves
from .curves import ZERO, Curve

ROWS = ("training", "judging")
LARGEST = 2**62  # sums of curves stay inside the encoding


class Costs(Record):
    """Renyi curves by the rows that they are charged to; training and judging rows never mix."""

    training: Curve = ZERO
    judging: Curve = ZERO

    def of(self, rows: str) -> Curve:
        """The curve of one kind of rows."""
        return self.training if rows == "training" else self.judging

    def __add__(self, more: "Costs") -> "Costs":
        return Costs(curves.add(self.training, more.training), curves.add(self.judging, more.judging))

    def __sub__(self, part: "Costs") -> "Costs":
        """What remains when a part that was added before never happened; refuses any other."""
        return Costs(
            curves.subtract(self.training, part.training), curves.subtract(self.judging, part.judging)
        )

    def epsilon(self, rows: str, delta_pico: int) -> int:
        """Nano-units of epsilon that one kind of rows comes to."""
        return curves.epsilon(self.of(rows), delta_pico)


NOTHING = Costs()


def cost_of(event: Event, rows: str, times: int = 1) -> Costs:
    """What so many repetitions of an event cost these rows."""
    curve = curves.times(curves.curve(event), times)
    return Costs(training=curve) if rows == "training" else Costs(judging=curve)


def fits(total: Costs, more: Costs, rows: str, limit: int, delta_pico: int) -> bool:
    """Whether this total, to which `more` was added, keeps within a limit; what adds nothing always does."""
    within = total.epsilon(rows, delta_pico) <= limit and max(total.of(rows)) < LARGEST
    return within or not any(more.of(rows))
