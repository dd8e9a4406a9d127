"""Embeddings, of codes and of numbers: their mathematics, the engine, how they start, refusals."""

import numba
import numpy as np
import pytest
import reference_network as net
from numpy.testing import assert_allclose, assert_array_equal
from twins import goes_on_as_itself, same_bits_on_any_number_of_threads

import fastnn
from fastnn import (
    LBFGS,
    SGD,
    Adam,
    AdamW,
    BatchNorm,
    Dense,
    Dropout,
    Embedding,
    Members,
    PeriodicEmbedding,
    ReLU,
    Scale,
    Sequential,
    Softmax,
    Standardize,
    Tanh,
)
from fastnn.kernels.math.periodic import cosine

FEATURES, N = 4, 40


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def data(rng, n=N):
    return rng.normal(size=(n, FEATURES)), rng.integers(0, 3, n)


def layers(*first, **options):
    return [*first, PeriodicEmbedding(3, 5, 0.2, **options), Dense(6), Tanh(), Dense(3), Softmax()]


def check_the_gradient(network, X, y):
    """After an epoch, so that no array is as it starts."""
    model = Sequential(network, seed=1, dtype="float64")
    model.compile(Adam(0.01))
    model.fit(X, y, verbose=0)
    assert fastnn.check_gradient(model, X, y) <= 1e-6


# ------------------------------------------------------------------ the mathematics


@numba.njit
def cosines(x):
    y = np.empty_like(x)
    for i in range(x.size):
        y[i] = cosine(x[i])
    return y


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_cosine_is_exact_to_its_bound(dtype):
    x = np.concatenate([np.linspace(-3, 3, 200_003), np.linspace(-1e3, 1e3, 50_001)]).astype(dtype)
    wide = x.astype(np.longdouble)
    # Whole turns away, exactly: pi has no more digits than the type.
    exact = np.cos(2 * np.longdouble("3.14159265358979323846") * (wide - np.round(wide)))
    assert np.abs(cosines(x) - exact).max() <= 1.5 * np.finfo(dtype).eps
    assert np.isnan(cosines(np.array([np.nan, np.inf, -np.inf], dtype))).all()


def test_numbers_stand_where_they_stood_with_their_waves_behind_them(rng):
    X, _ = data(rng)
    embedding = PeriodicEmbedding(3, 5, 0.2, start=1, stop=3)
    model = Sequential([embedding, Dense(8, init=np.eye(8))], dtype="float64").build(FEATURES)
    w, phase, V, b, *_ = model.get_weights()
    y = model.predict(X)
    assert_allclose(y[:, [0, 1, 4, 7]], X, rtol=1e-14)
    for at, j in ((2, 0), (5, 1)):
        waves = np.cos(2 * np.pi * X[:, [1 + j]] * w[j] + phase[j])
        assert_allclose(y[:, at : at + 2], waves @ V[5 * j :][:5] + b[j], atol=1e-14)
    assert_allclose(y, net.periodic_forward(X, w, phase, V, b, 1), atol=1e-14)


@pytest.mark.parametrize(
    "network",
    [
        layers(), layers(start=3), layers(Standardize(), stop=1), layers(Dropout(0.2)),
        [PeriodicEmbedding(2, 1), Scale(), *layers(BatchNorm())],
        [Dense(5), Members(3), *layers(start=1)], layers(Members(3), stop=2),
    ],
)  # fmt: skip
def test_its_gradient(network, rng):
    check_the_gradient(network, *data(rng))


def test_it_learns_what_a_network_of_plain_numbers_does_not(rng):
    X = rng.uniform(-3, 3, (500, 1))
    found = []
    for embedding in ([], [PeriodicEmbedding(sigma=0.5)]):
        model = Sequential([*embedding, Dense(32), ReLU(), Dense(1)], seed=0)
        model.compile(Adam(0.01), "mse")
        model.fit(X, np.sin(6 * X), epochs=60, batch_size=32, verbose=0)
        found.append(model.evaluate(X, np.sin(6 * X))["loss"])
    assert found[1] < 0.05 < 0.2 < found[0]


def test_numbers_are_those_of_pytorch(rng):
    torch = pytest.importorskip("torch")
    X, _ = data(rng)
    model = Sequential(layers()[:-1], seed=1, dtype="float64").build(FEATURES)
    model.compile(SGD(0.05), "mse")
    twin, target = model.to_torch().train(), rng.normal(size=(N, 3))
    sgd = torch.optim.SGD(twin.parameters(), 0.05)
    for _ in range(5):
        sgd.zero_grad()
        torch.nn.functional.mse_loss(twin(torch.from_numpy(X)), torch.from_numpy(target)).backward()
        sgd.step()
    model.fit(X, target, epochs=5, batch_size=None, verbose=0)
    with torch.no_grad():
        assert_allclose(model.predict(X), twin(torch.from_numpy(X)).numpy(), rtol=1e-10)


