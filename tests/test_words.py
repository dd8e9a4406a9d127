"""Wrong types, missing files and closed things are answered in a sentence that names what to do."""

import tempfile
from pathlib import Path

import numpy as np
import pytest

import fastnn
from fastnn import (
    Checkpoint,
    CSVLog,
    Dense,
    JSONLog,
    ReLU,
    Sequential,
    Session,
    Sigmoid,
    Softmax,
    TensorBoardLog,
    initializers,
    losses,
    plotting,
    tune,
)
from fastnn.callbacks import EarlyStopping, Progress
from fastnn.datasets import load_iris

X, Y = load_iris()
Y1 = X[:, 0].astype(float)


def model(last=(Dense(3), Softmax()), loss="cross_entropy"):
    made = Sequential([Dense(4), ReLU(), *last], seed=0)
    made.compile(loss=loss)
    return made


def fit(y=Y, x=X, m=None, **settings):
    (m or model()).fit(x, y, verbose=0, **settings)


def holed(value=np.nan):
    y = Y1.copy()
    y[3] = value
    return y


def regression(y, **settings):
    fit(y, m=model([Dense(1)], "mse"), **settings)


def binary(y):
    fit(y, m=model([Dense(1), Sigmoid()], "binary_cross_entropy"))


UNIQUE = r"classes, y = np.unique\(y, return_inverse=True\)"
DATA = {
    "NaN in y": (lambda: regression(holed()), "y holds NaN at row 3; .*leave such rows out, of X "),
    "mask in y": (lambda: regression(np.ma.masked_equal(Y1, Y1[3])), "masked entry.*leave such ro"),
    "NaN in X": (lambda: regression(Y1, x=np.where(X > 7, np.nan, X)), "the column's mean"),
    "NaN weight": (lambda: regression(Y1, sample_weight=holed()), "give such rows a weight; 0 lea"),
    "balanced": (lambda: fit(sample_weight="balanced"), r"one weight a row, such as weights\[y\]"),
    "from 1": (lambda: fit(Y + 1), f"run from 1 to 3: pass y - 1, or {UNIQUE}"),
    "gaps": (lambda: fit(np.array([0, 5, 9])[Y]), UNIQUE),
    "negative": (lambda: fit(Y - 1), UNIQUE),
    "tens": (lambda: fit(np.array([10, 20, 30])[Y]), UNIQUE),
    "text": (lambda: fit(np.array(list("abc"))[Y]), UNIQUE),
    "one more": (lambda: fit(np.arange(150) % 4), r"end the model with Dense\(4\)"),
    "-1 and 1": (lambda: binary(np.where(Y > 0, 1, -1)), f"pass y == 1, or {UNIQUE}"),
}  # fmt: skip


@pytest.mark.parametrize("name", DATA)
def test_data_are_answered_with_what_to_do(name):
    call, message = DATA[name]
    with pytest.raises((ValueError, TypeError), match=message):
        call()


def searched(**settings):
    def build(rate):
        return model()

    arguments = {"build_or_estimator": build, "space": {"rate": [1]}, "X": X, "y": Y, "trials": 1}
    return tune.search(**arguments | {"storage": None, "verbose": 0, "epochs": 1} | settings)


def trained():
    made = model()
    fit(m=made)
    return made


