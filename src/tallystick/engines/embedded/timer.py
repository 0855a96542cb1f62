"""A thread that makes the blocks which nobody waits for: what lingers in the pool, and what comes due."""

from collections.abc import Callable
from threading import Condition, Thread
from typing import final

from ..engine import EngineStopped


@final
class Timer:
    """Calls `act` once `due_in` says that no more seconds are left; None means that nothing is expected."""

    def __init__(self, due_in: Callable[[], float | None], act: Callable[[], None]) -> None:
        self._due_in = due_in
        self._act = act
        self._condition = Condition()
        self._ended = False
        self._thread = Thread(target=self._run, name="tallystick-blocks", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """What is expected has changed."""
        with self._condition:
            self._condition.notify()

    def end(self) -> None:
        with self._condition:
            self._ended = True
            self._condition.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._condition:
                if self._ended:
                    return
                left = self._due_in()
                if left is None or left > 0:
                    self._condition.wait(left)
                    continue
            try:
                self._act()
            except EngineStopped:
                return
