"""Estimators in a file: they come back to the bit, or the file is refused."""

import copy
import warnings
from contextlib import suppress

import numpy as np
import pytest

pytest.importorskip("sklearn")

from crafted import mutants, opened, packed

import fastnn
from fastnn import Adam, ModelFileError, losses, schedules
from fastnn.estimators import MLPClassifier, MLPRegressor
from fastnn.estimators.saving import estimator_portrait
from fastnn.files import texts
from fastnn.files.persistence import pack

RNG = np.random.default_rng(0)
X = RNG.normal(size=(160, 4))
LABELS = RNG.integers(0, 3, 160)
WORDS = np.array(["low", "mid", "a long word"])[LABELS]
SMALL = {"hidden_layer_sizes": (5,), "max_iter": 3, "random_state": 0}
QUICK = {"preset": "tabular", "hidden_layer_sizes": (6, 5), "max_iter": 2, "random_state": 0}


def frame(n=160, towns=140):
    import pandas as pd

    rng = np.random.default_rng(1)
    return pd.DataFrame({
        "town": rng.choice([None, *(f"t{k % towns}" for k in range(300))], n),
        "yes": rng.random(n) > 0.5, "age": rng.normal(size=n),
        "size": pd.Categorical(rng.choice([1.5, 2.0, 40.0], n)),
        "often": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
    })  # fmt: skip


ZOO = {
    "two classes": lambda: MLPClassifier(**SMALL).fit(X, LABELS > 0),
    "words": lambda: MLPClassifier(early_stopping=True, **SMALL).fit(X, WORDS),
    "objects": lambda: MLPClassifier(**SMALL).fit(X, WORDS.astype(object)),
    "floats": lambda: MLPClassifier(**SMALL).fit(X.astype(np.float32), LABELS.astype(np.float32)),
    "labels": lambda: MLPClassifier(**SMALL).fit(X, RNG.integers(0, 2, (160, 3))),
    "weights": lambda: MLPClassifier(
        class_weight={"low": 2, "mid": 1, "a long word": 0.5}, **SMALL
    ).fit(X, WORDS),
    "parts": lambda: MLPClassifier(
        optimizer=Adam(schedules.Cosine(1e-3, 99)), loss=losses.CrossEntropy(0.1), batch_norm=True,
        dropout=0.2, normalize="robust", n_iter_no_change=np.inf, **SMALL,
    ).fit(X, LABELS),
    "by name": lambda: MLPRegressor(
        schedule="cosine", init="orthogonal", activation="mish", monitor="r2",
        early_stopping=True, **SMALL,
    ).fit(X, X[:, 0]),
    "several targets": lambda: MLPRegressor(normalize_y=True, **SMALL).fit(X, X[:, :2]),
    "counts": lambda: MLPRegressor(loss="poisson", solver="sgd", learning_rate="adaptive",
                                   **SMALL).fit(X, LABELS),
    "L-BFGS": lambda: MLPRegressor(solver="lbfgs", **SMALL).fit(X, X[:, 0]),
    "no seed": lambda: MLPRegressor(**SMALL | {"random_state": None}).fit(X, X[:, 0]),
    "ensemble": lambda: MLPClassifier(n_members=2, early_stopping=True, **SMALL).fit(X, WORDS),
    "table": lambda: MLPClassifier(n_members=1, **QUICK).fit(frame(), WORDS),
    "rare categories": lambda: MLPClassifier(n_members=1, **QUICK).fit(
        frame(900), np.resize(WORDS, 900)
    ),
    "table of one kind": lambda: MLPRegressor(
        n_members=2, categorical_features=["size"], **QUICK
    ).fit(frame()[["size", "age"]], X[:, 0]),
    "table of numbers": lambda: MLPRegressor(n_members=1, **QUICK).fit(X, X[:, 0]),
    "members": lambda: MLPClassifier(**QUICK).fit(frame(), LABELS),
}  # fmt: skip


@pytest.fixture(scope="module")
def zoo():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {name: make() for name, make in ZOO.items()}


def rows_of(e):
    if not hasattr(e, "feature_names_in_"):
        return X
    rows = frame(300, 400)[list(e.feature_names_in_)]
    return rows


def same(a, b, place="it"):
    """Alike in all attributes, by bits; what is computed from others apart."""
    assert type(a) is type(b), place
    if isinstance(a, np.ndarray):
        assert a.dtype == b.dtype, place
        np.testing.assert_array_equal(a, b, err_msg=place)
    elif isinstance(a, dict):
        assert a.keys() == b.keys(), place
        for name in a:
            same(a[name], b[name], f"{place}.{name}")
    elif isinstance(a, list | tuple):
        assert len(a) == len(b), place
        for k, (one, other) in enumerate(zip(a, b, strict=True)):
            same(one, other, f"{place}[{k}]")
    elif hasattr(a, "__getstate__") and type(a).__module__.startswith(("fastnn.e", "fastnn.h")):
        mine, yours = (dict(vars(one)) for one in (a, b))
        for state in (mine, yours):
            machine = state.pop("_machine", None)
            state["values"] = None if machine is None else machine.state.values
            if "history" in state:
                state["history"] = state["history"] | {"seconds": 0}
            for name in ("encoder", "_shown"):
                state.pop(name, None)
        same(mine, yours, place)
    elif a is not b and not isinstance(a, fastnn.losses.Loss | fastnn.optimizers.Optimizer):
        assert repr(a) == repr(b), place


