"""What earlier versions have written is read, predicts the same, and goes on.

The files, and what made them, are in `data/compat`; see its README. Other processors round in
another way, and further training makes more of that.
"""

import hashlib
import json
import lzma
import pickle
import shutil
import sqlite3
import sys
from dataclasses import is_dataclass
from functools import cache
from pathlib import Path

import joblib
import numpy as np
import pytest
import sklearn

import fastnn
from fastnn import Session

FOLDER = Path(__file__).parent / "data" / "compat"
sys.path.append(str(FOLDER))

from compat_estimators import ESTIMATORS, go_on_fitting, predict  # noqa: E402
from compat_files import FILES, predicted  # noqa: E402
from compat_lives import STUDIES, search, tell  # noqa: E402
from compat_models import CLASSES, MODELS, OWN, OWN_FUNCTIONS, ROWS, X, go_on  # noqa: E402
from compat_parts import parts, results  # noqa: E402

WRITTEN_WITH = "1.9"
"""The scikit-learn, which promises to read pickles of its own version only."""

BEGIN_ANEW = {
    "classifier_tabular", "classifier_many", "regressor_tabular", "regressor_many",
    "regressor_counts",
}  # fmt: skip
"""Their schedule had ended: the version that wrote them went on at a rate of 0."""

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.InconsistentVersionWarning",
    "ignore::sklearn.exceptions.ConvergenceWarning",
)


@cache
def expected():
    with np.load(FOLDER / "expected.npz") as arrays:
        return dict(arrays)


def read(name):
    return pickle.loads(lzma.decompress((FOLDER / f"{name}.pickle.xz").read_bytes()))


def check(found, name):
    np.testing.assert_allclose(found, expected()[name], rtol=1e-5, atol=1e-6, err_msg=name)


def check_roughly(found, name):
    np.testing.assert_allclose(found, expected()[name], rtol=1e-3, atol=1e-4, err_msg=name)


@pytest.fixture(scope="module", autouse=True)
def untouched():
    """The files, which no test may change."""

    def digests():
        files = [f for f in FOLDER.rglob("*") if f.is_file() and f.parent.name != "__pycache__"]
        return {f: hashlib.sha256(f.read_bytes()).hexdigest() for f in files}

    before = digests()
    yield
    assert digests() == before


@pytest.mark.parametrize("name", MODELS)
def test_a_model_in_a_file_predicts_and_trains_on(name):
    own = OWN if name == "own" else None
    check_model(name, fastnn.load(FOLDER / f"{name}.safetensors", own=own))


@pytest.mark.parametrize("name", [name for name in MODELS if name not in OWN_FUNCTIONS])
def test_a_model_in_a_pickle_predicts_and_trains_on(name):
    check_model(name, read(name))


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("name", FILES)
def test_every_version_of_the_form_is_read(name, version, tmp_path):
    folder = FOLDER / f"version_{version}"
    model = fastnn.load(folder / f"{name}.safetensors")
    # Before it is built, which draws weights.
    model.save(tmp_path / "m")
    with np.load(folder / "expected.npz") as arrays:
        found = predicted(name, model)
        np.testing.assert_allclose(found, arrays[name], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(predicted(name, fastnn.load(tmp_path / "m")), found)


def check_model(name, model):
    epochs = len(model.history)
    check(model.history.history.get("loss", []), f"{name}.loss")
    check(model.build(4).predict(ROWS), f"{name}.predictions")
    go_on(name, model)
    if name != "full_batch":
        # L-BFGS began anew with each fit in the version that wrote it.
        check_roughly(model.predict(ROWS), f"{name}.continued")
    assert len(model.history) == model.epoch == (epochs + 2 if name != "untrained" else 0)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_an_estimator_predicts_and_trains_on(name):
    if name == "grid" and not sklearn.__version__.startswith(WRITTEN_WITH):
        pytest.skip(f"it holds private parts of scikit-learn {WRITTEN_WITH}")
    estimator = joblib.load(FOLDER / "pipeline.joblib") if name == "pipeline" else read(name)
    assert repr(estimator) == repr(ESTIMATORS[name][0])
    check(predict(name, estimator), f"{name}.predictions")
    go_on_fitting(name, estimator)
    found = predict(name, estimator)
    if name in BEGIN_ANEW:
        assert np.isfinite(found).all()
        assert not np.allclose(found, expected()[f"{name}.predictions"], atol=1e-3)
    else:
        check_roughly(found, f"{name}.continued")


def plain(part):
    """What can be compared of a part that has no equality of its own."""
    if is_dataclass(part) or callable(part) or isinstance(part, list):
        return part
    return type(part), {k: v for k, v in vars(part).items() if not k.startswith("_")}


def test_parts_are_what_they_were():
    old = read("parts")
    assert list(map(plain, old)) == list(map(plain, parts()))
    callbacks = [part for part in old if isinstance(part, fastnn.Callback)]
    assert len(callbacks) == 2
    model = MODELS["steady"][0]()
    model.fit(X, X[:, 0], 2, validation_split=0.2, callbacks=callbacks, verbose=0)


def test_results_are_what_they_were():
    old, new = read("results"), results()
    assert old["history"].epoch == new["history"].epoch
    assert old["folds"].mean.keys() == new["folds"].mean.keys()
    np.testing.assert_allclose(old["folds"].mean["loss"], new["folds"].mean["loss"], rtol=1e-3)
    np.testing.assert_allclose(old["finder"].losses, new["finder"].losses, rtol=1e-3)
    assert [t.params for t in old["trials"]] == [t.params for t in new["trials"]]
    old["folds"].models[0].fit(X, new["folds"].models[0].predict(X), verbose=0)


def test_a_session_is_resumed(tmp_path):
    shutil.copytree(FOLDER / "session", tmp_path / "session")
    session = Session.resume(tmp_path / "session", X, CLASSES)
    assert session.branch_name == "main"
    assert session.branches == {"main": 4, "careful": 4}
    done = [entry["event"] for entry in session.journal if entry["event"] != "run"]
    assert done == ["begin", "set", "rollback", "branch", "set", "switch"]
    assert len(session.model.history) == session.model.epoch == 4
    for name, found in tell(session).items():
        exact = name in ("main", "main.loss", "careful", "careful.loss")
        (check if exact else check_roughly)(found, f"session.{name}")
    session.close()


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_is_gone_on_with(name, tmp_path):
    storage = tmp_path / "study.db"
    shutil.copy(FOLDER / "study.db", storage)
    key = list(STUDIES).index(name) + 1
    with sqlite3.connect(storage) as ledger:
        command = "SELECT number, epochs, curves FROM trials WHERE study = ?"
        before = ledger.execute(command, (key,)).fetchall()
    ledger.close()
    assert before
    result = search(name, storage)
    assert result.complete
    check_roughly([t.value for t in result.trials], f"{name}.values")
    for number, epochs, curves in before:
        # By their seconds: what was done is not done again. The states of paused trials were
        # pickles, which are no longer read: these trials begin again.
        column = "score" if name == "estimator" else "seconds"
        if epochs and name != "halving":
            done = json.loads(curves)[column]
            assert result.trials[number].curves[column][: len(done)] == done
    with sqlite3.connect(storage) as ledger:
        assert ledger.execute("SELECT count(*) FROM studies").fetchone() == (len(STUDIES),)
    ledger.close()
