"""Headers that are believed: from the genesis on, by the rules of CometBFT's light client."""

from collections.abc import Callable
from threading import RLock
from typing import Final, final

from ...base import light
from ..engine import EngineError
from .rpc import RpcNode

YEAR: Final = 365 * 86_400 * 10**9  # nanoseconds
# The keys are organisations', which answer for them, and a quiet chain makes no headers: a header is
# trusted for a year, where chains of staked keys trust one for weeks.
KEPT: Final = 1_000  # headers


@final
class Trust:
    """What is verified of a chain so far; it begins with the genesis, which its holder has compared."""

    def __init__(
        self,
        chain: str,
        founders: tuple[bytes, ...],
        now: Callable[[], int],
        anchor: tuple[int, bytes] | None = None,
        period: int = YEAR,
    ) -> None:
        self._chain = chain
        self._founders = sorted(founders)
        self._anchor = anchor
        self._now = now  # nanoseconds since 1970
        self._period = period
        self._lock = RLock()
        self._known: dict[int, light.SignedHeader] = {}

    def header(self, node: RpcNode, height: int) -> light.SignedHeader:
        """The header of a height, verified; `light.NotProven` where the node's is not to be believed."""
        with self._lock:
            if height in self._known:
                return self._known[height]
            if height < 1:
                raise EngineError(f"there is no header {height}")
            if not self._known:
                self._begin(node)
                if height in self._known:
                    return self._known[height]
            before = [known for known in self._known if known < height]
            if not before:
                first = min(self._known)
                raise EngineError(f"header {height} lies before header {first}, with which trust begins here")
            trusted = self._known[max(before)]
            signed = node.signed(height)
            self._verify(node, trusted, signed)
            return signed

    def _begin(self, node: RpcNode) -> None:
        """The anchor, or the first header, signed by those whom the genesis names."""
        if self._anchor is not None:
            height, anchored = self._anchor
            signed = node.signed(height)
            if light.header_hash(signed.header) != anchored:
                raise light.NotProven(f"header {height} is another one than the anchor")
            light.verify_signed(self._chain, signed)
            self._known[height] = signed
            return
        signed = node.signed(1)
        if sorted(validator.public for validator in signed.validators) != self._founders:
            raise light.NotProven("the first header names other validators than the genesis")
        light.verify_signed(self._chain, signed)
        self._known[1] = signed

    def _verify(self, node: RpcNode, trusted: light.SignedHeader, signed: light.SignedHeader) -> None:
        """At once where enough of those trusted signed, else by way of a header between the two."""
        at, height = trusted.header.height, signed.header.height
        announced: light.Validators = () if height == at + 1 else node.validators(at + 1)
        try:
            light.verify_header(
                trusted.header, signed, now=self._now(), trusting_period=self._period, announced=announced
            )
        except light.NotProven:
            if height == at + 1:
                raise
            between = node.signed((at + height) // 2)
            self._verify(node, trusted, between)
            self._verify(node, between, signed)
        self._keep(signed)

    def _keep(self, signed: light.SignedHeader) -> None:
        self._known[signed.header.height] = signed
        if len(self._known) > KEPT:
            for height in sorted(self._known)[1 : KEPT // 2]:  # the first one stays
                del self._known[height]
