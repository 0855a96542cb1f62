"""bpcv (Liu et al.) fig. 7: what an attacker finds out about who was trained on, under four ways to train.

The paper's "privacy protection degree" is undefined (erratum 9). Here each way is attacked alike: a fair coin
says of each of the members' rows whether it is trained on, and the last model alone is asked which were
(LiRA, Carlini et al. 2022). The degree is 1 where the attack only guesses, 0 where it always knows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from benchmarks.case import Case, Measured, Progress
from experiments.mutual.learning import DELTA, EPSILON, SEEDS
from experiments.seeds import over_seeds

if TYPE_CHECKING:
    from tallystick.protocols.vocabulary import Protocol

MEMBERS, ROWS, ROUNDS, SHADOWS = 30, 80, 40, 16
RATE, HIDDEN, SIZE, STEPS, CLIP = 0.3, 32, 10, 4, 1.0
FPR = 0.01
WAYS = {
    "none": "mutual without noise",
    "sound": "mutual, total (10, 1e-5) for one record",
    "printed": "mutual, printed Laplace noise, ε = 10 at every step",
    "page": "FedPAGE",
    "overlap": "Overlap-FedAvg",
}

FEW = 20  # rows that the smallest member has at least: what it draws from


def attacked(way: str, seed: int, rounds: int, shadows: int) -> dict[str, float]:
    """Train the target and its shadows in one way, and attack the target."""
    import numpy as np

    from experiments.pictures import pictures
    from tallystick.learning.learner import Rows
    from tallystick.privacy import audit

    data = pictures("mnist", "pooled")
    chance = np.random.default_rng(seed)
    pool = chance.permutation(len(data.train.y))[: MEMBERS * ROWS].reshape(MEMBERS, ROWS)
    x, y = data.train.x[pool], data.train.y[pool]
    coins = chance.random((MEMBERS, ROWS)) < 0.5
    # Every row lies in just half of the shadows.
    ranks = np.argsort(chance.random((shadows, MEMBERS, ROWS)), axis=0)
    inside = ranks < shadows // 2
    train = trainer(way, x, y, rounds)
    rows = Rows(x.reshape(MEMBERS * ROWS, -1), y.reshape(-1))

    def odds(mask: Any, number: int) -> tuple[Any, float]:
        learner, model = train(mask, 100 * seed + number)
        logits = np.asarray(learner.predict(model, rows.x), np.float64)
        hits = np.asarray(learner.predict(model, data.test.x)).argmax(axis=1) == data.test.y
        return audit.log_odds(logits[np.arange(len(rows.y)), rows.y]), float(hits.mean())

    target, accuracy = odds(coins, 0)
    seen = np.stack([odds(mask, number)[0] for number, mask in enumerate(inside, 1)])
    scores = audit.likelihood_ratio(target, seen, inside.reshape(shadows, -1))
    membership = audit.membership(scores, coins.reshape(-1), FPR)
    return {
        "protection": membership.protection,
        "tpr": membership.tpr,
        "bound": audit.one_run(scores, coins.reshape(-1), DELTA),
        "accuracy": accuracy,
    }


def trainer(way: str, x: Any, y: Any, rounds: int) -> Callable[[Any, int], Any]:
    """From who is trained on and a seed to the learner and the last model."""
    from tallystick.learning.models import mlp

    learner = mlp(HIDDEN, rate=RATE)
    if way in ("page", "overlap"):
        return lambda mask, seed: (learner, peer(way, x, y, mask, seed, rounds))
    return lambda mask, seed: (learner, ours(way, x, y, mask, seed, rounds))


def ours(way: str, x: Any, y: Any, mask: Any, seed: int, rounds: int) -> Any:
    """The phases of `mutual`; as printed with its plain mean."""
    from experiments.mutual.rounds import Loop
    from experiments.pictures import pictures
    from tallystick.learning.learner import Rows
    from tallystick.learning.models import mlp
    from tallystick.protocols.plans import plan_for
    from tallystick.simulation.members import Members
    from tallystick.simulation.setting import Brought

    own = {}
    for place in range(len(x)):
        kept = mask[place]
        rows = Rows(x[place][kept], y[place][kept])
        own[f"member-{place:02}"] = Brought(rows, rows, (b"", b""))
    scheme = plan_for("mutual", mlp(HIDDEN, rate=RATE), rounds, batch=SIZE)
    team = Members(pictures("mnist", "pooled").task, own)
    loop = Loop(scheme, team, seed, protocol_of(way, len(x), rounds))
    for _ in range(rounds):
        loop.step()
    return loop.model


@cache
def protocol_of(way: str, members: int, rounds: int) -> Protocol:
    """`mutual` with this noise; one object for all shadows, so that they share what is compiled."""
    from tallystick.protocols.composing import composed
    from tallystick.protocols.noise import dp_sgd, printed_laplace

    noise = {
        "printed": {"as_printed": True, **printed_laplace(EPSILON, CLIP).asked},
        "sound": {"least_rows": FEW, **dp_sgd(EPSILON, DELTA, steps=STEPS, clip=CLIP).asked},
    }
    return composed("mutual", {"size": members, "rounds": rounds, **noise.get(way, {})}, batch=SIZE).protocol


def peer(way: str, x: Any, y: Any, mask: Any, seed: int, rounds: int) -> Any:
    """One of the two other algorithms, from the same first model."""
    from types import SimpleNamespace

    import jax
    import jax.numpy as jnp

    from experiments.mutual import peers as mutual_peers
    from experiments.pictures import pictures
    from tallystick.learning.models import mlp

    learner = mlp(HIDDEN, rate=RATE)
    held = mutual_peers.Held(jnp.asarray(x), jnp.asarray(y), jnp.asarray(mask, jnp.float32))
    first = learner.init(SimpleNamespace(task=pictures("mnist", "pooled").task), jax.random.key(seed))
    step = getattr(mutual_peers, way)(learner, RATE, STEPS, SIZE)
    state = (first, first, jax.tree.map(jnp.zeros_like, first))
    for number in range(rounds):
        state = step(state, held, jax.random.fold_in(jax.random.key(seed), number))
    return state[0]


def figure_7(seeds: Sequence[int], smoke: bool, progress: Progress) -> list[Measured]:
    """The degree of each way, the share of members found at 1 % false alarms, the audit's lower bound."""
    rounds, shadows = (2, 4) if smoke else (ROUNDS, SHADOWS)
    rows = []
    for way, words in WAYS.items():
        attacks = {
            seed: progress.once(f"{way} {seed}", lambda: attacked(way, seed, rounds, shadows))  # noqa: B023
            for seed in seeds
        }
        for kind, meant in KINDS.items():
            values = {seed: attack[kind] for seed, attack in attacks.items()}
            rows.append(over_seeds(f"{meant}: {words}", values, note=NOTES.get(kind, "")))
    return rows


KINDS = {
    "protection": "degree of protection",
    "tpr": "rows found at 1 % false alarms",
    "bound": "lower bound on ε (95 %, δ = 1e-5)",
    "accuracy": "test accuracy",
}
NOTES = {
    "protection": f"{MEMBERS} members with about {ROWS // 2} rows of MNIST each, {SHADOWS} shadow models",
    "bound": "of one run, by the last model alone; a lower bound shows leaks, never safety",
}
CASES = tuple(
    Case(
        "papers",
        "mutual-fig7" + ("-full" if full else ""),
        "bpcv fig. 7: membership inference beside FedPAGE and Overlap-FedAvg",
        partial(figure_7, SEEDS if full else SEEDS[:1]),
        minutes=15 if full else 5,
        full=full,
    )
    for full in (False, True)
)
