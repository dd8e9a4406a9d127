"""Thirty kinds of X at six entry points: the numbers count, or a sentence; nothing is changed."""

import copy

import numpy as np
import pytest

from fastnn import Dense, ReLU, Sequential, Softmax

pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
sparse, estimators = pytest.importorskip("scipy.sparse"), pytest.importorskip("fastnn.estimators")
N, K = 24, 3
BASE = np.random.default_rng(0).integers(0, 2, (N, K)).astype("f4")
BASE[:6] = np.tile([[0, 1, 0], [1, 0, 1]], (3, 1))
Y = np.arange(N) % 2


class Own(np.ndarray):
    """A subclass."""


def memmap(tmp_path):
    target = np.memmap(tmp_path / "X", "f4", "w+", shape=(N, K))
    target[:] = BASE
    return target


def locked():
    X = BASE.copy()
    X.flags.writeable = False
    return X


def spaced():
    wide = np.full((2 * N, 2 * K), 7, "f4")
    wide[::2, ::2] = BASE
    return wide[::2, ::2]


def field():
    table = np.zeros(N, [("a", "i1"), ("x", "f4", K)])
    table["x"] = BASE
    return table["x"]


ACCEPTED = {
    **{
        code: lambda tmp, code=code: BASE.astype(code)
        for code in (
            "f2",
            "f4",
            "f8",
            "g",
            "?",
            "i1",
            "i2",
            "i4",
            "i8",
            "u1",
            "u2",
            "u4",
            "u8",
            ">f4",
            ">i8",
        )
    },
    "columns first": lambda tmp: np.asfortranarray(BASE),
    "backwards": lambda tmp: BASE[::-1].copy()[::-1],
    "spaced": lambda tmp: spaced(),
    "locked": lambda tmp: locked(),
    "field": lambda tmp: field(),
    "memmap": memmap,
    "list": lambda tmp: BASE.tolist(),
    "tuple": lambda tmp: tuple(map(tuple, BASE.tolist())),
    "rows": lambda tmp: list(BASE),
    "subclass": lambda tmp: BASE.view(Own),
    "frame": lambda tmp: pandas.DataFrame(BASE),
    "polars": lambda tmp: polars.DataFrame(BASE),
}
REFUSED = {
    "objects": lambda tmp: BASE.astype(object),
    "nan": lambda tmp: np.where(BASE > 0, np.nan, BASE),
    "infinity": lambda tmp: np.where(BASE > 0, np.inf, BASE),
    "complex": lambda tmp: BASE + 1j,
    "text": lambda tmp: BASE.astype(str).astype(object) + "x",
    "dates": lambda tmp: BASE.astype("M8[s]"),
    "three axes": lambda tmp: BASE[None],
    "no rows": lambda tmp: BASE[:0],
    "no columns": lambda tmp: BASE[:, :0],
    "number": lambda tmp: 3.0,
    "nothing": lambda tmp: None,
    "word": lambda tmp: "X",
    "mapping": lambda tmp: {"a": 1},
    "of unequal length": lambda tmp: [[1.0, 2.0, 3.0], [1.0]],
    "masked": lambda tmp: np.ma.masked_array(BASE, BASE > 0),
}
AS_SKLEARN = {(kind, "estimator") for kind in ("dates", "masked", "objects")}
"""Which scikit-learn's own check of X lets through, and so estimators do."""


def network():
    model = Sequential([Dense(4), ReLU(), Dense(2), Softmax()], seed=0)
    model.compile(metrics=["accuracy"])
    return model


def fit(model, X):
    model.fit(X, Y[: len(X)] if np.ndim(X) else Y, epochs=2, batch_size=8, verbose=0)
    return model.get_weights()


def classify(model, X):
    kind = estimators.MLPClassifier(max_iter=3, random_state=0, tol=0.0)
    return kind.fit(X, Y).predict_proba(BASE)


ENTRIES = {
    "fit": fit,
    "predict": lambda model, X: model.predict(X),
    "predict_classes": lambda model, X: model.predict_classes(X),
    "evaluate": lambda model, X: list(model.evaluate(X, Y).values()),
    "lr_find": lambda model, X: model.lr_find(X, Y, steps=20).losses,
    "estimator": classify,
}


def bits(found):
    arrays = found if isinstance(found, list) else [found]
    return b"".join(np.asarray(a, np.float64).tobytes() for a in arrays)


def kept(X):
    return copy.deepcopy(X) if not isinstance(X, np.memmap) else X.copy()


def unchanged(before, after):
    if isinstance(before, pandas.DataFrame | polars.DataFrame):
        return before.equals(after)
    if isinstance(before, np.ndarray):
        return before.tobytes() == after.tobytes() and before.dtype == after.dtype
    return repr(before) == repr(after)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("kind", ACCEPTED)
def test_the_numbers_count_and_not_what_holds_them(kind, entry, tmp_path):
    X, model, plain = ACCEPTED[kind](tmp_path), network().build(K), network().build(K)
    before = kept(X)
    found, wanted = ENTRIES[entry](model, X), ENTRIES[entry](plain, BASE)
    if entry == "estimator":
        # As scikit-learn's, it computes in the type of X.
        np.testing.assert_allclose(found, wanted, atol=1e-5)
    else:
        assert bits(found) == bits(wanted)
    assert unchanged(before, X)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    ("kind", "entry"), [(k, e) for k in REFUSED for e in ENTRIES if (k, e) not in AS_SKLEARN]
)
def test_what_is_no_table_of_numbers_is_refused_in_a_sentence(kind, entry, tmp_path):
    X, model = REFUSED[kind](tmp_path), network().build(K)
    before, weights = kept(X), bits(model.get_weights())
    with pytest.raises((ValueError, TypeError)) as error:
        ENTRIES[entry](model, X)
    assert len(str(error.value)) > 20
    assert unchanged(before, X)
    assert (model.step, len(model.history)) == (0, 0)
    assert bits(model.get_weights()) == weights
