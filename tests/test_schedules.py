"""Schedules against the papers' formulas, one step at a time; cuts, limits, use in a fit."""

import doctest
import json
import math
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from fastnn import SGD, Dense, Sequential, schedules
from fastnn.schedules import (
    SCHEDULES,
    Constant,
    Cosine,
    CosineRestarts,
    Exponential,
    InverseTime,
    OneCycle,
    Piecewise,
    Polynomial,
    StepDecay,
    steps,
)
from fastnn.training.batches import batch_bounds

# ------------------------------------------------- the formulas, for one step at a time


def piecewise(t, boundaries, values):
    for boundary, value in zip(boundaries, values, strict=False):
        if t < boundary:
            return value
    return values[-1]


def cosine(t, high, n, low):
    """Equation 5 of Loshchilov & Hutter 2017, held at its end."""
    return low + 0.5 * (high - low) * (1 + math.cos(math.pi * min(t, n) / n))


def restarts(t, high, n, factor, low):
    while t >= n:
        t, n = t - n, n * factor
    return cosine(t, high, n, low)


def lower_restarts(t, high, n, factor, low, smaller):
    while t >= n:
        t, n, high = t - n, n * factor, low + (high - low) * smaller
    return cosine(t, high, n, low)


def cycles(t, high, n, low, power):
    whole = n
    while whole < t:
        whole += n
    return low + (high - low) * (1 - t / whole) ** power


def polynomial(t, high, n, low, power):
    return low + (high - low) * (1 - min(t, n) / n) ** power


def one_cycle(t, high, n, share, div, final):
    """Smith 2018, with the two phases of fast.ai, which follow cosines."""
    first, up = high / div, share * n
    if t < up:
        return cosine(t, first, up, high)
    return cosine(t - up, high, n - up, first / final)


def line(t, start, end, n):
    return start + (end - start) * min(t, n) / n


def three_phases(t, high, n, share, div, final):
    """Smith 2018, section 2: two lines of equal length, and the rest far below the first rate."""
    first, up = high / div, share * n
    if t < up:
        return line(t, first, high, up)
    if t < 2 * up:
        return line(t - up, high, first, up)
    return line(t - 2 * up, first, first / final, n - 2 * up)


