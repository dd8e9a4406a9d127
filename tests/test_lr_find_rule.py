"""The range test's rule, on curves drawn by hand whose suggestion is known on paper."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from fastnn.training.lr_find import _result

RATES = np.geomspace(1e-6, 10, 200)


def s_curve(middle=1e-3):
    """From 1 to 0 around a rate, and up again from 1 on."""
    place = np.log10(RATES / middle)
    return 1 / (1 + np.exp(4 * place)) + np.maximum(np.log10(RATES), 0) * 40


def test_the_suggestion_is_where_nine_tenths_of_the_fall_are_made():
    found = _result(RATES, s_curve(), np.ones(200))
    # 1 - 1 / (1 + exp(4 d)) = 0.9 at d = log(9) / 4 decades.
    assert_allclose(np.log10(found.suggestion / 1e-3), math.log(9) / 4, atol=0.06)
    assert 1 < found.learning_rates[-1] < 1.3
    assert_allclose(found.smoothed[:50], 1, atol=0.01)


def test_hard_batches_do_not_show_in_the_smoothed_curve():
    rng = np.random.default_rng(1)
    # A trained model: the steps change a loss of 1 by a tenth, the batches differ by three tenths.
    drawn, hard = 0.9 + 0.1 * s_curve(), 0.3 * rng.normal(size=200)
    clean = _result(RATES, drawn, np.ones(200))
    noisy = _result(RATES, drawn + hard, 1 + hard)
    n = min(len(clean.smoothed), len(noisy.smoothed)) - 10
    offset = hard.mean()
    assert_allclose(noisy.smoothed[:n], clean.smoothed[:n] + offset, atol=0.01)
    assert_allclose(np.log10(noisy.suggestion / clean.suggestion), 0, atol=0.15)


def test_noise_that_the_untouched_weights_do_not_share_is_not_added():
    rng = np.random.default_rng(1)
    hard = 0.3 * rng.normal(size=200)
    learned = s_curve()
    # Once all is learned no batch is hard any more.
    found = _result(RATES, learned + hard * np.clip(learned, 0, 1), 1 + hard)
    behind = (RATES[: len(found.smoothed)] > 0.02) & (RATES[: len(found.smoothed)] < 0.5)
    assert_allclose(found.smoothed[behind], 0, atol=0.02)
    assert_allclose(np.log10(found.suggestion / 1e-3), math.log(9) / 4, atol=0.15)


@pytest.mark.parametrize(
    "losses", [np.ones(200), np.linspace(1, 1.5, 200), np.linspace(1, 90, 200)], ids=range(3)
)
def test_without_a_fall_nothing_is_suggested(losses):
    found = _result(RATES, losses, np.ones(200))
    assert found.suggestion is None
    assert "suggestion=None" in repr(found)


def test_losses_below_0_serve_as_well():
    found = _result(RATES, s_curve() - 3, np.full(200, -2.0))
    assert_allclose(np.log10(found.suggestion / 1e-3), math.log(9) / 4, atol=0.06)
