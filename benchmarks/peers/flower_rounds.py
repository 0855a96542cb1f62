"""Averaging in Flower's simulation (Ray), rows kept in each worker; run by the peers' own interpreter."""

from __future__ import annotations

import json
import statistics
import sys
import time
from functools import cache

import numpy as np


@cache
def rows(path: str):
    """All members' rows, read once in each worker."""
    import torch

    given = np.load(path)
    return torch.tensor(given["x"]).float() / 255, torch.tensor(given["y"]).long()


def client_of(path: str):
    """A client as Flower's own quickstart writes it."""
    import torch
    from flwr.client import ClientApp, NumPyClient
    from torch_rounds import network, train

    class Member(NumPyClient):
        def __init__(self, number: int) -> None:
            self.number = number

        def fit(self, parameters, config):
            x, y = rows(path)
            torch.set_num_threads(1)
            net = network()
            names = net.state_dict().keys()
            net.load_state_dict({n: torch.tensor(p) for n, p in zip(names, parameters, strict=True)})
            train(net, x[self.number], y[self.number])
            return [part.numpy() for part in net.state_dict().values()], len(y[self.number]), {}

    return ClientApp(client_fn=lambda context: Member(int(context.node_config["partition-id"])).to_client())


def main(path: str) -> None:
    import flwr
    import torch
    from flower_rounds import client_of
    from flwr.common import ndarrays_to_parameters, parameters_to_ndarrays
    from flwr.server import ServerApp, ServerAppComponents, ServerConfig
    from flwr.server.strategy import FedAvg
    from flwr.simulation import run_simulation
    from torch_rounds import accuracy, network

    given = np.load(path)
    members, count = len(given["y"]), int(given["rounds"])
    torch.manual_seed(1)
    first = [part.numpy() for part in network().state_dict().values()]
    marks, last = [], []

    class Watched(FedAvg):
        def aggregate_fit(self, server_round, results, failures):
            if failures:
                raise RuntimeError(failures[0])
            combined = super().aggregate_fit(server_round, results, failures)
            marks.append(time.perf_counter())
            last[:] = parameters_to_ndarrays(combined[0])
            return combined

    def server(context):
        strategy = Watched(
            fraction_fit=1.0,
            fraction_evaluate=0.0,
            min_fit_clients=members,
            min_available_clients=members,
            initial_parameters=ndarrays_to_parameters(first),
        )
        return ServerAppComponents(strategy=strategy, config=ServerConfig(num_rounds=count + 2))

    run_simulation(
        server_app=ServerApp(server_fn=server),
        client_app=client_of(path),
        num_supernodes=members,
        backend_config={"client_resources": {"num_cpus": 1, "num_gpus": 0.0}},
    )
    net = network()
    net.load_state_dict({n: torch.tensor(p) for n, p in zip(net.state_dict(), last, strict=True)})
    x, y = torch.tensor(given["test_x"]).float() / 255, torch.tensor(given["test_y"]).long()
    answer = {
        "what": f"Flower {flwr.__version__}'s simulation",
        "median": statistics.median(np.diff(marks)[1:].tolist()),
        "accuracy": accuracy(net, x, y),
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1])