def coded(*first, last=3):
    """Layers of three columns of numbers and one of codes, the third of four."""
    return [Embedding(5, 3, column=2), *first, Dense(6), Tanh(), Dense(last), Softmax()]


def with_codes(rng, n=N):
    X, y = data(rng, n)
    X[:, 2] = rng.integers(0, 5, n)
    X[0, 2] = -1
    X[:, 3] = rng.integers(0, 2, n)
    return X, y


def test_a_code_becomes_its_row_of_the_table_and_what_is_none_zeros(rng):
    X, _ = with_codes(rng)
    X[:5, 2] = -1, 5, 2.0**30, 1.5, -0.25
    network = [Embedding(5, 3, column=2), Dense(6, init=np.eye(6))]
    model = Sequential(network, seed=0, dtype="float64").build(FEATURES)
    y, table = model.predict(X), model.get_weights()[0]
    assert_array_equal(y[:, [0, 1, 5]], X[:, [0, 1, 3]])
    assert_array_equal(y[:5, 2:5], 0)
    assert_array_equal(y[5:, 2:5], table[X[5:, 2].astype(int)])


@pytest.mark.parametrize(
    "network",
    [coded(), coded(Scale()), coded(Members(3)), [PeriodicEmbedding(2, 3, stop=2), *coded()[1:]],
     [PeriodicEmbedding(2, 3, stop=1), Embedding(5, 3, column=3), Scale(), *coded()[1:]],
     [Embedding(5, 3, column=2), Embedding(2, 1, column=5), *coded()[1:]]],
)  # fmt: skip
def test_the_gradient_of_a_table(network, rng):
    check_the_gradient(network, *with_codes(rng))


def test_a_step_of_a_table_is_that_of_a_dense_layer_with_a_column_for_each_code(rng):
    X, y = with_codes(rng, 200)
    table = Sequential([Embedding(5, 6, column=2), *coded()[1:]], seed=0, dtype="float64")
    table.build(FEATURES)
    E, W, *others = table.get_weights()
    hot = Sequential([Dense(9, bias=False), *coded()[1:]], seed=0, dtype="float64")
    first = np.zeros((8, 9))
    first[[0, 1, 7], [0, 1, 8]], first[2:7, 2:8] = 1, E
    hot.build(8).set_weights([first, W, *others])
    columns = np.column_stack([X[:, :2], X[:, [2]] == np.arange(5), X[:, 3]])
    for model, rows in ((table, X), (hot, columns)):
        model.compile(SGD(0.1))
        # One step: after it the dense layer has other weights besides.
        model.fit(rows, y, batch_size=None, verbose=0)
    assert_allclose(table.get_weights()[0], hot.get_weights()[0][2:7, 2:8], rtol=1e-9)


# ------------------------------------------------------------------ the engine


def test_any_number_of_threads_computes_the_same_bits(threads):
    first = Embedding(4, 3), PeriodicEmbedding(start=5)
    same_bits_on_any_number_of_threads([*first, Dense(256), ReLU(), Dense(3), Softmax()], threads)


@pytest.mark.parametrize("tables", [False, True])
def test_it_is_saved_copied_and_continued(tables, tmp_path, rng):
    X, y = with_codes(rng)
    network = [*coded(PeriodicEmbedding(stop=2))] if tables else layers(Standardize(), start=1)
    model = Sequential(network, seed=0)
    model.compile(Adam(0.01))
    model.fit(X, y, epochs=2, batch_size=16, verbose=0)
    goes_on_as_itself(model, X, y, tmp_path / "waves.safetensors")


@pytest.mark.parametrize(
    "network",
    [layers(), layers(start=2), layers(start=1, stop=3), [PeriodicEmbedding(), *layers(Scale())],
     layers(Standardize(), start=2), layers(Dropout(0.1), stop=2), layers(PeriodicEmbedding(2, 3)),
     [PeriodicEmbedding(), Members(2), Dense(3), Softmax()], coded(),
     [PeriodicEmbedding(start=3), *coded(PeriodicEmbedding(), Embedding(2, 2))]],
)  # fmt: skip
def test_weights_tell_the_number_of_features(network):
    model = Sequential(network, seed=0, dtype="float64").build(FEATURES)
    other = Sequential(network, seed=9, dtype="float64")
    other.set_weights(model.get_weights())
    assert other._network.layout.n_in == FEATURES
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        assert_array_equal(a, b)


