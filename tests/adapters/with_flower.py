"""Flower clients in the form that its quickstart has, plugged in unchanged; `make adapters` runs this.

Only `load_data` is another: it takes its rows from `tallystick.adapters.flower.rows`.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import jax
import numpy as np
import pytest
import torch
from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.client import NumPyClient
from flwr.clientapp import ClientApp
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from tallystick.adapters.flower import learner, rows
from tallystick.adapters.own import BadLearner, CannotPredict
from tallystick.base.measure import MEASURES
from tallystick.learning.batches import batches
from tallystick.learning.cohort import train as train_one_member
from tests.adapters.battery import BATTERY, LARGEST, Row, a_team_learns, run, same, work_of
from tests.learning.cohorts import Plan, invented_task

torch.set_num_threads(1)


# task.py: the network and its loops, as the quickstart has them


class Net(nn.Module):
    def __init__(self, inputs: int = 6, labels: int = 4):
        super().__init__()
        self.fc1 = nn.Linear(inputs, 16)
        self.norm = nn.BatchNorm1d(16)
        self.fc2 = nn.Linear(16, labels)

    def forward(self, x):
        return self.fc2(torch.relu(self.norm(self.fc1(x))))


def load_data(partition_id: int, num_partitions: int, batch_size: int = 16):
    """The one function that is not the quickstart's own."""
    x, y = rows()
    data = TensorDataset(torch.tensor(x), torch.tensor(y).long())
    return DataLoader(data, batch_size=batch_size, shuffle=True), DataLoader(data, batch_size=batch_size)


def fit(net, trainloader, epochs, lr):
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(net.parameters(), lr=lr)
    net.train()
    running_loss = 0.0
    for _ in range(epochs):
        for x, y in trainloader:
            if len(x) == 1:
                net.eval()
            optimizer.zero_grad()
            loss = criterion(net(x), y)
            loss.backward()
            optimizer.step()
            running_loss += loss.item()
    return running_loss / len(trainloader)


def measure(net, testloader):
    net.eval()
    correct, loss = 0, 0.0
    with torch.no_grad():
        for x, y in testloader:
            outputs = net(x)
            loss += nn.CrossEntropyLoss()(outputs, y).item()
            correct += (outputs.argmax(1) == y).sum().item()
    return loss / len(testloader), correct / len(testloader.dataset)


# client_app.py in the newer form: messages

app = ClientApp()


@app.train()
def train(msg: Message, context: Context):
    model = Net(context.run_config["inputs"], context.run_config["labels"])
    model.load_state_dict(msg.content["arrays"].to_torch_state_dict())
    partition_id = context.node_config["partition-id"]
    num_partitions = context.node_config["num-partitions"]
    trainloader, _ = load_data(partition_id, num_partitions)
    loss = fit(model, trainloader, context.run_config["local-epochs"], msg.content["config"]["lr"])
    model_record = ArrayRecord(model.state_dict())
    metrics = {"train_loss": loss, "num-examples": len(trainloader.dataset)}
    content = RecordDict({"arrays": model_record, "metrics": MetricRecord(metrics)})
    return Message(content=content, reply_to=msg)


@app.evaluate()
def evaluate(msg: Message, context: Context):
    model = Net(context.run_config["inputs"], context.run_config["labels"])
    model.load_state_dict(msg.content["arrays"].to_torch_state_dict())
    _, testloader = load_data(context.node_config["partition-id"], context.node_config["num-partitions"])
    loss, accuracy = measure(model, testloader)
    metrics = {"eval_loss": loss, "eval_acc": accuracy, "num-examples": len(testloader.dataset)}
    return Message(content=RecordDict({"metrics": MetricRecord(metrics)}), reply_to=msg)


# client.py in the older form: a NumPyClient, with what it keeps in its context


def get_weights(net):
    return [val.cpu().numpy() for _, val in net.state_dict().items()]


def set_weights(net, parameters):
    params_dict = zip(net.state_dict().keys(), parameters, strict=True)
    net.load_state_dict(OrderedDict({k: torch.tensor(v) for k, v in params_dict}), strict=True)


class FlowerClient(NumPyClient):
    def __init__(self, net, trainloader, valloader, local_epochs, state):
        self.net, self.trainloader, self.valloader = net, trainloader, valloader
        self.local_epochs, self.state = local_epochs, state

    def get_parameters(self, config):
        return get_weights(self.net)

    def fit(self, parameters, config):
        set_weights(self.net, parameters)
        if "fits" not in self.state.metric_records:
            self.state.metric_records["fits"] = MetricRecord({"count": 0})
        self.state.metric_records["fits"]["count"] += 1
        loss = fit(self.net, self.trainloader, self.local_epochs, 0.02)
        return get_weights(self.net), len(self.trainloader.dataset), {"train_loss": loss}

    def evaluate(self, parameters, config):
        set_weights(self.net, parameters)
        loss, accuracy = measure(self.net, self.valloader)
        return loss, len(self.valloader.dataset), {"accuracy": accuracy}


def client_fn(context: Context):
    net = Net(context.run_config["inputs"], context.run_config["labels"])
    partition_id = context.node_config["partition-id"]
    num_partitions = context.node_config["num-partitions"]
    trainloader, valloader = load_data(partition_id, num_partitions)
    local_epochs = context.run_config["local-epochs"]
    return FlowerClient(net, trainloader, valloader, local_epochs, context.state).to_client()


