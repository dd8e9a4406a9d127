"""scikit-learn's own tools give the same numbers of our MLP as of scikit-learn's."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

pytest.importorskip("sklearn")

from sklearn import neural_network
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV, CalibrationDisplay
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.feature_selection import RFE, SelectFromModel, SequentialFeatureSelector
from sklearn.inspection import (
    DecisionBoundaryDisplay,
    PartialDependenceDisplay,
    partial_dependence,
    permutation_importance,
)
from sklearn.linear_model import LogisticRegression, RANSACRegressor, Ridge
from sklearn.metrics import (
    ConfusionMatrixDisplay,
    DetCurveDisplay,
    PrecisionRecallDisplay,
    PredictionErrorDisplay,
    RocCurveDisplay,
    get_scorer,
)
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    LearningCurveDisplay,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
    ValidationCurveDisplay,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
    permutation_test_score,
    validation_curve,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import (
    ClassifierChain,
    MultiOutputClassifier,
    MultiOutputRegressor,
    RegressorChain,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from sklearn.semi_supervised import SelfTrainingClassifier

from fastnn import estimators

pytestmark = pytest.mark.filterwarnings("ignore")
X3, Y3 = load_iris(return_X_y=True)
X3 = scale(X3)
X2, Y2 = load_breast_cancer(return_X_y=True)
X2, Y2 = scale(X2)[:200, :6], Y2[:200]
XR, YR = load_diabetes(return_X_y=True)
XR, YR = XR[:150] * 20, YR[:150] / 100
SEVERAL = np.stack([Y3 > 0, Y3 > 1], axis=1).astype(int)
PAIRS = np.stack([YR, XR[:, 0]], axis=1)
PARTLY = np.where(np.arange(len(Y3)) % 3 > 0, -1, Y3)


QUICK = {
    "hidden_layer_sizes": (8,), "max_iter": 15, "learning_rate_init": 0.02, "random_state": 0
}  # fmt: skip


def mlp(m, **more):
    return m.MLPClassifier(**QUICK | more)


def reg(m, **more):
    return m.MLPRegressor(**QUICK | more)


def classes(client, X=X3, y=Y3, **fit):
    """Probabilities, or predictions, of a classifier around ours or theirs."""

    def answer(m):
        fitted = client(m).fit(X, y, **fit)
        given = [fitted.predict(X).astype(float)] if not isinstance(y[0], str) else []
        for name in ("predict_proba", "decision_function", "transform"):
            if hasattr(fitted, name):
                given.append(getattr(fitted, name)(X))
        return [np.asarray(part, float).ravel() for part in given]

    return answer


def numbers(client, X=XR, y=YR):
    return lambda m: client(m).fit(X, y).predict(X)


def shown(display, **more):
    """What a display has computed."""

    def answer(m):
        matplotlib = pytest.importorskip("matplotlib")
        matplotlib.use("Agg")
        drawn = display(m)
        names = ("response", "fpr", "tpr", "fnr", "precision", "recall", "prob_pred", "prob_true",
                 "confusion_matrix", "y_pred", "train_scores", "test_scores")  # fmt: skip
        found = [np.asarray(getattr(drawn, n), float).ravel() for n in names
                 if getattr(drawn, n, None) is not None]  # fmt: skip
        matplotlib.pyplot.close("all")
        assert found
        return found

    return answer


def fitted(m):
    return mlp(m).fit(X2, Y2)


CLIENTS = {
    "calibration, sigmoid": classes(lambda m: CalibratedClassifierCV(mlp(m), cv=3)),
    "calibration, isotonic": classes(
        lambda m: CalibratedClassifierCV(mlp(m), cv=3, method="isotonic")
    ),
    "calibration of two": classes(lambda m: CalibratedClassifierCV(mlp(m), cv=3), X2, Y2),
    "calibration, one fit": classes(lambda m: CalibratedClassifierCV(mlp(m), cv=3, ensemble=False)),
    "one against one": classes(lambda m: OneVsOneClassifier(mlp(m))),
    "one against the rest": classes(lambda m: OneVsRestClassifier(mlp(m))),
    "one against the rest, labels": classes(lambda m: OneVsRestClassifier(mlp(m)), X3, SEVERAL),
    "output codes": classes(lambda m: OutputCodeClassifier(mlp(m), random_state=0)),
    "bagging": classes(lambda m: BaggingClassifier(mlp(m), 3, random_state=0)),
    "bagging, features": classes(
        lambda m: BaggingClassifier(mlp(m), 3, max_features=0.5, random_state=0)
    ),
    "boosting": classes(lambda m: AdaBoostClassifier(mlp(m), n_estimators=3, random_state=0)),
    "voting, soft": classes(
        lambda m: VotingClassifier([("a", mlp(m)), ("b", mlp(m, alpha=1))], voting="soft")
    ),
    "voting, hard": classes(lambda m: VotingClassifier([("a", mlp(m)), ("b", mlp(m, alpha=1))])),
    "stacking": classes(
        lambda m: StackingClassifier([("a", mlp(m)), ("b", LogisticRegression())], cv=3)
    ),
    "stacking, last": classes(
        lambda m: StackingClassifier([("b", LogisticRegression())], mlp(m), cv=3)
    ),
    "stacking, predict": classes(
        lambda m: StackingClassifier([("a", mlp(m))], cv=3, stack_method="predict_proba")
    ),
    "chain": classes(lambda m: ClassifierChain(mlp(m), random_state=0), X3, SEVERAL),
    "chain, cv": classes(
        lambda m: ClassifierChain(mlp(m), cv=3, chain_method="predict_proba"), X3, SEVERAL
    ),
    "outputs": classes(lambda m: MultiOutputClassifier(mlp(m)), X3, SEVERAL),
    "self-training": classes(lambda m: SelfTrainingClassifier(mlp(m)), X3, PARTLY),
    "fixed threshold": classes(lambda m: FixedThresholdClassifier(mlp(m), threshold=0.4), X2, Y2),
    "tuned threshold": classes(lambda m: TunedThresholdClassifierCV(mlp(m), cv=3), X2, Y2),
    "pipeline": classes(lambda m: make_pipeline(StandardScaler(), mlp(m))),
    "columns": classes(
        lambda m: make_pipeline(ColumnTransformer([("s", StandardScaler(), [0, 1])]), mlp(m))
    ),
    "early stopping": classes(lambda m: mlp(m, early_stopping=True)),
    "sequential selection": classes(
        lambda m: make_pipeline(
            SequentialFeatureSelector(mlp(m, max_iter=5), n_features_to_select=1, cv=2), mlp(m)
        )
    ),
    "grid search": classes(lambda m: GridSearchCV(mlp(m), {"alpha": [1e-4, 1]}, cv=3)),
    "grid search, log loss": classes(
        lambda m: GridSearchCV(mlp(m), {"alpha": [1e-4, 1]}, cv=3, scoring="neg_log_loss")
    ),
    "random search": classes(
        lambda m: RandomizedSearchCV(
            mlp(m), {"alpha": [1e-4, 1, 3]}, n_iter=2, cv=3, random_state=0
        )
    ),
    "weighted rows": classes(lambda m: mlp(m), sample_weight=np.arange(150) % 3 + 0.5),
    "recursive elimination": classes(
        lambda m: RFE(
            mlp(m),
            n_features_to_select=2,
            importance_getter=lambda e: np.abs(e.coefs_[0]).sum(axis=1),
        )
    ),
    "select from model": classes(
        lambda m: make_pipeline(
            SelectFromModel(mlp(m), importance_getter=lambda e: np.abs(e.coefs_[0]).sum(axis=1)),
            mlp(m),
        )
    ),
    "transformed target": numbers(
        lambda m: TransformedTargetRegressor(reg(m), func=np.log1p, inverse_func=np.expm1)
    ),
    "bagging of numbers": numbers(lambda m: BaggingRegressor(reg(m), 3, random_state=0)),
    "boosting of numbers": numbers(
        lambda m: AdaBoostRegressor(reg(m), n_estimators=3, random_state=0)
    ),
    "voting of numbers": numbers(lambda m: VotingRegressor([("a", reg(m)), ("b", Ridge())])),
    "stacking of numbers": numbers(
        lambda m: StackingRegressor([("a", reg(m)), ("b", Ridge())], cv=3)
    ),
    "outputs of numbers": numbers(lambda m: MultiOutputRegressor(reg(m)), XR, PAIRS),
    "chain of numbers": numbers(lambda m: RegressorChain(reg(m)), XR, PAIRS),
    "ransac": numbers(
        lambda m: RANSACRegressor(reg(m), min_samples=60, max_trials=3, random_state=0)
    ),
    "pipeline of numbers": numbers(lambda m: make_pipeline(StandardScaler(), reg(m))),
    "search of numbers": numbers(lambda m: GridSearchCV(reg(m), {"alpha": [1e-4, 1]}, cv=3)),
    "several targets": numbers(lambda m: reg(m), XR, PAIRS),
    "scores": lambda m: cross_val_score(mlp(m), X3, Y3, cv=3),
    "scores of numbers": lambda m: cross_val_score(reg(m), XR, YR, cv=3),
    "several scores": lambda m: [
        values
        for name, values in cross_validate(
            mlp(m), X2, Y2, cv=3, scoring=["roc_auc", "average_precision", "neg_log_loss", "f1"]
        ).items()
        if name.startswith("test")
    ],
    "predictions": lambda m: cross_val_predict(mlp(m), X3, Y3, cv=3),
    "probabilities": lambda m: cross_val_predict(mlp(m), X3, Y3, cv=3, method="predict_proba"),
    "log-probabilities": lambda m: cross_val_predict(
        mlp(m), X3, Y3, cv=3, method="predict_log_proba"
    ),
    "learning curve": lambda m: np.array(
        learning_curve(mlp(m), X3, Y3, cv=2, train_sizes=[0.5, 1.0])[1:]
    ),
    "learning curve, incremental": lambda m: np.array(
        learning_curve(
            mlp(m),
            X3,
            Y3,
            cv=2,
            train_sizes=[0.5, 1.0],
            shuffle=True,
            random_state=0,
            exploit_incremental_learning=True,
        )[1:]
    ),
    "validation curve": lambda m: np.array(
        validation_curve(mlp(m), X3, Y3, param_name="alpha", param_range=[0.1, 1], cv=2)
    ),
    "permutation test": lambda m: permutation_test_score(
        mlp(m, max_iter=3), X3, Y3, cv=2, n_permutations=3, random_state=0
    )[1],
    "permutation importance": lambda m: (
        permutation_importance(fitted(m), X2, Y2, n_repeats=2, random_state=0).importances
    ),
    "partial dependence": lambda m: partial_dependence(fitted(m), X2, [0])["average"],
    "partial dependence of numbers": lambda m: partial_dependence(reg(m).fit(XR, YR), XR, [0, 1])[
        "average"
    ],
    "partial dependence, each row": lambda m: partial_dependence(
        fitted(m), X2, [0], kind="individual"
    )["individual"],
    "partial dependence, drawn": lambda m: PartialDependenceDisplay.from_estimator(
        fitted(m), X2, [0]
    ).pd_results[0]["average"],
    "decision boundary": shown(
        lambda m: DecisionBoundaryDisplay.from_estimator(
            mlp(m).fit(X3[:, :2], Y3), X3[:, :2], grid_resolution=9
        )
    ),
    "decision boundary of two": shown(
        lambda m: DecisionBoundaryDisplay.from_estimator(
            mlp(m).fit(X2[:, :2], Y2), X2[:, :2], grid_resolution=9
        )
    ),
    "roc": shown(lambda m: RocCurveDisplay.from_estimator(fitted(m), X2, Y2)),
    "det": shown(lambda m: DetCurveDisplay.from_estimator(fitted(m), X2, Y2)),
    "precision and recall": shown(
        lambda m: PrecisionRecallDisplay.from_estimator(fitted(m), X2, Y2)
    ),
    "confusion": shown(lambda m: ConfusionMatrixDisplay.from_estimator(fitted(m), X2, Y2)),
    "calibration, drawn": shown(lambda m: CalibrationDisplay.from_estimator(fitted(m), X2, Y2)),
    "errors, drawn": shown(
        lambda m: PredictionErrorDisplay.from_estimator(reg(m).fit(XR, YR), XR, YR, subsample=None)
    ),
    "learning curve, drawn": shown(
        lambda m: LearningCurveDisplay.from_estimator(mlp(m), X3, Y3, cv=2, train_sizes=[0.5, 1.0])
    ),
    "validation curve, drawn": shown(
        lambda m: ValidationCurveDisplay.from_estimator(
            mlp(m), X3, Y3, param_name="alpha", param_range=[0.1, 1], cv=2
        )
    ),
    **{
        f"scorer {name}": lambda m, name=name: get_scorer(name)(fitted(m), X2, Y2)
        for name in (
            "roc_auc",
            "average_precision",
            "neg_log_loss",
            "neg_brier_score",
            "f1",
            "matthews_corrcoef",
        )
    },
    "scorer roc_auc of several": lambda m: get_scorer("roc_auc_ovo")(mlp(m).fit(X3, Y3), X3, Y3),
    "a clone": lambda m: clone(fitted(m)).fit(X2, Y2).predict_proba(X2),
}


@pytest.mark.parametrize("name", CLIENTS)
def test_the_same_numbers(name):
    theirs, ours = (CLIENTS[name](m) for m in (neural_network, estimators))
    for a, b in zip(_parts(ours), _parts(theirs), strict=True):
        assert_allclose(a, b, rtol=1e-6, atol=1e-8)


def _parts(answer):
    return answer if isinstance(answer, list) else [np.asarray(answer, float)]


def test_what_they_are_told_of_is_the_same():
    for name in ("MLPClassifier", "MLPRegressor"):
        theirs, ours = (getattr(m, name) for m in (neural_network, estimators))
        public = {n for n in dir(theirs()) if not n.startswith("_")}
        assert public <= set(dir(ours()))
    assert len(CLIENTS) >= 76