@pytest.mark.parametrize("name", ZOO)
def test_an_estimator_comes_back_to_the_bit(zoo, tmp_path, name):
    e, path = zoo[name], tmp_path / "e.safetensors"
    e.save(path)
    twin = fastnn.load(path)
    same(e, twin)
    assert repr(twin) == repr(e)
    rows = rows_of(e)
    np.testing.assert_array_equal(twin.predict(rows), e.predict(rows))
    if hasattr(e, "classes_"):
        np.testing.assert_array_equal(twin.predict_proba(rows), e.predict_proba(rows))
    twin.save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", ["two classes", "words", "parts", "L-BFGS", "ensemble", "members"])
def test_training_goes_on_as_if_it_had_not_stopped(zoo, tmp_path, name):
    e = copy.deepcopy(zoo[name])
    e.save(tmp_path / "e")
    twin = fastnn.load(tmp_path / "e")
    rows = frame() if hasattr(e, "feature_names_in_") else X
    y = {"two classes": LABELS > 0, "L-BFGS": X[:, 0], "parts": LABELS, "members": LABELS}
    for each in (e, twin):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            each.set_params(warm_start=True).fit(rows, y.get(name, WORDS))
    same(e, twin)


class Own(MLPClassifier):
    pass


def own_schedule(steps):
    return 0.001 + 0 * steps