def test_decay_and_frozen_layers_leave_it_alone_and_its_rate_counts(rng):
    X, y = data(rng)
    X[:, 0] = y
    network = [Embedding(3, 2), *layers()]
    start = Sequential(network, seed=0).build(FEATURES).get_weights()[:5]
    for rate in (0.0, 1.0):
        network[:2] = Embedding(3, 2, rate=rate), PeriodicEmbedding(3, 5, 0.2, rate=rate)
        model = Sequential(network, seed=0)
        model.compile(AdamW(0.01, weight_decay=0.5))
        model.fit(X, y, epochs=2, verbose=0)
        same = [np.array_equal(a, b) for a, b in zip(start, model.get_weights(), strict=False)]
        assert same == [rate == 0] * 5
    for optimizer in (LBFGS(), Adam(0.1)):
        other = Sequential(layers(), seed=1, dtype="float64").build(FEATURES)
        before = other.get_weights()
        other.initialize_from(other, freeze=1)
        other.compile(optimizer)
        other.fit(X, y, epochs=3, batch_size=None, verbose=0)
        kept = [
            a.tobytes() == b.tobytes() for a, b in zip(before, other.get_weights(), strict=True)
        ]
        assert kept == [True] * 4 + [False] * 4


# ------------------------------------------------------------------ start, summary, refusals


def fitted(codes):
    """A network trained on rows with these codes."""
    X, model = np.zeros((len(codes), FEATURES)), Sequential(coded(), seed=0)
    X[:, 2] = codes
    model.compile("adam")
    model.fit(X, np.zeros(len(codes), int), verbose=0)
    return model


def test_codes_that_nothing_is_learned_from_may_be_any():
    model = fitted([-1, 4, 0])
    X = np.full((3, FEATURES), 7.5)
    model.compile("adam")
    model.fit(np.zeros((3, FEATURES)), np.zeros(3, int), validation_data=(X, [0, 1, 2]), verbose=0)
    model.fit(np.vstack([X, 0 * X]), [0, 1, 2] * 2, validation_split=[0, 1, 2], verbose=0)
    assert np.isfinite(model.evaluate(X, [0, 1, 2])["loss"])


def test_how_it_starts():
    model = Sequential([PeriodicEmbedding(5, 64, 0.3), Dense(1)], seed=0).build(100)
    table = Sequential([Embedding(500, 8), Dense(1)], seed=0).build(1).get_weights()[0]
    assert table.shape == (500, 8)
    assert abs(table.std() - 1) < 0.05
    w, phase, V, b = model.get_weights()[:4]
    assert [a.shape for a in (w, phase, V, b)] == [(100, 64), (100, 64), (6400, 4), (100, 4)]
    assert abs(w.std() / 0.3 - 1) < 0.05
    for array, bound in ((phase, np.pi), (V, 1 / 8), (b, 1 / 8)):
        assert 0.95 * bound < np.abs(array).max() <= bound
        assert abs(array.mean()) < 0.1 * bound


def test_the_summary_counts_it(capsys):
    Sequential([PeriodicEmbedding(stop=3), Dense(1)], seed=0).build(4).summary()
    line = capsys.readouterr().out.splitlines()[1].split()
    assert line[-2:] == ["13", str(3 * (16 + 16 + 48 + 3))]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Embedding(0, 2), r"categories=0\): expected a whole number of at least 1"),
        (lambda: Embedding(2**24 + 1, 2), "expected at most 16777216, for a float32 holds no larg"),
        (lambda: Embedding(3, 0), "size=0"),
        (lambda: Embedding(3, 2, column=-1), r"column=-1\): expected a whole number of at least 0"),
        (lambda: Sequential(["embedding", Dense(1)]), "needs categories and size"),
        (lambda: Sequential(coded()).build(2),
         r"reads codes in column 2, but its input has 2, from 0 to 1: give another column"),
        (lambda: Sequential([Standardize(), *coded()]),
         "Embedding is layer 2; expected it before all layers but other embeddings"),
        (lambda: Sequential(coded(Embedding(2, 1, column=3))).build(4),
         r"Embedding\(2, 1, column=3\) is layer 2 and reads what Embedding\(5, 3, column=2\) has "
         "learned; .* by size - 1, so give the column where they are by now"),
        (lambda: Sequential([PeriodicEmbedding(3), Embedding(5, 3, 4), Dense(1)]).build(2),
         r"reads what PeriodicEmbedding\(size=3\) has learned"),
        (lambda: fitted([0, 4, 1.5]), r"X holds 1.5 at row 2, column 2, where Embedding\(5, 3, "
         r"column=2\) reads a code; expected a whole number from 0 to 4, or below 0 for what is "),
        (lambda: fitted([5, 0, 1]), "X holds 5 at row 0, .* categories"),
        (lambda: PeriodicEmbedding(1), r"size=1\): expected a whole number of at least 2"),
        (lambda: PeriodicEmbedding(frequencies=0), "frequencies=0"),
        (lambda: PeriodicEmbedding(sigma=0), r"sigma=0\): expected a finite number above 0"),
        (lambda: PeriodicEmbedding(start=-1), r"start=-1\): expected a whole number of at least 0"),
        (lambda: PeriodicEmbedding(start=2, stop=2), r"stop=2\): expected a whole number of at le"),
        (lambda: Sequential(layers(start=4)).build(4),
         r"embeds columns 4 to 4, but its input has 4, from 0 to 3: give another start and stop"),
        (lambda: Sequential(layers(stop=6)).build(4), r"columns 0 to 5, but its input has 4"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()
