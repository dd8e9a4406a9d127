"""The estimators in scikit-learn's company: pipelines, searches, frames, callbacks, routing."""

import subprocess
import sys

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("sklearn")

import sklearn
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_iris
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import DecisionBoundaryDisplay, permutation_importance
from sklearn.model_selection import (
    GridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
    cross_val_predict,
    cross_validate,
    learning_curve,
)
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from fastnn.estimators import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, y = load_iris(return_X_y=True)
QUICK = {"max_iter": 40, "learning_rate_init": 0.02, "random_state": 0}


def quick(**parameters):
    return MLPClassifier((16,), **QUICK | parameters)


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(StandardScaler(), quick()),
        CalibratedClassifierCV(quick(), cv=3),
        CalibratedClassifierCV(quick(n_members=2), cv=3, method="isotonic"),
        BaggingClassifier(quick(), 3, random_state=0),
        VotingClassifier([("a", quick()), ("b", quick(solver="lbfgs"))], voting="soft"),
        StackingClassifier([("a", quick())], cv=3),
    ],
    ids=lambda m: type(m).__name__,
)
def test_inside_other_estimators(model):
    assert model.fit(X, y).score(X, y) > 0.9


def test_searches():
    grid = GridSearchCV(quick(), {"n_units": [4, 16], "dropout": [0, 0.1]}, cv=3).fit(X, y)
    assert grid.best_score_ > 0.8
    space = {"n_layers": [1, 2, 3], "n_units": [8, 16, 32], "batch_norm": [True, False]}
    for search in (
        RandomizedSearchCV(quick(), space, n_iter=3, cv=3, random_state=0),
        HalvingRandomSearchCV(
            quick(), space, resource="max_iter", max_resources=40, min_resources=10, cv=3,
            random_state=0,
        ),
    ):  # fmt: skip
        assert search.fit(X, y).best_estimator_.score(X, y) > 0.8


def test_a_search_in_other_processes_gives_the_same():
    one, two = (
        GridSearchCV(quick(), {"alpha": [1e-4, 1]}, cv=2, n_jobs=jobs).fit(X, y).cv_results_
        for jobs in (None, 2)
    )
    assert_array_equal(one["mean_test_score"], two["mean_test_score"])


def test_cross_validation_and_curves():
    scores = cross_validate(quick(), X, y, cv=3, scoring=["accuracy", "roc_auc_ovr"])
    assert scores["test_roc_auc_ovr"].mean() > 0.95
    several = quick(n_members=2)
    assert cross_val_predict(several, X, y, method="decision_function").shape == (150, 3)
    assert cross_validate(several, X, y == 0, cv=3, scoring="roc_auc")["test_score"].min() > 0.9
    learning_curve(quick(), X, y, cv=2, train_sizes=[0.5, 1.0])
    assert permutation_importance(quick().fit(X, y), X, y, n_repeats=2).importances.shape == (4, 2)


def test_targets():
    model = TransformedTargetRegressor(MLPRegressor(**QUICK, normalize_y=True), func=np.log1p,
                                       inverse_func=np.expm1)  # fmt: skip
    assert model.fit(X[:, :3], X[:, 3]).score(X[:, :3], X[:, 3]) > 0.8
    MultiOutputRegressor(MLPRegressor(**QUICK)).fit(X[:, :2], X[:, 2:])


def test_decision_boundary():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    shown = DecisionBoundaryDisplay.from_estimator(
        quick().fit(X[:, :2], y == 0), X[:, :2], grid_resolution=20
    )
    assert shown.response.shape == (20, 20)
    matplotlib.pyplot.close(shown.figure_)


def test_a_column_transformer_before_it():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcd")).assign(kind=np.where(y > 0, "u", "v"))
    columns = ColumnTransformer(
        [("kind", OneHotEncoder(), ["kind"])], remainder=StandardScaler(), sparse_threshold=0
    )
    assert make_pipeline(columns, quick()).fit(frame, y).score(frame, y) > 0.95


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_and_their_names(library):
    frames = pytest.importorskip(library)
    frame = frames.DataFrame({name: X[:, k] for k, name in enumerate("abcd")})
    if not hasattr(StandardScaler().fit(frame), "feature_names_in_"):
        pytest.skip(f"this scikit-learn does not read the names of {library}")
    labels = frames.Series(np.array(["u", "v", "w"])[y].tolist())
    model = quick(early_stopping=True, monitor="accuracy").fit(frame, labels)
    assert model.feature_names_in_.tolist() == list("abcd")
    assert set(model.classes_) == {"u", "v", "w"}
    assert_array_equal(model.predict(frame).shape, (150,))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(X)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame[list("dcba")])


def test_joblib(tmp_path):
    model = quick(batch_norm=True).fit(X, y)
    joblib.dump(model, tmp_path / "model.joblib")
    assert_array_equal(
        joblib.load(tmp_path / "model.joblib").predict_proba(X), model.predict_proba(X)
    )


def test_metadata_routing_of_the_validation_set():
    with sklearn.config_context(enable_metadata_routing=True):
        model = quick(early_stopping=True).set_fit_request(X_val=True, y_val=True)
        pipeline = make_pipeline(StandardScaler(), model)
        pipeline.set_params(transform_input=["X_val"])
        pipeline.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
        scaled = StandardScaler().fit(X[::2]).transform(X)
        lone = quick(early_stopping=True)
        lone.fit(scaled[::2], y[::2], X_val=scaled[1::2], y_val=y[1::2])
        assert pipeline[-1].validation_scores_ == lone.validation_scores_
        search = GridSearchCV(model, {"alpha": [0, 1]}, cv=2)
        search.fit(X, y, X_val=X[::3], y_val=y[::3])
        assert search.best_estimator_.t_ == 150 * search.best_estimator_.n_iter_


