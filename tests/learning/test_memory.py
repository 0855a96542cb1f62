"""A learner's memory comes back from its bytes as it was: the same bits in containers of the same kind."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from tallystick.learning.memory import BadMemory, decode_memory, encode_memory

MODEL = {"a/weight": jnp.ones((2, 3)), "a/bias": jnp.zeros(3)}


def test_an_optimisers_state_keeps_its_named_tuples_and_its_bits():
    chosen = optax.adam(0.1)
    begun = chosen.init(MODEL)
    _, memory = chosen.update(jax.tree.map(lambda part: part + 0.3, MODEL), begun, MODEL)
    back = decode_memory(encode_memory(memory), begun)
    kept: Any = jax.tree.structure(memory)
    assert kept == jax.tree.structure(back)
    for old, new in zip(jax.tree.leaves(memory), jax.tree.leaves(back), strict=True):
        assert np.asarray(old).dtype == new.dtype and np.asarray(old).tobytes() == new.tobytes()
    chosen.update(MODEL, back, MODEL)


def test_what_a_learner_began_without_is_kept_too():
    memory = {"whole": {}, "optimiser": {"0": {"step": np.int64(3), "moment": np.ones(2, np.float32)}}}
    back = decode_memory(encode_memory(memory), {"whole": {}, "optimiser": {}})
    assert back["optimiser"]["0"]["step"] == 3
    assert back["optimiser"]["0"]["moment"].dtype == np.float32


@pytest.mark.parametrize("memory", [(), None, [1, 2.5, "x", b"y", (True,)], {"x": jnp.ones(2, jnp.bfloat16)}])
def test_small_memories(memory):
    back = decode_memory(encode_memory(memory), memory)
    assert type(back) is type(memory)
    assert repr(jax.tree.map(np.asarray, back)) == repr(jax.tree.map(np.asarray, memory))


@pytest.mark.parametrize("memory", [{1: 2}, {"x": object()}, [np.array([object()])], {"x": {2, 3}}])
def test_what_cannot_be_kept_is_refused_by_its_place(memory):
    with pytest.raises(BadMemory, match="memory"):
        encode_memory(memory)


@pytest.mark.parametrize("data", [b"", b"\xc1", encode_memory({"x": np.ones(3)})[:-1], b"\x92\xa3odd\x01"])
def test_damaged_bytes_are_no_memory(data):
    with pytest.raises(BadMemory):
        decode_memory(data, ())
