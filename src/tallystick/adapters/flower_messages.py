"""Flower's messages to a client and its replies, in the newer form and in that of `fit` and `evaluate`."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message, Metadata, RecordDict
from flwr.clientapp import ClientApp
from flwr.common import (
    EvaluateIns,
    FitIns,
    GetParametersIns,
    ndarrays_to_parameters,
    parameters_to_ndarrays,
)
from flwr.common.serde import recorddict_from_proto, recorddict_to_proto
from flwr.compat.common import recorddict_compat as older
from flwr.proto.recorddict_pb2 import RecordDict as Written

Arrays = dict[str, Any]  # by name, in the client's own order
HOUR = 3600.0
LOSSES = ("train_loss", "train-loss", "loss", "eval_loss", "eval-loss")  # what clients call it


class Reply(NamedTuple):
    """What a client answered."""

    arrays: Arrays
    metrics: dict[str, Any]
    loss: float  # NaN where it does not say


def is_older(app: ClientApp) -> bool:
    """Whether the client is one with `fit` and `evaluate`, made by a `client_fn`."""
    return getattr(app, "_call", None) is not None


def exchange(app: ClientApp, kind: str, arrays: Arrays, config: Mapping[str, Any], context: Context) -> Reply:
    """Ask a client to `train`, to `evaluate`, or (an older one) for its first parameters."""
    content = _older_content(kind, arrays, config) if is_older(app) else _content(arrays, config)
    # Said here and not by the constructor: that would take them from the identity of the whole process.
    about = Metadata(context.run_id, "", 0, context.node_id, "", "", time.time(), HOUR, kind)
    reply = app(Message(content=content, metadata=about), context)
    if reply.has_error():
        raise RuntimeError(f"the client failed to {kind}: {reply.error.reason}")
    return _older_reply(kind, reply.content) if is_older(app) else _reply(reply.content)


def named(given: Any) -> Arrays:
    """Arrays by name: of a list by their numbers, of a state dict or a record by their keys."""
    if isinstance(given, ArrayRecord):
        given = {key: part.numpy() for key, part in given.items()}
    if not isinstance(given, Mapping):
        given = {str(place): part for place, part in enumerate(given)}
    numbered = all(str(key).isdigit() for key in given)
    return {f"{int(key):04d}" if numbered else str(key): np.asarray(part) for key, part in given.items()}


def state_of(context: Context) -> Any:
    """What a client keeps, as bytes."""
    written = recorddict_to_proto(context.state).SerializeToString(deterministic=True)
    return np.frombuffer(written, np.uint8)


def context_of(state: Any, run_config: Mapping[str, Any]) -> Context:
    """The context of a client that is alone, with what it kept."""
    kept = recorddict_from_proto(Written.FromString(np.asarray(state, np.uint8).tobytes()))
    return Context(1, 1, {"partition-id": 0, "num-partitions": 1}, kept, dict(run_config))


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """All the chance that a client is likely to use follows from this seed; the process gets its own back."""
    torch = sys.modules.get("torch")
    before = random.getstate(), np.random.get_state(), torch.random.get_rng_state() if torch else None
    random.seed(seed)
    np.random.seed(seed)
    if torch:
        torch.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
        if torch:
            torch.random.set_rng_state(before[2])


def _content(arrays: Arrays, config: Mapping[str, Any]) -> RecordDict:
    keys = {name: str(int(name)) if name.isdigit() else name for name in arrays}
    record = ArrayRecord({keys[name]: Array(part) for name, part in arrays.items()})
    return RecordDict({"arrays": record, "config": ConfigRecord(dict(config))})


def _reply(content: RecordDict) -> Reply:
    arrays: Arrays = {}
    for record in content.array_records.values():
        arrays |= named(record)
    metrics = {key: value for record in content.metric_records.values() for key, value in record.items()}
    return Reply(arrays, metrics, _loss(metrics))


def _older_content(kind: str, arrays: Arrays, config: Mapping[str, Any]) -> RecordDict:
    parameters = ndarrays_to_parameters(list(arrays.values()))
    if kind == "train":
        return older.fitins_to_recorddict(FitIns(parameters, dict(config)), keep_input=True)
    if kind == "evaluate":
        return older.evaluateins_to_recorddict(EvaluateIns(parameters, dict(config)), keep_input=True)
    return older.getparametersins_to_recorddict(GetParametersIns({}))


def _older_reply(kind: str, content: RecordDict) -> Reply:
    if kind == "evaluate":
        measured = older.recorddict_to_evaluateres(content)
        return Reply({}, dict(measured.metrics), float(measured.loss))
    if kind == "train":
        done = older.recorddict_to_fitres(content, keep_input=True)
        return Reply(named(parameters_to_ndarrays(done.parameters)), dict(done.metrics), _loss(done.metrics))
    asked = older.recorddict_to_getparametersres(content, keep_input=True)
    return Reply(named(parameters_to_ndarrays(asked.parameters)), {}, float("nan"))


def _loss(metrics: Mapping[str, Any]) -> float:
    return next((float(metrics[name]) for name in LOSSES if name in metrics), float("nan"))
