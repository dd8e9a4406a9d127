"""Chunks of a batch: how many of them a worker takes at once changes no bit."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from fastnn import Adam, BatchNorm, Dense, Dropout, Mish, ReLU, Sequential, Sigmoid, Softmax
from fastnn.engine.layout import Layout
from fastnn.engine.plan import Program, shared_program
from fastnn.kernels import codes
from fastnn.losses import CrossEntropy

NETWORKS = {
    "plain": lambda: [Dense(160), ReLU(), Dense(70), ReLU(), Dense(7), Softmax()],
    "batch norm": lambda: [
        Dense(150), BatchNorm(), ReLU(), Dense(65), BatchNorm(), Mish(), Dense(7), Softmax(),
    ],
    "batch norm first": lambda: [BatchNorm(), Dense(230), ReLU(), Dense(3), Softmax()],
    "dropout": lambda: [Dropout(0.1), Dense(200), ReLU(), Dropout(0.5), Dense(7), Softmax()],
    "wide": lambda: [Dense(520), ReLU(), Dense(513), ReLU(), Dense(40), Softmax()],
    "sigmoid": lambda: [Dense(260), Sigmoid(), Dense(1), Sigmoid()],
    "numbers": lambda: [Dense(260), ReLU(), Dense(2)],
}  # fmt: skip
LOSSES = {"sigmoid": "binary_cross_entropy", "numbers": "mse"}


def trained(monkeypatch, name, dtype, batch, together):
    """Weights, history and answers of a fit whose tasks take so many chunks at once."""
    taken = []

    def tasks_for(program, threads):
        taken.append(program.n_chunks)
        return program._together(min(together, program.n_chunks))

    monkeypatch.setattr(Program, "tasks_for", tasks_for)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2 * batch + batch // 3, 50)).astype(dtype)
    y = {"sigmoid": X[:, 0] > 0, "numbers": X[:, :2]}.get(name, (X[:, 0] > 0) * 2)
    model = Sequential(NETWORKS[name](), seed=1, dtype=dtype)
    model.compile(Adam(1e-2), loss=LOSSES.get(name, "cross_entropy"), clip_norm=1.0)
    history = model.fit(
        X, y, epochs=2, batch_size=batch, verbose=0, sample_weight=rng.random(len(X))
    )
    figures = {k: v for k, v in history.history.items() if k != "seconds"}
    return model.get_weights(), figures, model.predict(X), max(taken)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch", [256, 197])
@pytest.mark.parametrize("name", NETWORKS)
def test_chunks_taken_together_leave_the_same_bits(name, batch, dtype, monkeypatch):
    weights, figures, answers, chunks = trained(monkeypatch, name, dtype, batch, 1)
    assert chunks >= 4
    for together in (2, 4, 8):
        others, its_figures, its_answers, _ = trained(monkeypatch, name, dtype, batch, together)
        for one, other in zip(weights, others, strict=True):
            assert_array_equal(one, other)
        assert figures == its_figures
        assert_array_equal(answers, its_answers)


def program(rows=256, width=1024):
    layout = Layout([Dense(width), BatchNorm(), ReLU(), Dense(width), Softmax()], 64)
    return Program(layout, rows, CrossEntropy())


def test_more_workers_have_more_tasks_as_far_as_there_are_chunks():
    made = program()
    assert made.n_chunks == 16
    for threads, tasks in ((1, 2), (2, 2), (3, 4), (4, 4), (5, 8), (16, 16), (64, 16)):
        table = made.tasks_for(threads)
        assert len(table) == len(made.tasks)
        turn = table[table["kind"] == codes.TURN]
        turn = turn[turn["end"] > turn["begin"]]
        assert len(turn) == tasks
        assert_array_equal(turn["begin"][1:], turn["end"][:-1])
        assert (turn["begin"][0], turn["end"][-1]) == (0, 16)
        assert made.tasks_for(threads) is table


def test_small_networks_have_one_chunk():
    assert program(rows=32, width=16).n_chunks == 1


def test_networks_of_equal_layers_share_a_program():
    def made(units, rows=32, init=None, **settings):
        layout = Layout((Dense(units, init=init), ReLU(), Dense(3), Softmax()), 4)
        return shared_program(layout, rows, CrossEntropy(), **settings)

    assert made(8) is made(8, init=np.ones((4, 8)))
    assert made(8, init=np.ones((4, 8))).layout.layers[0].init is None
    others = [made(9), made(8, 16), made(8, clip_norm=True), made(8, frozen=1)]
    assert len({id(program) for program in [made(8), *others]}) == 5
