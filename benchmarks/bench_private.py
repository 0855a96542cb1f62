"""How fast one member trains with per-row clipping and noise, beside Opacus in an environment of its own."""

from __future__ import annotations

import math
from typing import Any

from benchmarks import peers
from benchmarks.bench_learning import Setting, seconds
from benchmarks.case import Case, Measured, Peer, Progress, at_least


def dp_sgd(smoke: bool, progress: Progress) -> list[Measured]:
    """One member's DP-SGD at batch 128: rows a second, clipped by ghost norms, noise added."""
    rows = 512 if smoke else 25_600
    setting = Setting.of(1, rows)
    ghost = {size: private_rate(setting, size, ghost=True) for size in (32, 128)}
    progress(f"ghost norms {ghost[128]:.0f} rows/s at batch 128")
    single = private_rate(setting, 128, ghost=False, share=8)
    figures = [
        Measured(
            what="DP-SGD at batch 128",
            value=ghost[128],
            unit="rows/s",
            peer=Peer("JAX, vmap of the gradient", single),
            note=f"{ghost[32]:.0f} at batch 32; noise drawn from the key, as in simulations"
            + ("" if peers.ready() else f"; {peers.MISSING}"),
        )
    ]
    if peers.ready():
        other = progress.once("opacus", lambda: peers.private(setting, 128, progress))
        figures.append(
            Measured(
                what=f"times as fast as {other['what']}",
                value=ghost[128] / other["rate"],
                unit="×",
                target=at_least(2.5),
                note=f"{other['rate']:.0f} rows/s",
            )
        )
    return figures


def private_rate(setting: Setting, size: int, ghost: bool, share: int = 1) -> float:
    """Rows a second of one epoch of DP-SGD, the best of five."""
    import jax
    import jax.numpy as jnp

    from tallystick.learning.batches import batches, keys_of, shuffled
    from tallystick.learning.chance import normal
    from tallystick.learning.cohort import train
    from tallystick.learning.learner import clipped

    def noise(sums: Any, key: Any) -> Any:
        keys = {name: jax.random.fold_in(key, place) for place, name in enumerate(sorted(sums))}
        return {name: part + 1.1 * normal(keys[name], part.shape) for name, part in sums.items()}

    def by_row(loss: Any, model: Any, batch: Any, key: Any) -> Any:
        def gradient_of(x: Any, y: Any, mask: Any) -> Any:
            return loss.mean(model, type(batch)(x[None], y[None], mask[None], None))[1]

        slopes = jax.vmap(gradient_of)(batch.x, batch.y, batch.mask)
        squares = [jnp.sum(part**2, axis=tuple(range(1, part.ndim))) for part in slopes.values()]
        scale = jnp.minimum(1, 1 / jnp.sqrt(sum(squares)))
        sums = {name: jnp.tensordot(scale, part, axes=1) for name, part in slopes.items()}
        return jnp.float32(0), {name: part / size for name, part in noise(sums, key).items()}

    hook = clipped(1.0, float(size), noise) if ghost else by_row
    work = setting.work(0)
    rows = work.cohort.members[0]
    count = len(rows.y) // share
    given = batches(rows, shuffled(count, size, 1, keys_of([(1,)])[0]))
    train(work.learner, work.start, (), given, work.keys[0], hook)
    best = min(
        seconds(lambda: train(work.learner, work.start, (), given, work.keys[0], hook)) for _ in range(5)
    )
    return math.floor(count / best)


CASES = (Case("bench", "dp-sgd", "one member's training with per-row clipping and noise", dp_sgd, minutes=2),)
