"""Covariate shift: how often it is seen where there is none, and where there is one."""

import numpy as np
import pytest
from shifted import NEW, PIXEL, TRAIN, X, Y, moved, trained

from fastnn import BatchNorm, Dropout, Standardize
from fastnn.datasets import load_iris
from fastnn.diagnostics import shift
from fastnn.diagnostics.statistics import Moments, compare, detectable


@pytest.fixture(scope="module")
def models():
    return {
        "standardize": trained(Standardize()),
        "batchnorm": trained(BatchNorm()),
        "plain": trained(),
    }


def test_no_false_alarms_on_any_number_of_rows():
    """Rows of the same kind as those trained on; heavy tails and rare events among them."""
    alarms = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        columns = [rng.normal(size=4000), rng.lognormal(0, 1.2, 4000), rng.random(4000) < 0.003]
        columns += [rng.normal(size=4000) + 30 * (rng.random(4000) < 0.01), np.ones(4000)]
        data = np.column_stack(columns).astype(np.float32)
        labels = (data[:, 0] > 0).astype(int)
        first = [Standardize(), BatchNorm()][seed % 2]
        drop = [Dropout(0.3)] if seed % 4 > 1 else []
        model = trained(first, *drop, data=data[:1000], labels=labels[:1000], seed=seed, epochs=5)
        for n in (2, 3, 5, 10, 30, 100, 300, 1000):
            rows = data[1000 + rng.choice(3000, n, replace=False)]
            alarms += [(seed, n, str(shift(model, rows, ref))) for ref in (None, data[:1000])]
        alarms += [(seed, "own", str(shift(model, data[:1000], r))) for r in (None, data[:1000])]
    assert len(alarms) == 360
    assert [a for a in alarms if not a[2].startswith("no shift")] == []


@pytest.mark.nightly
@pytest.mark.parametrize("batch_size", [8, 32, None])
@pytest.mark.parametrize("rate", [1e-3, 1e-2])
@pytest.mark.parametrize("kind", ["digits", "iris"])
def test_models_do_not_flag_their_own_kind(kind, rate, batch_size):
    data, labels = (X, Y) if kind == "digits" else load_iris()
    alarms = total = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(data))
        known, new = order[: len(order) * 3 // 5], order[len(order) * 3 // 5 :]
        first = [Standardize(), BatchNorm()][seed % 2]
        model = trained(
            first, data=data[known], labels=labels[known], seed=seed, rate=rate,
            batch_size=batch_size, epochs=20,
        )  # fmt: skip
        for reference in (None, data[known]):
            for rows in (known, new, new[:20], new[:5]):
                alarms += shift(model, data[rows], reference).verdict != "none"
                total += 1
    assert alarms <= 0.01 * total


def test_a_move_of_one_deviation_is_seen_in_a_hundred_rows(models):
    rng = np.random.default_rng(0)
    seen = 0
    for _ in range(20):
        rows = moved(1.0, NEW[rng.choice(len(NEW), 100, replace=False)])
        seen += str(PIXEL) in shift(models["standardize"], rows).shifted
        seen += str(PIXEL) in shift(models["plain"], rows, TRAIN).shifted
    assert seen == 40


def test_what_is_detectable_is_detected_about_half_of_the_time():
    rng = np.random.default_rng(0)
    rows, columns = 40, 10
    least = detectable(columns, 2, rows, 500)
    seen = 0
    for _ in range(200):
        new = rng.normal(size=(rows, columns))
        new[:, 0] += least
        known = Moments(rng.normal(size=columns) / np.sqrt(500), np.ones(columns), 500)
        seen += compare(new, known).level[0] != "none"
    assert 60 < seen < 140


def test_the_noise_of_few_reference_rows_counts():
    rng = np.random.default_rng(0)
    flagged = 0
    for _ in range(50):
        known = Moments.of(rng.normal(size=(30, 10)))
        flagged += compare(rng.normal(size=(2000, 10)), known).n_shifted
    assert flagged == 0


def test_chance_alone_moves_a_layer_by_nothing(models):
    rng = np.random.default_rng(0)
    few = [NEW[rng.choice(len(NEW), 10, replace=False)] for _ in range(20)]
    sizes = [shift(models["plain"], rows, TRAIN).layers[0].mean_difference for rows in few]
    assert np.mean(sizes) < 0.15


def test_few_rows_say_what_they_cannot_see(models):
    result = shift(models["standardize"], NEW[:10])
    assert result.detectable > 1
    assert "may be there unseen" in str(result)
    assert result.detectable > shift(models["standardize"], NEW).detectable
