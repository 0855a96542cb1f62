"""Partitions: every row has one holder, the seed decides, sizes are as the papers say."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.data.partition import BP2P_BINS, by_column, by_subject, chance, dirichlet, iid, in_bins
from tallystick.data.refusals import DataError

LABELS = np.repeat(np.arange(10), 120)[np.random.default_rng(0).permutation(1200)]


def digest(parts):
    return hashlib.sha256(b"|".join(part.astype("<i8").tobytes() for part in parts)).hexdigest()[:16]


def assert_all_once(parts, rows):
    assert sorted(np.concatenate(parts).tolist()) == list(range(rows))


@given(st.integers(0, 300), st.integers(1, 40), st.integers(0, 2**32))
def test_iid_deals_every_row_once(rows, members, seed):
    parts = iid(rows, members, seed)
    assert_all_once(parts, rows)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@settings(max_examples=50)
@given(
    st.integers(2, 30), st.sampled_from([0.01, 0.1, 1.0, 100.0]), st.integers(0, 2**32), st.integers(0, 40)
)
def test_dirichlet_deals_every_row_once(members, alpha, seed, least):
    parts = dirichlet(LABELS, members, alpha, seed, least=least)
    assert_all_once(parts, len(LABELS))
    assert min(map(len, parts)) >= least


def unevenness(alpha):
    parts = dirichlet(LABELS, 10, alpha, 3)
    return np.mean([np.bincount(LABELS[part], minlength=10).max() / max(1, len(part)) for part in parts])


def test_a_smaller_alpha_is_more_one_sided():
    assert unevenness(0.1) > unevenness(1) > unevenness(100)
    assert unevenness(1000) < 0.15


def test_bins_are_those_of_the_paper():
    assert BP2P_BINS == (
        (0, 20),
        (20, 40),
        (40, 60),
        (60, 80),
        (80, 100),
        (100, 120),
        (120, 140),
        (140, 160),
        (160, 180),
    )
    parts = in_bins(60_000, 200, 1)
    sizes = np.array([len(part) for part in parts])
    assert sizes.max() < 180 and 70 < sizes.mean() < 110
    assert np.bincount(sizes // 20, minlength=9).min() >= 10
    rows = np.concatenate(parts)
    assert len(set(rows.tolist())) == len(rows)


def test_columns_and_subjects_stay_whole():
    sites = np.array(["b", "a", "b", "c", "a"], object)
    assert {name: part.tolist() for name, part in by_column(sites).items()} == {
        "a": [1, 4],
        "b": [0, 2],
        "c": [3],
    }
    assert list(by_column(np.array([10, 9, 10]))) == ["9", "10"]
    subjects = np.repeat(np.arange(1600, 1630), 7)
    parts = by_subject(subjects, 5, 4)
    assert_all_once(parts, 210)
    held = [set(subjects[part].tolist()) for part in parts]
    assert [len(one) for one in held] == [6] * 5
    assert sum(map(len, held)) == len(set().union(*held))


def test_the_seed_decides_and_the_bits_are_known():
    """The rows behind every published figure: they change only if NumPy changes its streams."""
    made = {
        "iid": iid(1000, 7, 1),
        "dirichlet": dirichlet(LABELS, 7, 0.5, 1),
        "bins": in_bins(1000, 7, 1),
        "subjects": by_subject(np.repeat(np.arange(30), 3), 5, 1),
    }
    again = {
        "iid": iid(1000, 7, 1),
        "dirichlet": dirichlet(LABELS, 7, 0.5, 1),
        "bins": in_bins(1000, 7, 1),
        "subjects": by_subject(np.repeat(np.arange(30), 3), 5, 1),
    }
    assert {name: digest(parts) for name, parts in made.items()} == {
        name: digest(parts) for name, parts in again.items()
    }
    assert digest(iid(1000, 7, 2)) != digest(made["iid"])
    assert chance(5).integers(0, 2**32, 3).tolist() == KNOWN_STREAM
    assert {name: digest(parts) for name, parts in made.items()} == KNOWN


KNOWN_STREAM = [2881021352, 3457461230, 97294837]
KNOWN = {
    "iid": "392668c51c5b917a",
    "dirichlet": "9b7a8cc15ca027df",
    "bins": "bc8427a6c9d99eb8",
    "subjects": "046b0b2d67c313f6",
}


def test_who_would_have_too_few_rows_gets_some():
    assert min(map(len, dirichlet(LABELS, 30, 0.01, 1))) == 0
    parts = dirichlet(LABELS, 30, 0.01, 1, least=20)
    assert min(map(len, parts)) >= 20
    assert_all_once(parts, len(LABELS))


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: iid(10, 0, 1), "among 0 members"),
        (lambda: dirichlet(LABELS, 3, 0, 1), "alpha is 0"),
        (lambda: dirichlet(LABELS, 3, float("nan"), 1), "alpha is nan"),
        (lambda: dirichlet(LABELS, 10, 1, 1, least=121), "need more than 1200 rows"),
        (lambda: in_bins(100, 50, 1), "rows of 100"),
        (lambda: in_bins(100, 2, 1, [(5, 5)]), "0 <= low < high"),
        (lambda: by_subject(np.arange(3), 5, 1), "3 subjects cannot be dealt to 5"),
        (lambda: by_column(np.array(["a", None], object)), "without a value"),
    ],
)
def test_what_cannot_be_divided_is_refused(make, message):
    with pytest.raises(DataError, match=message):
        make()