class Mean(NumPyClient):
    """No PyTorch at all: the mean row of each label, one array at a time."""

    def get_parameters(self, config):
        x, _ = rows()
        return [np.zeros((4, x.shape[1])), np.zeros(4, np.float32)]

    def fit(self, parameters, config):
        x, y = rows()
        middle, bias = (np.array(part) for part in parameters)
        for label in np.unique(y):
            middle[label] += 0.5 * (x[y == label].mean(axis=0) - middle[label])
        return [middle, bias + 0.01], len(y), {}

    def evaluate(self, parameters, config):
        x, y = rows()
        far = ((x[:, None] - parameters[0][None]) ** 2).sum(axis=2)
        return float(far.min(axis=1).mean()), len(y), {"accuracy": float((far.argmin(axis=1) == y).mean())}


def newer(inputs: int = 6, labels: int = 4) -> Any:
    return learner(
        app,
        "quickstart",
        first=lambda: Net(inputs, labels).state_dict(),
        run_config={"local-epochs": 2, "inputs": inputs, "labels": labels},
        train_config={"lr": 0.02},
        measures={"accuracy": "eval_acc"},
    )


def older(inputs: int = 6, labels: int = 4) -> Any:
    config = {"local-epochs": 2, "inputs": inputs, "labels": labels}
    return learner(client_fn, "older-client", run_config=config)


ROWS = {
    "messages": Row(newer()),
    "client-fn": Row(older()),
    "client-app-of-client-fn": Row(
        learner(ClientApp(client_fn), "app", run_config={"local-epochs": 1, "inputs": 6, "labels": 4})
    ),
    "numpy-client": Row(learner(Mean(), "mean"), loss=False),
}
CHECKS = {name: check for name, check in BATTERY.items() if name != "predictions_have_the_form_of_the_task"}


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_battery(row: Row, check: Any) -> None:
    before = torch.random.get_rng_state()
    check(row)
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_training_is_what_the_clients_own_code_does() -> None:
    work = work_of(ROWS["messages"])
    done = run(ROWS["messages"], (5,))
    rows_of = work.cohort.members[5]
    net = Net()
    net.load_state_dict(
        {**net.state_dict(), **{name: torch.tensor(part) for name, part in work.start.items()}}
    )
    data = TensorDataset(torch.tensor(rows_of.x), torch.tensor(rows_of.y).long())
    lost = fit(net, DataLoader(data, batch_size=16), 2, 0.02)

    assert set(done.mean()) == set(work.start)
    assert abs(float(done.loss[0]) - lost) < 0.5, "the same loop, in another order of the rows"
    assert work.learner.evaluate(done.mean(), rows_of, MEASURES["accuracy"]) > 0.5


def test_whole_numbers_stay_with_the_member_and_come_back_to_its_client() -> None:
    done = run(ROWS["messages"])
    assert "norm.num_batches_tracked" not in done.mean()
    assert done.memory[LARGEST]["whole"]["norm.num_batches_tracked"] == 8
    work = work_of(ROWS["messages"])
    given = batches(work.cohort.members[5], work.orders[5])
    again = train_one_member(work.learner, work.start, done.memory[LARGEST], given, work.keys[5])
    assert again.memory["whole"]["norm.num_batches_tracked"] == 16


def test_the_context_is_the_members_memory() -> None:
    work = work_of(ROWS["client-fn"])
    given = batches(work.cohort.members[5], work.orders[5])
    memory = work.memory_of(5)
    for count in (1, 2, 3):
        done = train_one_member(work.learner, work.start, memory, given, work.keys[5])
        memory = done.memory
        assert b"count" in memory["state"].tobytes() and memory["trainings"] == count
    first = train_one_member(work.learner, work.start, work.memory_of(5), given, work.keys[5])
    assert not same(first.memory["state"], memory["state"])


def test_seeds_draw_the_first_arrays() -> None:
    task = invented_task((6,), 4)
    for made in (newer(), older()):
        one, again, other = (made.init(Plan(task), jax.random.key(seed)) for seed in (1, 1, 2))
        assert same(one, again) and not same(one, other)


def test_double_arrays_come_back_as_the_client_had_them() -> None:
    work = work_of(ROWS["numpy-client"])
    assert all(part.dtype == np.float32 for part in work.start.values())
    assert list(work.start) == ["0000", "0001"]


def test_what_a_client_cannot_do_is_said() -> None:
    work = work_of(ROWS["client-fn"])
    with pytest.raises(CannotPredict, match="older-client is a Flower client: it measures"):
        work.learner.predict(work.start, work.cohort.members[0].x)
    with pytest.raises(BadLearner, match=r"measures accuracy, not 'macro_f1': .* measures=\{'macro_f1'"):
        work.learner.evaluate(work.start, work.cohort.members[0], MEASURES["macro_f1"])
    with pytest.raises(BadLearner, match="no member is at work"):
        rows()
    with pytest.raises(BadLearner, match="say how bare begins"):
        learner(ClientApp(), "bare")
    with pytest.raises(BadLearner, match="bare is a int; give a ClientApp"):
        learner(3, "bare")

    class Other(Mean):
        def fit(self, parameters, config):
            return [np.zeros((4, 5)), parameters[1]], 1, {}

    with pytest.raises(BadLearner, match="client other gave back '0000' otherwise"):
        run(Row(learner(Other(), "other")), (0,))


@pytest.mark.parametrize("preset", ["averaging", "mutual"])
@pytest.mark.parametrize("made", [newer, older])
def test_a_team_of_flower_clients_learns(made: Any, preset: str) -> None:
    a_team_learns(made(4, 3), preset, 0.6)
