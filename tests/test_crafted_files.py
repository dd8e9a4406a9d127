"""Crafted model files: whatever they say, with a right digest, ModelFileError or a sound model."""

import copy
import sys
import tracemalloc
import warnings
from functools import cache
from importlib.util import find_spec

import numpy as np
import pytest
from counts import counts
from crafted import filling, found, mutants, one_of, opened, packed, places

import fastnn
from fastnn import (
    SGD,
    Adam,
    BatchNorm,
    Callback,
    Dense,
    Dropout,
    Members,
    ModelFileError,
    ReLU,
    RMSprop,
    Scale,
    Sequential,
    Softmax,
    Standardize,
    schedules,
)
from fastnn.datasets import load_iris
from fastnn.files.persistence import COST, FREE, pack, unpack_bytes
from fastnn.loading import read
from fastnn.model.saving import portrait

X, y = load_iris()
N = 60
COLUMNS = {
    "town": np.array([f"t{k % 7}" for k in range(N)], object),
    "age": np.where(np.arange(N) % 9, np.arange(N) * 7 % 31, np.nan),
    "day": (np.datetime64("2024-01-01") + np.arange(N)).astype(str),
}
WORDS = np.array(["no", "yes", "später"])[np.arange(N) % 3]


class BreakOff(Callback):
    every_steps = 3

    def on_steps_end(self, model, fraction):
        raise KeyboardInterrupt


def models():
    """Files of models of many parts: one untrained, one in mid-epoch."""
    classifier = Sequential(
        [Standardize(), Dense(4), BatchNorm(), ReLU(), Dropout(0.1), Dense(3), Softmax()], seed=0
    )
    classifier.compile(Adam(schedules.Piecewise((2, 4), (0.1, 0.01, 0.02))), metrics=["accuracy"])
    classifier.fit(X, y, epochs=2, validation_split=0.2, verbose=0)
    broken_off = Sequential([Dense(2, l2=0.1), "tanh", Dense(1), "sigmoid"], seed=1)
    broken_off.compile(RMSprop(momentum=0.5), "binary_cross_entropy", ["roc_auc"], clip_norm=1.0)
    with pytest.raises(KeyboardInterrupt):
        broken_off.fit(X, y == 1, callbacks=[BreakOff()], verbose=0)
    quantiles = Sequential(["scale", Dense(3, init=np.ones((4, 3)))], seed=2, dtype="float64")
    quantiles.compile(SGD(0.01), fastnn.losses.Pinball(quantiles=(0.1, 0.5, 0.9)))
    together = Sequential(
        [Members(2), Dense(3), Scale(bias=True), BatchNorm(), Dense(3, shared=False), Softmax()],
        seed=3,
    )
    together.compile("nadam")
    together.fit(X, y, epochs=1, verbose=0)
    return [pack(*portrait(m)) for m in (classifier, broken_off, quantiles, together)]


def estimators():
    """Files of estimators: two networks for a table, one with classes that are numbers."""
    import pandas as pd

    from fastnn.estimators import MLPClassifier, MLPRegressor
    from fastnn.estimators.saving import estimator_portrait

    small = {"hidden_layer_sizes": (2,), "max_iter": 2, "random_state": 0}
    frame = pd.DataFrame({name: COLUMNS[name] for name in ("town", "age")})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = [
            MLPClassifier(preset="tabular", n_members=2, **small).fit(frame, WORDS),
            MLPClassifier(class_weight={0: 1, 1: 2, 2: 1}, early_stopping=True, **small).fit(X, y),
            MLPRegressor(solver="lbfgs", normalize_y=True, **small).fit(X, X[:, 0]),
        ]
    return [pack(*estimator_portrait(e)) for e in fitted]


def tables():
    """The file of a tabular model."""
    settings = {"hidden_layer_sizes": (2,), "max_iter": 1}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        weights = {"no": 1.0, "yes": 2.0, "später": 0.5}
        model = fastnn.TabularModel(
            "buys", settings=settings, columns={"age": "number"}, class_weight=weights
        )
        model.fit(COLUMNS | {"buys": WORDS})
    model.members_ = model.members_[:2]
    return [model.to_bytes()]