TYPES = {
    "curves of a model": (lambda: plotting.learning_curves(trained()), "a History: pass its histo"),
    "curves of a dict": (lambda: plotting.learning_curves({"loss": [1]}), "such as fit returns"),
    "events": (lambda: plotting.learning_curves(trained().history, events=3), "events is 3; expec"),
    "branches": (lambda: plotting.learning_curves(trained().history, branches=3), "branches is 3"),
    "finder": (lambda: plotting.learning_rate_finder(trained()), r"what the model's lr_find\(X, y"),
    "histograms": (lambda: plotting.activation_histograms(3, X), "got 3; expected a Sequential"),
    "gradients": (lambda: plotting.gradient_histograms(3, X, Y), "got 3; expected a Sequential"),
    "weights": (lambda: plotting.first_layer_weights("a"), "got 'a'; expected a Sequential"),
    "no Dense": (lambda: plotting.first_layer_weights(Sequential([ReLU()]).build(3)), "no Dense l"),
    "restore": (lambda: trained().restore(3), r"got 3; expected what snapshot\(\) has returned"),
    "check_gradient": (lambda: fastnn.check_gradient(3, X, Y), "got 3; expected a Sequential"),
    "directions": (lambda: fastnn.check_gradient(trained(), X, Y, directions="a"), "directions is"),
    "stream": (lambda: Progress(3), "stream is 3; expected a file"),
    "missing": (lambda: fastnn.load("never read"), "there is no file never read"),
    "epochs": (lambda: fit(epochs=10**30), r"expected a whole number of at least 1.*below 2\*\*53"),
    "training_metrics": (lambda: fit(training_metrics=np.ones(2)), "training_metrics is array"),
    "rule": (lambda: EarlyStopping(rule=[]), r"rule is \[\]; expected"),
    "mode": (lambda: EarlyStopping(mode=np.ones(2)), "mode is array"),
    "reduction": (lambda: losses.MSE(reduction=np.ones(2)), "unknown reduction"),
    "gain": (lambda: initializers.GlorotNormal(gain=None), "needs a positive, finite gain; got ga"),
    "bounds": (lambda: initializers.Uniform(low=[]), "needs finite bounds"),
    "constant": (lambda: initializers.Constant((1, 2)), r"finite value; got \(1, 2\)"),
    "column": (lambda: trained().history[[]], r"no column \[\]; there are loss"),
    "seed": (lambda: searched(seed="a"), "seed is 'a', a str; expected a whole number of at least"),
    "seed -1": (lambda: searched(seed=-1), "seed is -1"),
    "executor": (lambda: searched(executor=3), "executor is 3; expected a concurrent.futures.Exec"),
    "callbacks": (lambda: searched(callbacks=3), "callbacks is 3; expected a list"),
    "monitor": (lambda: searched(monitor=3), "monitor is 3; expected a column"),
    "strategy": (lambda: searched(strategy=np.ones(2)), "unknown strategy"),
    "verbose": (lambda: searched(verbose=np.ones(2)), "verbose is array"),
    "cv": (lambda: searched(cv=b"x"), "cv is b'x'; expected a number of folds"),
    "sampler": (lambda: tune.bayesian(sampler=3), "sampler is 3; expected one of Optuna's"),
    "folds": (lambda: tune.folds(3, 3), "y is 3; expected an array"),
    "auto": (lambda: tune.auto(X, Y, build=3), "got 3 to tune; expected a function"),
    "kind": (lambda: searched().plot([]), r"kind is \[\]; expected"),
    "number": (lambda: searched().model("a"), "number is 'a'"),
    "callbacks of cv": (lambda: tune.cross_validate(model(), X, Y, 2, callbacks=3), "callbacks is"),
}  # fmt: skip


@pytest.mark.parametrize("name", TYPES)
def test_wrong_types_are_answered_in_a_sentence(name):
    if name in ("curves of a model", "curves of a dict", "events", "branches", "finder", "kind"):
        pytest.importorskip("matplotlib")
    call, message = TYPES[name]
    with pytest.raises((ValueError, TypeError, KeyError, FileNotFoundError), match=message):
        call()


def test_a_scorer_that_scikit_learn_does_not_know():
    pytest.importorskip("sklearn")
    from fastnn.estimators import MLPClassifier

    with pytest.raises(ValueError, match='unknown monitor "acc"; here it is "accuracy"'):
        searched(build_or_estimator=MLPClassifier(), space={"alpha": [1]}, monitor="acc")


def test_estimators_are_searched_on_sparse_rows():
    sparse = pytest.importorskip("scipy.sparse")
    linear_model = pytest.importorskip("sklearn.linear_model")

    def values(x):
        estimator = linear_model.RidgeClassifier()
        return searched(build_or_estimator=estimator, space={"alpha": [1.0]}, X=x, cv=3).best_value

    assert values(sparse.csr_matrix(X)) == values(sparse.coo_matrix(X))
    assert abs(values(sparse.csr_matrix(X)) - values(X)) < 0.2
    with pytest.raises(TypeError, match=r"sparse matrix.*densify"):
        searched(X=sparse.csr_matrix(X))