REFUSED = {
    "unfitted": (lambda: MLPClassifier(), "not fitted"),
    "own class": (lambda: Own(**SMALL).fit(X, LABELS), "Own is a class of your own"),
    "own schedule": (lambda: MLPClassifier(schedule=own_schedule, **SMALL).fit(X, LABELS),
                     "schedule is or holds own_schedule, a function of your own"),
    "generator": (lambda: MLPClassifier(**SMALL | {"random_state": np.random.RandomState(0)})
                  .fit(X, LABELS), "random_state is a generator"),
    "classes of days": (lambda: MLPClassifier(**SMALL).fit(X, LABELS.astype("datetime64[D]")),
                        r"the classes are of type datetime64\[D\], such as"),
    "half a letter": (lambda: MLPClassifier(**SMALL).fit(
        X, np.array(["\ud800", "b", "c"], object)[np.unique(LABELS, return_inverse=True)[1] % 3]
    ), "holds half a letter, which no file can hold"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", REFUSED)
def test_what_no_file_can_hold_is_refused(tmp_path, name):
    make, message = REFUSED[name]
    with pytest.raises((TypeError, ValueError), match=message) as caught:
        make().save(tmp_path / "e")
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_changed_byte_is_found(zoo, tmp_path):
    zoo["table"].save(tmp_path / "e")
    data = bytearray((tmp_path / "e").read_bytes())
    data[-9] ^= 1
    (tmp_path / "e").write_bytes(data)
    with pytest.raises(ModelFileError, match="its digest is wrong"):
        fastnn.load(tmp_path / "e")


@pytest.mark.parametrize("name", ["words", "by name", "rare categories", "members"])
def test_crafted_files_are_refused_or_sound(zoo, tmp_path, name):
    """With a right digest: whatever a place says, ModelFileError, or an estimator that predicts."""
    rows, path, rng = rows_of(zoo[name]), tmp_path / "e", np.random.default_rng(0)
    original = opened(pack(*estimator_portrait(zoo[name])))
    for data in mutants(rng, [original], 200):
        path.write_bytes(data)
        try_out(path, rows)


CLASSES = {
    "as they were": ("<U11", texts.to_array(["a long word", "low", "mid"]), None),
    "objects": ("object", texts.to_array(["a", "b\0", "é"]), None),
    "numbers": ("<i2", np.array([-1, 0, 300], "<i2"), None),
    "of another type": ("<i4", np.array([0, 1, 2], "<i2"), "are no"),
    "no type": ("U", texts.to_array(["a", "b", "c"]), "are no"),
    "too long": ("<U1", texts.to_array(["a", "b", "cd"]), "are no"),
    "too many bytes": ("<U1", texts.to_array(["a", "b", "cdefg"]), "are no"),
    "one letter of four bytes": ("<U1", texts.to_array(["a", "b", "\U0001f600"]), None),
    "a zero at the end": ("<U3", texts.to_array(["a", "b\0", "c"]), "are no"),
    "falling": ("<U1", texts.to_array(["a", "c", "b"]), "not in order"),
    "twice": ("object", texts.to_array(["a", "b", "b"]), "not in order"),
    "falling numbers": ("<f4", np.array([0, 2, 1], "<f4"), "not in order"),
    "infinite": ("<f4", np.array([0, 1, np.inf], "<f4"), "finite float32"),
    "two of three": ("object", texts.to_array(["a", "b"]), "outputs for 2 classes"),
    "none": ("object", texts.to_array([]), "are no"),
    "small numbers of the first form": ("|i1", [-1, 0, 1], None),
    "no numbers of the first form": ("|x1", [-1, 0, 1], "are no"),
}


@pytest.mark.parametrize("name", CLASSES)
def test_classes_of_a_file(zoo, tmp_path, name):
    kind, values, message = CLASSES[name]
    file = opened(pack(*estimator_portrait(zoo["words"])))
    file.description["classes"] |= {"type": kind, "values": values}
    (tmp_path / "e").write_bytes(packed(file))
    if message is None:
        classes = fastnn.load(tmp_path / "e").classes_
        assert classes.dtype == kind
        assert len(classes) == 3
    else:
        with pytest.raises(ModelFileError, match=message):
            fastnn.load(tmp_path / "e")


CATEGORIES = {
    "as they were": (['"a"', '"b"', "null", "1.5", "2.0"], [3, 2], None),
    "missing first": (["null", '"a"', '"b"', "1.5", "2"], [3, 2], "not in order"),
    "missing twice": (['"a"', "null", "null", "1.5", "2"], [3, 2], "not in order"),
    "falling": (['"b"', '"a"', "null", "1.5", "2"], [3, 2], "not in order"),
    "falling at the end": (['"a"', '"b"', "null", "2", "1.5"], [3, 2], "not in order"),
    "of two kinds": (['"a"', "1", "null", "1.5", "2"], [3, 2], "not supported"),
    "a list": (['"a"', "[1]", "null", "1.5", "2"], [3, 2], "a category is a list"),
    "no JSON": (['"a"', "b", "null", "1.5", "2"], [3, 2], "Expecting value"),
    "not a number": (['"a"', '"b"', "null", "1.5", "NaN"], [3, 2], "no JSON"),
    "one too many": (['"a"', '"b"', "null", "1.5", "2", "3"], [3, 2], "not those of its columns"),
    "none of a column": (['"a"', '"b"', "null", "1.5", "2"], [5, 0], "not those of its columns"),
    "below none": (['"a"', '"b"', "null", "1.5", "2"], [6, -1], "not those of its columns"),
    "of one column": (['"a"', '"b"', "null", "1.5", "2"], [5], "not those of its columns"),
    "others of each": (['"a"', "null", "1.5", "2", "3"], [2, 3], None),
    "narrower": (['"a"', '"b"', "1.5", "2"], [2, 2], "it scales 4 columns, and makes 2"),
}


def of_categories():
    """The file of an estimator of two columns of categories."""
    import pandas as pd

    X = pd.DataFrame({"a": np.resize(np.array(["a", "b", None]), 60), "b": np.resize([1.5, 2], 60)})
    e = MLPRegressor(categorical_features=["a", "b"], n_members=1, **QUICK)
    return opened(pack(*estimator_portrait(e.fit(X, np.arange(60.0)))))


@pytest.mark.filterwarnings("ignore")
def test_a_category_of_half_a_letter_is_refused_when_it_is_saved(tmp_path):
    X = np.array([["\ud800", 1], ["b", 2]] * 30, object)
    e = MLPRegressor(categorical_features=[0], n_members=1, **QUICK).fit(X, np.arange(60.0))
    with pytest.raises(ValueError, match="holds half a letter, which no file can hold: mend that"):
        e.save(tmp_path / "e")
    assert not list(tmp_path.iterdir())


@pytest.mark.filterwarnings("ignore")
def test_as_many_categories_are_rare_as_there_are_too_many(tmp_path):
    file = of_categories()
    file.description["inputs"]["rare"] = np.array([False, True, False, False, False])
    (tmp_path / "e").write_bytes(packed(file))
    with pytest.raises(ModelFileError, match="rare categories are not as many as they should"):
        fastnn.load(tmp_path / "e")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CATEGORIES)
def test_categories_of_a_file(tmp_path, name):
    words, sizes, message = CATEGORIES[name]
    file = of_categories()
    inputs = file.description["inputs"]
    assert [*map(bytes.decode, texts.each(inputs["categories"]))] == CATEGORIES["as they were"][0]
    inputs |= {"categories": texts.to_array(words), "sizes": np.array(sizes)}
    inputs["rare"] = np.zeros(len(words), bool)
    (tmp_path / "e").write_bytes(packed(file))
    if message is None:
        fastnn.load(tmp_path / "e")
    else:
        with pytest.raises(ModelFileError, match=message):
            fastnn.load(tmp_path / "e")


def try_out(path, rows):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            e = fastnn.load(path)
    except ModelFileError:
        return
    # Other names of features are as sound as these, and so are numbers that overflow.
    with suppress(ValueError, TypeError), np.errstate(all="ignore"):
        assert len(e.predict(rows)) == len(rows)