class Recorder:
    """A callback of scikit-learn's protocol."""

    max_propagation_depth = None

    def __init__(self, stop_after=None):
        self.stop_after, self.epochs, self.seen = stop_after, 0, []

    def setup(self, estimator, context):
        self.seen.append("setup")

    def teardown(self, estimator, context):
        self.seen.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.seen.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
        self.seen.append(f"end {context.task_name}")
        if context.task_name == "epoch" and fitted_estimator is not None:
            self.epochs += 1
            self.last = fitted_estimator.predict(X)
        return self.epochs == self.stop_after


with_callbacks = pytest.mark.skipif(
    not hasattr(MLPClassifier, "set_callbacks"), reason="scikit-learn before 1.9"
)


@with_callbacks
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_callback_sees_each_epoch(solver):
    recorder = Recorder()
    model = quick(solver=solver, max_iter=5).set_callbacks(recorder).fit(X, y)
    assert recorder.epochs == 5
    assert recorder.seen[:3] == ["setup", "begin fit", "begin epoch"]
    assert recorder.seen[-2:] == ["end fit", "teardown"]
    assert_array_equal(recorder.last, model.predict(X))
    assert_allclose(
        model.predict_proba(X), quick(solver=solver, max_iter=5).fit(X, y).predict_proba(X)
    )


@with_callbacks
def test_a_callback_can_stop():
    model = quick().set_callbacks(Recorder(stop_after=3)).fit(X, y)
    assert model.n_iter_ == 3


@with_callbacks
def test_progress_bar_and_scores_of_each_epoch_inside_a_search(capsys):
    from sklearn.callback import ProgressBar, ScoringMonitor

    monitor = ScoringMonitor(scoring="accuracy")
    model = quick(max_iter=4).set_callbacks(monitor)
    GridSearchCV(model, {"alpha": [0, 1]}, cv=2, refit=False).fit(X, y)
    rows = [
        r for run in monitor.get_logs(select="all") for r in run.data if r["task_name"] == "epoch"
    ]
    assert len(rows) == 4 * 4
    assert all(0 <= row["accuracy"] <= 1 for row in rows)
    pytest.importorskip("rich")
    quick(max_iter=4).set_callbacks(ProgressBar()).fit(X, y)
    assert "MLPClassifier" in capsys.readouterr().out


def test_fastnn_does_not_import_scikit_learn():
    code = "import sys, fastnn; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_scikit_learn_the_error_names_the_extra():
    code = "import sys; sys.modules['sklearn'] = None; import fastnn.estimators"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "ImportError: fastnn.estimators needs scikit-learn" in done.stderr
    assert 'pip install "fastnn-mlp[sklearn]"' in done.stderr


@with_callbacks
def test_an_ensemble_is_one_tree_one_log_and_one_bar(capsys):
    pytest.importorskip("pandas")
    from sklearn.callback import ProgressBar, ScoringMonitor

    monitor, recorder = ScoringMonitor(scoring="accuracy"), Recorder()
    model = quick(max_iter=4, n_members=3).set_callbacks(monitor, recorder)
    plain = quick(max_iter=4, n_members=3).fit(X, y).predict_proba(X)
    assert_array_equal(model.fit(X, y).predict_proba(X), plain)
    (log,) = monitor.get_logs(select="all")
    rows = log.data_as_pandas
    assert rows.task_name.value_counts().to_dict() == {"epoch": 12, "member": 3, "fit": 1}
    assert rows.accuracy[rows.task_name == "fit"].item() == model.score(X, y)
    assert rows.accuracy[rows.task_name == "member"].tolist() == [
        member.score(X, y) for member in model.estimators_
    ]
    assert recorder.seen.count("setup") == recorder.seen.count("begin fit") == 1
    assert recorder.seen[-2:] == ["end fit", "teardown"]
    assert not any(hasattr(member, "_skl_callbacks") for member in model.estimators_)
    pytest.importorskip("rich")
    quick(max_iter=4, n_members=2).set_callbacks(ProgressBar()).fit(X, y)
    shown = capsys.readouterr().out
    assert shown.count("MLPClassifier - fit ") == 1
    assert shown.count("MLPClassifier - member #") == 2


@with_callbacks
def test_a_callback_can_stop_a_member():
    model = quick(n_members=2).set_callbacks(Recorder(stop_after=3)).fit(X, y)
    assert min(member.n_iter_ for member in model.estimators_) <= 3


@with_callbacks
def test_the_last_score_is_that_of_the_model_that_was_refitted():
    from sklearn.callback import ScoringMonitor

    monitor = ScoringMonitor(scoring="neg_log_loss")
    model = quick(refit=True, early_stopping=True, max_iter=10).set_callbacks(monitor).fit(X, y)
    last = [row for row in monitor.get_logs().data if row["task_name"] == "fit"]
    expected = np.log(model.predict_proba(X)[np.arange(150), y]).mean()
    assert_allclose([row["neg_log_loss"] for row in last], [expected])