CASES = [
    (Constant(0.3), lambda t: 0.3),
    (Piecewise((7, 20), (0.1, 1.0, 0.01)), lambda t: piecewise(t, [7, 20], [0.1, 1.0, 0.01])),
    (Piecewise((), (0.5,)), lambda t: 0.5),
    (StepDecay(0.5, 8), lambda t: 0.5 * 0.1 ** (t // 8)),
    (StepDecay(0.5, 3, 0.7), lambda t: 0.5 * 0.7 ** (t // 3)),
    (Exponential(0.5, 8), lambda t: 0.5 * 0.1 ** (t / 8)),
    (Exponential(0.5, 1, 0.99), lambda t: 0.5 * 0.99**t),
    (InverseTime(0.5, 8), lambda t: 0.5 / (1 + t / 8)),
    (Polynomial(0.5, 30), lambda t: polynomial(t, 0.5, 30, 0, 1)),
    (Polynomial(0.5, 30, 0.1, 2.5), lambda t: polynomial(t, 0.5, 30, 0.1, 2.5)),
    (Polynomial(0.1, 30, 0.5), lambda t: polynomial(t, 0.1, 30, 0.5, 1)),
    (Polynomial(0.5, 8, 0.1, 2, cycle=True), lambda t: cycles(t, 0.5, 8, 0.1, 2)),
    (Polynomial(0.5, 8, cycle=True), lambda t: cycles(t, 0.5, 8, 0, 1)),
    (Cosine(0.5, 30), lambda t: cosine(t, 0.5, 30, 0)),
    (Cosine(0.5, 1, 0.1), lambda t: cosine(t, 0.5, 1, 0.1)),
    (CosineRestarts(0.5, 10), lambda t: restarts(t, 0.5, 10, 2, 0)),
    (CosineRestarts(0.5, 7, 1), lambda t: restarts(t, 0.5, 7, 1, 0)),
    (CosineRestarts(0.5, 10, 1.5, 0.1), lambda t: restarts(t, 0.5, 10, 1.5, 0.1)),
    (CosineRestarts(0.5, 10, 1.5, 0.1, m_mul=0.7),
     lambda t: lower_restarts(t, 0.5, 10, 1.5, 0.1, 0.7)),
    (CosineRestarts(0.5, 7, 1, m_mul=0.9), lambda t: lower_restarts(t, 0.5, 7, 1, 0, 0.9)),
    (OneCycle(0.5, 40), lambda t: one_cycle(t, 0.5, 40, 0.3, 25, 1e4)),
    (OneCycle(0.5, 7, 0.9, 2, 1), lambda t: one_cycle(t, 0.5, 7, 0.9, 2, 1)),
    (OneCycle(0.5, 40, three_phase=True), lambda t: three_phases(t, 0.5, 40, 0.3, 25, 1e4)),
    (OneCycle(0.5, 41, 0.45, 4, 9, True), lambda t: three_phases(t, 0.5, 41, 0.45, 4, 9)),
]  # fmt: skip
each_case = pytest.mark.parametrize(("schedule", "formula"), CASES, ids=repr)
each_schedule = pytest.mark.parametrize("schedule", [case[0] for case in CASES], ids=repr)


@each_case
def test_it_is_the_papers_formula(schedule, formula):
    t = np.append(np.arange(100), [1000, 10**6])
    rates = schedule(t)
    assert rates.dtype == np.float64
    assert_allclose(rates, [formula(int(k)) for k in t], rtol=2e-14, atol=1e-16)


@pytest.mark.parametrize("warmup", [1, 5])
@pytest.mark.parametrize(
    ("schedule", "formula"), [c for c in CASES if not isinstance(c[0], OneCycle)], ids=repr
)
def test_the_warm_up_comes_first_and_climbs_on_a_line(schedule, formula, warmup):
    warmed = type(schedule)(**asdict(schedule) | {"warmup_steps": warmup})
    expected = [formula(0) * (t + 1) / (warmup + 1) for t in range(warmup)]
    assert_allclose(warmed(np.arange(warmup)), expected, rtol=1e-15)
    assert_array_equal(warmed(np.arange(warmup, 90)), schedule(np.arange(90 - warmup)))


@pytest.mark.parametrize(
    ("schedule", "at", "rates"),
    [
        (Piecewise((7,), (0.1, 0.3)), [6, 7], [0.1, 0.3]),
        (StepDecay(0.8, 10, 0.5), [9, 10, 19, 20], [0.8, 0.4, 0.4, 0.2]),
        (Exponential(0.8, 10, 0.5), [0, 10, 20], [0.8, 0.4, 0.2]),
        (InverseTime(0.9, 10), [0, 10, 20], [0.9, 0.45, 0.3]),
        (Polynomial(0.7, 10, 0.1), [0, 10, 11, 10**9], [0.7, 0.1, 0.1, 0.1]),
        (Cosine(0.7, 10, 0.1), [0, 10, 11, 10**9], [0.7, 0.1, 0.1, 0.1]),
        (CosineRestarts(0.7, 10), [0, 10, 30, 70, 150], [0.7] * 5),
        (CosineRestarts(0.7, 3, 3), [0, 3, 12, 39, 3 * (3**12 - 1) // 2], [0.7] * 5),
        (CosineRestarts(0.7, 10, 1), [0, 10, 20, 10**9], [0.7] * 4),
        (Polynomial(0.8, 10, cycle=True), [0, 10, 15, 20, 25, 30], [0.8, 0, 0.2, 0, 0.8 / 6, 0]),
        (CosineRestarts(0.7, 10, m_mul=0.5), [0, 10, 30, 70], [0.7, 0.35, 0.175, 0.0875]),
        (OneCycle(0.5, 10), [0, 3, 10, 11, 10**9], [0.02, 0.5] + [0.02 / 1e4] * 3),
        (OneCycle(0.5, 8, 0.25, three_phase=True), [0, 2, 4, 8, 9], [0.02, 0.5, 0.02] + [2e-6] * 2),
        (OneCycle(0.5, 8, 0.5, three_phase=True), [0, 4, 8], [0.02, 0.5, 0.02 / 1e4]),
        (Cosine(0.6, 10, warmup_steps=2), [0, 1, 2, 12], [0.2, 0.4, 0.6, 0]),
    ],
    ids=repr,
)  # fmt: skip
def test_turning_points_are_met_exactly(schedule, at, rates):
    assert_allclose(schedule(at), rates, rtol=3e-16, atol=0)


@each_schedule
@settings(max_examples=20, deadline=None)
@given(cut=st.integers(1, 99))
def test_a_rate_depends_on_nothing_but_the_step(schedule, cut):
    whole = schedule(np.arange(100))
    parts = [schedule(np.arange(cut, 100)), schedule(np.arange(cut))]
    assert_array_equal(np.concatenate(parts[::-1]), whole)
    assert schedule(cut) == schedule([cut]) == whole[cut]
    assert schedule(np.arange(0)).shape == (0,)


@each_schedule
def test_name_and_plain_fields_are_all_that_there_is_to_save(schedule):
    text = json.dumps([type(schedule).__name__, asdict(schedule)])
    name, values = json.loads(text)
    assert SCHEDULES[name](**values) == schedule
    assert hash(SCHEDULES[name](**values)) == hash(schedule)
    assert eval(repr(schedule)) == schedule


def test_the_registry_holds_them_all():
    assert set(SCHEDULES) == set(schedules.__all__) - {"SCHEDULES", "Schedule", "steps"}


def test_numbers_of_numpys_types_are_numbers():
    plain = Piecewise((3,), (0.5, 0.25))
    assert repr(Piecewise(np.array([3]), np.float32([0.5, 0.25]))) == repr(plain)
    assert repr(Cosine(np.float32(0.5), np.int64(7))) == repr(Cosine(0.5, 7))


# ---------------------------------------------------------------------------- steps


@given(n=st.integers(1, 300), size=st.integers(1, 310), epochs=st.integers(1, 5))
def test_steps_counts_the_batches_of_a_fit(n, size, epochs):
    assert steps(epochs, n, size) == epochs * (len(batch_bounds(n, size)) - 1)
    assert steps(epochs, n, None) == epochs


def test_a_fit_of_so_many_epochs_ends_where_the_schedule_does():
    X = np.random.default_rng(0).normal(size=(65, 3))
    n = steps(epochs=4, n_rows=65, batch_size=16)
    assert n == 16
    model = Sequential([Dense(1)], seed=0)
    model.compile(SGD(Polynomial(0.16, n)), loss="mse")
    model.fit(X, X[:, 0], epochs=2, batch_size=16, verbose=0)
    with pytest.warns(UserWarning, match="from epoch 3 of this fit on"):
        model.fit(X, X[:, 0], epochs=3, batch_size=16, verbose=0)
    assert_allclose(model.history["learning_rate"], [0.13, 0.09, 0.05, 0.01, 0], atol=1e-15)


# -------------------------------------------------------------------------- refusals

REFUSED = {
    "rate": (lambda: Constant(-0.1), r"Constant\(learning_rate=-0.1\): expected a finite number"),
    "rate text": (lambda: Cosine("a", 1), r"Cosine\(learning_rate='a'\): expected a finite numb"),
    "no steps": (lambda: Cosine(0.1, 0), r"decay_steps=0\): expected a whole number of at least 1"),
    "real steps": (lambda: Cosine(0.1, 9.0), r"decay_steps=9.0\): expected a whole number"),
    "warmup": (lambda: Cosine(0.1, 9, warmup_steps=-1), "warmup_steps=-1.*whole.*at least 0"),
    "end": (lambda: Polynomial(0.1, 9, -1), "end_learning_rate=-1.*at least 0"),
    "power": (lambda: Polynomial(0.1, 9, power=0), r"power=0\): .*above 0"),
    "growth": (lambda: StepDecay(0.1, 9, 1.1), r"decay_rate=1.1\): .*in \(0, 1\]"),
    "zero": (lambda: Exponential(0.1, 9, 0), r"decay_rate=0\): .*in \(0, 1\]"),
    "m_mul": (lambda: CosineRestarts(0.1, 9, m_mul=0), r"m_mul=0\): .*above 0"),
    "cycle": (lambda: Polynomial(0.1, 9, cycle=1), "cycle=1"),
    "t_mul": (lambda: CosineRestarts(0.1, 9, 0.5), r"t_mul=0.5\): .*at least 1"),
    "boundaries": (lambda: Piecewise(3, 4), r"Piecewise\(boundaries=3\): .* tuple of whole"),
    "text": (lambda: Piecewise("3", (1, 2)), r"boundaries='3'\): expected a tuple of whole"),
    "real": (lambda: Piecewise((3.0,), (1, 2)), r"boundaries=\(3.0,\)\): .* tuple of whole"),
    "falling": (lambda: Piecewise((4, 3), (1, 2, 3)), r"\(4, 3\).*each larger than the one bef"),
    "at 0": (lambda: Piecewise((0,), (1, 2)), r"\(0,\).*numbers above 0"),
    "values": (lambda: Piecewise((3,), (1, -2)), r"values=\(1, -2\)\): expected a tuple of fin"),
    "too few": (lambda: Piecewise((3,), (1,)), "1 boundaries and 1 values; expected one value"),
    "share": (lambda: OneCycle(0.1, 9, 1), r"warmup_share=1\): .*in \(0, 1\)"),
    "long": (lambda: OneCycle(0.1, 9, 0.6, three_phase=True), "warmup_share=0.6.*at most 0.5"),
    "switch": (lambda: OneCycle(0.1, 9, three_phase=1), "three_phase=1.*True or False"),
    "epochs": (lambda: steps(0, 1), "epochs is 0; expected a whole number of at least 1$"),
    "rows": (lambda: steps(1, 2.0), "n_rows is 2.0; expected a whole number"),
    "auto": (lambda: steps(1, 2, "auto"), "batch_size is 'auto'; expected.* or None for all rows"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED)
def test_a_setting_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("part", ["", ".decays", ".cosines"])
def test_examples_run(part):
    module = __import__("fastnn.schedules" + part, fromlist=["steps"])
    failed, tried = doctest.testmod(module)
    assert tried > 0
    assert failed == 0
