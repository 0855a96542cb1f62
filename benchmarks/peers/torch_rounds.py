"""Averaging in plain PyTorch: a loop over members; run by the peers' own interpreter."""

from __future__ import annotations

import json
import statistics
import sys
import time

import numpy as np

HIDDEN, SIZE, RATE = 128, 32, 0.1


def network():
    """MLP 784-128-10."""
    from torch import nn

    return nn.Sequential(nn.Linear(784, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 10))


def train(net, x, y) -> None:
    """One epoch of plain gradient descent in shuffled batches."""
    import torch
    from torch.nn.functional import cross_entropy

    optimiser = torch.optim.SGD(net.parameters(), lr=RATE)
    for places in torch.randperm(len(y)).split(SIZE):
        optimiser.zero_grad()
        cross_entropy(net(x[places]), y[places]).backward()
        optimiser.step()


def accuracy(net, x, y) -> float:
    import torch

    with torch.no_grad():
        return float((net(x).argmax(1) == y).float().mean())


def play(x, y, rounds: int, net) -> list[float]:
    """Seconds of each round; the model ends up averaged."""
    import torch

    spent = []
    member = network()
    for _ in range(rounds):
        begun = time.perf_counter()
        start = {name: part.clone() for name, part in net.state_dict().items()}
        total = {name: torch.zeros_like(part) for name, part in start.items()}
        for own_x, own_y in zip(x, y, strict=True):
            member.load_state_dict(start)
            train(member, own_x, own_y)
            for name, part in member.state_dict().items():
                total[name] += part
        net.load_state_dict({name: part / len(y) for name, part in total.items()})
        spent.append(time.perf_counter() - begun)
    return spent


def main(path: str) -> None:
    import torch

    given = np.load(path)
    x = torch.tensor(given["x"]).float() / 255
    y = torch.tensor(given["y"]).long()
    timed = {}
    for threads in (1, torch.get_num_threads()):
        torch.set_num_threads(threads)
        torch.manual_seed(1)
        timed[threads] = statistics.median(play(x[: len(x) // 4], y[: len(y) // 4], 2, network()))
    best = min(timed, key=timed.get)
    torch.set_num_threads(best)
    torch.manual_seed(1)
    net = network()
    spent = play(x, y, int(given["rounds"]) + 1, net)[1:]
    test_x, test_y = torch.tensor(given["test_x"]).float() / 255, torch.tensor(given["test_y"]).long()
    answer = {
        "what": f"PyTorch {torch.__version__.split('+')[0]} in a loop, {best} threads",
        "median": statistics.median(spent),
        "accuracy": accuracy(net, test_x, test_y),
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1])
