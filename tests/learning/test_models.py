"""Networks: what they compute against their definitions, and gradients of single rows against plain ones."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from tallystick.base.measure import MEASURES
from tallystick.learning import models
from tallystick.learning.learner import (
    Batch,
    CannotClipPerExample,
    clipped,
    ensure_no_gradient,
    model_of,
    plain,
    size_of,
    vector_of,
)
from tallystick.learning.models import network
from tallystick.learning.models.cnn import patches, pool
from tallystick.learning.models.sensor import halve, spans
from tests.learning.cohorts import Plan, invented_rows, invented_task

NETWORKS = {
    "linear": ((network.Weights("head", 3),), (5,)),
    "mlp": ((network.Weights("hidden", 7), jax.nn.relu, network.Weights("head", 3)), (5,)),
    "cnn": ((network.Weights("conv", 4, patches), jax.nn.relu, pool, network.Weights("head", 3)), (8, 7, 2)),
    # More outputs than places: norms come from products of pairs of places.
    "wide": ((network.Weights("conv", 40, spans), jnp.tanh, halve, network.Weights("head", 3)), (9, 6)),
}


clipped_sum = jax.jit(network.clipped_sum, static_argnums=0)


def given(name: str, labels: int = 3, subjects: int = 0) -> tuple[network.Layers, dict, Batch]:
    layers, shape = NETWORKS[name]
    if not labels:
        layers = (*layers[:-1], network.Weights("head", 1))
    rows = invented_rows(12, shape, labels, 1, subjects)
    mask = np.array([1] * 10 + [0] * 2, np.float32)
    model = network.init(layers, shape, jax.random.key(2))
    model = {
        part: value + 0.1 * jax.random.normal(jax.random.key(3), value.shape) for part, value in model.items()
    }
    return layers, model, Batch(rows.x, rows.y, jnp.asarray(mask), rows.subject)


def single(layers: network.Layers, model: dict, batch: Batch) -> np.ndarray:
    """The gradients of the real rows, each by itself, as one vector a row."""

    def one(x: jax.Array, y: jax.Array) -> dict:
        return network.mean(layers, model, Batch(x[None], y[None], jnp.ones(1), None))[1]

    grads = jax.jit(jax.vmap(one))(batch.x[:10], batch.y[:10])
    return np.stack([vector_of(jax.tree.map(lambda part, row=row: part[row], grads)) for row in range(10)])


@pytest.mark.parametrize("labels", [3, 0])
@pytest.mark.parametrize("name", NETWORKS)
def test_clipped_sums_are_those_of_single_rows(name: str, labels: int) -> None:
    layers, model, batch = given(name, labels)
    grads = single(layers, model, batch)
    norms = np.linalg.norm(grads, axis=1)
    clip = float(np.median(norms))

    loss, sums = clipped_sum(layers, model, batch, clip)

    want = (grads * np.minimum(1, clip / norms)[:, None]).sum(axis=0)
    np.testing.assert_allclose(vector_of(sums), want, rtol=2e-4, atol=2e-5)
    np.testing.assert_allclose(
        loss, jax.jit(network.mean, static_argnums=0)(layers, model, batch)[0], rtol=1e-5
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_clipped_sums_of_subjects_are_those_of_their_rows_together(name: str) -> None:
    layers, model, batch = given(name, subjects=3)
    grads = single(layers, model, batch)
    groups = [grads[batch.subject[:10] == who].sum(axis=0) for who in np.unique(batch.subject[:10])]
    norms = [float(np.linalg.norm(group)) for group in groups]
    clip = float(np.mean(norms))

    _, sums = clipped_sum(layers, model, batch, clip)

    want = sum(group * min(1, clip / norm) for group, norm in zip(groups, norms, strict=True))
    np.testing.assert_allclose(vector_of(sums), want, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_no_row_moves_a_clipped_sum_by_more_than_the_clip(name: str) -> None:
    layers, model, batch = given(name)
    model = {part: value * 50 for part, value in model.items()}
    there = vector_of(clipped_sum(layers, model, batch, 0.25)[1])
    for row in range(10):
        gone = vector_of(clipped_sum(layers, model, batch._replace(mask=_dropped(batch, row)), 0.25)[1])

        assert np.linalg.norm(there - gone) <= 0.25 * (1 + 1e-6)


def _dropped(batch: Batch, row: int) -> jax.Array:
    return batch.mask.at[row].set(0)


def test_a_row_without_a_finite_gradient_adds_nothing() -> None:
    layers, model, batch = given("mlp")
    x = jnp.asarray(batch.x).at[4].set(np.inf)
    spoilt = vector_of(clipped_sum(layers, model, batch._replace(x=x), 0.5)[1])
    gone = vector_of(clipped_sum(layers, model, batch._replace(mask=_dropped(batch, 4)), 0.5)[1])

    np.testing.assert_array_equal(spoilt, gone)


def test_patches_and_spans_make_products_into_convolutions() -> None:
    chance = np.random.default_rng(0)
    x = jnp.asarray(chance.normal(size=(2, 6, 5, 3)), jnp.float32)
    weight = jnp.asarray(chance.normal(size=(3, 3, 3, 4)), jnp.float32)
    dims = ("NHWC", "HWIO", "NHWC")
    want = jax.lax.conv_general_dilated(x, weight, (1, 1), "VALID", dimension_numbers=dims)
    np.testing.assert_allclose(patches(x) @ weight.reshape(27, 4), want, rtol=1e-4, atol=1e-5)

    line, taps = x[:, :, 0], jnp.asarray(chance.normal(size=(5, 3, 4)), jnp.float32)
    want = jax.lax.conv_general_dilated(line, taps, (1,), "VALID", dimension_numbers=("NHC", "HIO", "NHC"))
    np.testing.assert_allclose(spans(line) @ taps.reshape(15, 4), want, rtol=1e-4, atol=1e-5)


def test_pools_keep_the_largest_and_leave_an_odd_end_out() -> None:
    x = jnp.asarray(np.random.default_rng(1).normal(size=(2, 7, 5, 3)), jnp.float32)
    want = jax.lax.reduce_window(x, -np.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

    np.testing.assert_array_equal(pool(x), want)
    np.testing.assert_array_equal(halve(x[:, :, 0]), np.maximum(x[:, 0:6:2, 0], x[:, 1:6:2, 0]))


def test_bytes_count_as_shares_of_255() -> None:
    learner = models.mlp(4)
    model = learner.init(Plan(invented_task((6,), 3)), jax.random.key(0))
    pixels = np.arange(12, dtype=np.uint8).reshape(2, 6) * 20

    np.testing.assert_allclose(
        learner.predict(model, pixels), learner.predict(model, pixels.astype(np.float32) / 255), rtol=1e-5
    )


def test_predictions_are_probabilities_or_values_and_evaluate_as_measured() -> None:
    for labels, shape in ((3, (12, 3)), (0, (12,))):
        rows = invented_rows(12, (5,), labels, 0)
        learner = models.mlp(4)
        model = learner.init(Plan(invented_task((5,), labels)), jax.random.key(0))
        p = np.asarray(learner.predict(model, rows.x))

        assert p.shape == shape
        assert not labels or np.allclose(p.sum(axis=1), 1, atol=1e-6)
        name = "accuracy" if labels else "mae"
        by_hand = np.mean(p.argmax(axis=1) == rows.y) if labels else np.mean(np.abs(p - rows.y))
        assert float(learner.evaluate(model, rows, MEASURES[name])) == pytest.approx(float(by_hand), rel=1e-6)


def test_fdc_and_mnist_networks_have_the_papers_sizes() -> None:
    fdc, mnist = (
        jax.eval_shape(lambda key, m=made, t=given: m.init(Plan(t), key), jax.random.key(0))
        for made, given in (
            (models.mlp(1024, 128), invented_task((180,), 6)),
            (models.mlp(128), invented_task((784,), 10)),
        )
    )

    assert size_of(fdc) == 180 * 1024 + 1024 + 1024 * 128 + 128 + 128 * 6 + 6
    assert size_of(mnist) == 784 * 128 + 128 + 1280 + 10


def test_vectors_and_models_are_the_same_numbers() -> None:
    model = models.cnn(4, hidden=5).init(Plan(invented_task((8, 8, 1), 3)), jax.random.key(0))
    back = model_of(vector_of(model), model)

    assert sorted(back) == sorted(model)
    assert all((back[name] == np.asarray(model[name])).all() for name in model)
    with pytest.raises(ValueError, match="no model of"):
        model_of(np.zeros(3, np.float32), model)


def test_custom_and_named_optimisers_agree() -> None:
    assert models.mlp(4, optimiser="momentum") is models.mlp(4, optimiser="momentum")
    custom = models.mlp(4, optimiser=optax.sgd(0.1, momentum=0.9))
    model = custom.init(Plan(invented_task((5,), 3)), jax.random.key(0))

    kept: Any = jax.tree.structure(custom.remember(model))
    assert kept == jax.tree.structure(models.mlp(4, optimiser="momentum").remember(model))
    assert models.mlp(4).remember(model) == ()
    assert models.mlp(4, 3, rate=0.5).settings == {"rate": 0.5, "optimiser": "sgd", "hidden": "4-3"}


@pytest.mark.parametrize(
    "make, word",
    [
        (lambda: models.mlp(), "at least one unit"),
        (lambda: models.cnn(0), "at least one channel"),
        (lambda: models.sensor(4, hidden=0), "at least one channel"),
        (lambda: models.linear(rate=0.0), "above 0, not 0.0"),
        (lambda: models.linear(optimiser="magic"), "no optimiser 'magic'"),
        (lambda: models.cnn(4).init(Plan(invented_task((2, 8, 1), 3)), jax.random.key(0)), "too small"),
        (lambda: clipped(0.0, 1.0, lambda sums, key: sums), "clip 0.0"),
        (lambda: clipped(1.0, float("nan"), lambda sums, key: sums), "expected batch nan"),
    ],
)
def test_impossible_settings_are_refused_in_words(make, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        make()


def test_an_opaque_learner_refuses_a_gradient_hook_by_name() -> None:
    ensure_no_gradient("forest", None)
    with pytest.raises(CannotClipPerExample, match="learner forest"):
        ensure_no_gradient("forest", plain)