KINDS = {"models": models}
if find_spec("sklearn") and find_spec("pandas"):
    KINDS["estimators"] = estimators
    if find_spec("pyarrow"):
        KINDS["tables"] = tables


@cache
def originals(kind):
    return [opened(data) for data in KINDS[kind]()]


def use(model):
    """All that a user would do with a model; it may refuse and diverge, but not fall over."""
    try:
        if isinstance(model, Sequential):
            assert model.layers
            if model._network is not None:
                model.predict(np.resize(X, (20, model._network.layout.n_in)))
            if model._setup is not None:
                n = 4 if model._network is None else model._network.layout.n_in
                rows, targets = np.resize(X, (20, n)), np.resize([0, 1], 20)
                model.fit(rows, targets, verbose=0)
                model.evaluate(rows, targets)
        elif hasattr(model, "predict_frame"):
            assert len(model.predict({name: column[:20] for name, column in COLUMNS.items()})) == 20
        elif hasattr(model, "_inputs"):
            import pandas as pd

            names = list(getattr(model, "feature_names_in_", ["town", "age"]))
            model.predict(pd.DataFrame(dict(zip(names, COLUMNS.values(), strict=False))))
        else:
            model.predict(np.resize(X, (20, model.n_features_in_)))
    except (ValueError, TypeError, ArithmeticError):
        pass


EVENTS = ("import", "exec", "compile", "open", "subprocess", "socket", "os.", "ctypes", "shutil")
watching = False
seen = []


def _hook(event, arguments):
    if watching and event.startswith(EVENTS):
        seen.append((event, str(arguments)[:200]))


@cache
def watch():
    """From here on, what happens while `watching` is `seen`; there is no way back."""
    sys.addaudithook(_hook)


def loaded(data):
    """A model from the bytes of a file, in which nothing is run; None where it is refused."""
    global watching
    watching = True
    try:
        return read("it", *unpack_bytes(data))
    except ValueError as error:
        if isinstance(error, ModelFileError) or "functions of your own" in str(error):
            return None
        raise
    finally:
        watching = False


def peak_of(data):
    """Bytes of memory that are taken while a file is read; None where it is not refused."""
    tracemalloc.start()
    try:
        # The bytes of the file are there already.
        return len(data) + tracemalloc.get_traced_memory()[1] if loaded(data) is None else None
    finally:
        tracemalloc.stop()


def load_mutants(rng, kind, count):
    """Loads so many; the number of those that are accepted."""
    watch()
    accepted = 0
    for original in originals(kind):
        # What is imported late is there now.
        use(loaded(packed(original)))
    seen.clear()
    for k, data in enumerate(mutants(rng, originals(kind), count)):
        if k % 32 == 0:
            peak = peak_of(data)
            assert peak is None or peak <= 2 * len(data) + FREE
        else:
            model = loaded(data)
            if model is not None:
                accepted += 1
                # Penalties of 1e308 are allowed, and overflow.
                with np.errstate(all="ignore"), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    use(model)
        assert seen == []
    return accepted


@pytest.mark.parametrize("kind", KINDS)
def test_load_opens_the_named_file_and_no_other(kind, tmp_path):
    global watching
    watch()
    for original in originals(kind):
        path = tmp_path / "model.safetensors"
        path.write_bytes(packed(original))
        fastnn.load(path)  # what is imported late is there now
        seen.clear()
        watching = True
        try:
            fastnn.load(path)
        finally:
            watching = False
        (event,) = seen
        assert event[0] == "open"
        assert repr(str(path)) in event[1]


SHARES = {"models": 0.6, "estimators": 0.2, "tables": 0.2}


@counts(20_000, 5_000_000)
@pytest.mark.parametrize("kind", KINDS)
def test_crafted_files_are_refused_or_sound(kind, count):
    rng = np.random.default_rng(0 if count < 10**5 else None)
    count = round(SHARES[kind] * count)
    assert 0.01 * count < load_mutants(rng, kind, count) < 0.3 * count