FILES = {
    "Checkpoint": (lambda f, d: Checkpoint(f), NotADirectoryError, "it is a file; expec"),
    "under a file": (lambda f, d: Checkpoint(f / "sub"), NotADirectoryError, "is a file"),
    "TensorBoardLog": (lambda f, d: TensorBoardLog(f), NotADirectoryError, "is a file"),
    "Session": (lambda f, d: Session(model(), X, Y, directory=f), NotADirectoryError,
                "is a file; expected a directory, or a name that is not taken"),
    "latest": (lambda f, d: Checkpoint.latest(d), FileNotFoundError, "no checkpoint"),
    "CSV folder": (lambda f, d: fit(callbacks=[CSVLog(d)]), IsADirectoryError,
                   "a directory; expected the name of a file"),
    "JSON missing": (lambda f, d: fit(callbacks=[JSONLog(d / "no" / "a")]),
                     FileNotFoundError, "there is no directory .*; make it first"),
    "CSV binary": (lambda f, d: fit(callbacks=[CSVLog(f)]), ValueError, "no log of CSVL"),
    "load missing": (lambda f, d: fastnn.load(d / "no"), FileNotFoundError,
                     "there is no file .*; expected a file that save has written"),
    "load folder": (lambda f, d: fastnn.load(d), IsADirectoryError, "a directory; exp"),
    "jsonl": (lambda f, d: trained().history.to_jsonl(d), IsADirectoryError, "a dir"),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_files_are_answered_in_a_sentence(name, tmp_path):
    call, error, message = FILES[name]
    file = tmp_path / "afile"
    file.write_bytes(b"\xd0\xcf not text")
    with pytest.raises(error, match=message) as caught:
        call(file, tmp_path)
    assert "[Errno" not in str(caught.value)
    assert file.read_bytes() == b"\xd0\xcf not text"


@pytest.mark.parametrize("given", [3, None, b"x", "", []])
def test_what_is_no_path_is_refused(given):
    made = trained()
    for call in (
        Checkpoint, Checkpoint.latest, CSVLog, JSONLog, TensorBoardLog, fastnn.load, made.save,
        made.to_onnx, made.history.to_jsonl, lambda path: Session.resume(path, X, Y),
    ):  # fmt: skip
        with pytest.raises(TypeError, match="expected the name of a file or directory"):
            call(given)


def test_a_closed_session_says_how_to_go_on():
    session = Session(model(), X, Y, directory=tempfile.mkdtemp())
    session.run(1, verbose=0)
    weights = session.model.get_weights()
    session.close()
    session.close()
    calls = (
        lambda: session.run(1), lambda: session.set(learning_rate=1), lambda: session.rollback(0),
        lambda: session.branch("a"), lambda: session.switch("main"),
    )  # fmt: skip
    for call in calls:
        with pytest.raises(ValueError, match=r"the session is closed; go on .*Session.resume"):
            call()
    for now, before in zip(session.model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(now, before)
    with Path(session.directory, "journal.jsonl").open() as file:
        assert len(file.readlines()) > 1
    Session.resume(session.directory, X, Y).close()


def test_a_session_says_which_setting_is_meant():
    folder = tempfile.mkdtemp()
    with pytest.raises(TypeError, match='no "batchsize"; did you mean "batch_size"'):
        Session(model(), X, Y, directory=folder, batchsize=3)
    session = Session(model(), X, Y, directory=folder)
    with pytest.raises(ValueError, match='no setting "lr"; here it is "learning_rate"'):
        session.set(lr=3)
    with pytest.raises(TypeError, match="to is 'a'; expected the number of an epoch"):
        session.rollback("a")
    with pytest.raises(TypeError, match="validation_split is 'x'"):
        session.set(validation_split="x")
    session.close()


def test_a_session_keeps_a_pair_of_row_numbers():
    pair = np.arange(100), np.arange(100, 120)
    session = Session(model(), X, Y, directory=tempfile.mkdtemp(), validation_split=pair)
    session.run(2, verbose=0)
    session.close()
    again = Session.resume(session.directory, X, Y)
    again.run(1, verbose=0)
    twin = model()
    twin.fit(X, Y, 3, validation_split=pair, verbose=0)
    assert again.model.history["val_loss"] == twin.history["val_loss"]
    again.close()