@pytest.mark.parametrize(
    ("name", "change"),
    [("4.b", lambda a: a * np.nan), ("4.b", lambda a: a / 0), ("1.running", lambda a: -1 - a),
     ("3.W.slot_1", lambda a: a * np.nan), ("x", lambda a: np.zeros(9)), ("4.b", lambda a: a[:2])],
)  # fmt: skip
def test_a_large_network_is_refused_before_it_takes_memory(name, change):
    model = Sequential([Dense(200), BatchNorm(), ReLU(), Dense(900), Dense(3), Softmax()], seed=0)
    model.compile(SGD(0.1, momentum=0.9))
    model.fit(X, y, epochs=1, verbose=0)
    file = opened(pack(*portrait(model)))
    with np.errstate(all="ignore"):
        file.tensors[name] = change(file.tensors.get(name))
    for own in [own for own in file.tensors if own.endswith(".slot_1") and own != name]:
        # Of what is not there zeros are taken.
        del file.tensors[own]
    data = packed(file)
    assert peak_of(packed(opened(pack(*portrait(model))))) is None
    assert peak_of(data) <= 1.5 * len(data) + FREE / 4


@counts(100, 20_000)
@pytest.mark.parametrize("kind", KINDS)
def test_a_file_costs_twice_its_size_and_a_mebibyte_whatever_is_large_in_it(kind, count):
    rng = np.random.default_rng(0 if count < 10_000 else None)
    for original in originals(kind):
        use(loaded(packed(original)))
    most = 1e6 if count >= 10_000 else 3e5
    refused = 0
    for _ in range(count):
        file = copy.deepcopy(one_of(rng, originals(kind)))
        container, key = found(file, one_of(rng, list(places(file))))
        container[key] = filling(rng, int(10 ** rng.uniform(3, np.log10(most))))
        old = rng.random() < 0.1
        if old:
            file.description["version"] = 1
        data = packed(file)
        header = int.from_bytes(data[:8], "little")
        if rng.random() < 0.5 and header < most / 3 and not old:
            # So large that its header may be read.
            data = packed(file, room=COST * (header + 1000))
        peak = peak_of(data)
        if peak is not None:
            refused += 1
            assert peak <= 2 * len(data) + FREE + old * 28 * header
    assert refused > 0.8 * count, "most are too large, or of another form"


def wide(kind):
    """A file of two networks, most of it weights."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if kind == "tables":
            settings = {"hidden_layer_sizes": (600, 200), "max_iter": 1}
            model = fastnn.TabularModel("buys", settings=settings).fit(COLUMNS | {"buys": WORDS})
            model.members_ = model.members_[:2]
            return opened(model.to_bytes())
        from fastnn.estimators import MLPClassifier
        from fastnn.estimators.saving import estimator_portrait

        model = MLPClassifier((600, 200), n_members=2, max_iter=1, random_state=0).fit(X, y)
        return opened(pack(*estimator_portrait(model)))


SPOILT = {
    "a weight": lambda file, last: last.tensors.update(
        (name, a * np.nan) for name, a in last.tensors.items() if name.endswith(".W")),
    "an array": lambda file, last: last.tensors.update(more=np.zeros(3)),
    "its numbers": lambda file, last: last.tensors.update(
        answers=np.array([0, 9, 1]), order=np.zeros(9, int)),
    "beside it": lambda file, last: file.tensors.update(more=np.zeros(3)),
    "of all": lambda file, last: file.description.update(holdout=1.0, classes=None),
}  # fmt: skip


@pytest.mark.parametrize("what", SPOILT)
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "models"])
def test_several_networks_cost_twice_their_size_too(kind, what):
    file = wide(kind)
    for one in file.files():
        # Of what is not there zeros are taken.
        one.tensors = {name: a for name, a in one.tensors.items() if ".slot_" not in name}
    assert loaded(packed(file)) is not None
    SPOILT[what](file, [*file.files()][-1])
    data = packed(file)
    peak = peak_of(data)
    assert peak is not None, "it is refused"
    assert peak <= 2 * len(data) + FREE
