"""Names of other libraries are answered with ours, and wrong calls in a sentence."""

import inspect
import warnings

import numpy as np
import pytest

import fastnn
from fastnn import (
    SGD,
    Activation,
    Adam,
    BatchNorm,
    Checkpoint,
    Dense,
    Dropout,
    EarlyStopping,
    ReduceOnPlateau,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    initializers,
    plotting,
    schedules,
    tune,
)
from fastnn.callbacks import Callback
from fastnn.datasets import load_iris
from fastnn.inputs.calls import explained, wrong_call
from fastnn.inputs.foreign import FOREIGN

X, Y = load_iris()


def model(**settings):
    made = Sequential([Dense(4), ReLU(), Dense(3), Softmax()], seed=0)
    made.compile(**settings)
    return made


def fit(**settings):
    return lambda: model(metrics=["acc"]).fit(X, Y, verbose=0, **settings)


def searched(**settings):
    def build(rate):
        return model(optimizer=Adam(rate), metrics=["acc"])

    return lambda: tune.search(
        build, {"rate": [0.1]}, X, Y, **{"strategy": "grid", "trials": 1, "verbose": 0} | settings
    )


NAMES = {
    "categorical_crossentropy": (lambda: model(loss="categorical_crossentropy"), "cross_entropy"),
    "sparse": (lambda: model(loss="sparse_categorical_crossentropy"), "cross_entropy"),
    "nll": (lambda: model(loss="nll"), "cross_entropy"),
    "bce": (lambda: model(loss="bce"), "binary_cross_entropy"),
    "BCE": (lambda: model(loss="BCE"), "binary_cross_entropy"),
    "binary-crossentropy": (lambda: model(loss="binary-crossentropy"), "binary_cross_entropy"),
    "mean_squared_error": (lambda: model(loss="mean_squared_error"), "mse"),
    "quantile": (lambda: model(loss="quantile"), "pinball"),
    "metric auc": (lambda: model(metrics=["auc"]), "roc_auc"),
    "metric": (lambda: model(metrics=["sparse_categorical_accuracy"]), "accuracy"),
    "adamax": (lambda: model(optimizer="adamax"), "adam"),
    "l-bfgs": (lambda: model(optimizer="L-BFGS"), "lbfgs"),
    "swish": (lambda: Sequential([Dense(1), "swish"]), "SiLU"),
    "logistic": (lambda: Sequential([Dense(1), "logistic"]), "Sigmoid"),
    "kaiming": (lambda: initializers.get("kaiming_normal"), "he_normal"),
    "random_uniform": (lambda: initializers.get("random_uniform"), "he_uniform"),
    "tpe": (searched(strategy="tpe"), "bayesian"),
    "hyperband": (searched(strategy="hyperband"), "halving"),
    "n_trials": (searched(n_trials=3), "trials"),
    "scoring": (searched(scoring="accuracy"), "monitor"),
    "random_state": (searched(random_state=3), "seed"),
    "val_acc in tune": (searched(monitor="val_acc"), "val_accuracy"),
    "val_acc": (lambda: EarlyStopping("val_acc"), "val_accuracy"),
    "val_auc": (lambda: Checkpoint("never made", best="val_auc"), "val_roc_auc"),
    "acc": (fit(callbacks=[EarlyStopping("acc", mode="max")]), "accuracy"),
    "history": (lambda: fit(validation_split=0.2)()["val_acc"], "val_accuracy"),
    "BatchNormalization": (lambda: fastnn.BatchNormalization, "BatchNorm"),
    "Linear": (lambda: fastnn.Linear(3), "Dense"),
    "units": (lambda: Dense(out_features=3), "units"),
    "lr": (lambda: SGD(lr=0.1), "learning_rate"),
    "beta1": (lambda: Adam(beta1=0.9), "beta_1"),
    "p": (lambda: Dropout(p=0.5), "rate"),
    "eps": (lambda: BatchNorm(eps=1e-3), "epsilon"),
    "use_bias": (lambda: Dense(3, use_bias=False), "bias"),
    "kernel_initializer": (lambda: Dense(3, kernel_initializer="he_normal"), "init"),
    "n_epochs": (fit(n_epochs=3), "epochs"),
    "val_data": (fit(eval_set=(X, Y)), "validation_data"),
    "start_from_epoch": (lambda: EarlyStopping(start_from_epoch=3), "warmup"),
    "min_lr": (lambda: ReduceOnPlateau(min_lr=0.1), "min_learning_rate"),
    "filepath": (lambda: Checkpoint(filepath="a"), "directory"),
    "T_max": (lambda: schedules.Cosine(0.1, T_max=30), "decay_steps"),
    "custom_objects": (lambda: fastnn.load("never read", custom_objects={}), "own"),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_the_answer_has_our_name(name):
    call, ours = NAMES[name]
    with pytest.raises((ValueError, TypeError, KeyError, AttributeError)) as caught:
        call()
    assert f'here it is "{ours}"' in str(caught.value)


ADVICE = {
    "activation": (lambda: Dense(8, activation="relu"), 'Dense takes no "activation"; a layer of'),
    "Activation": (lambda: Activation("relu"), r"needs derivative; .* layer of its own, such as"),
    "Softmax": (lambda: Softmax(1), r"Softmax takes no arguments, but got 1; the layer before it "),
    "dim": (lambda: Softmax(dim=1), 'Softmax takes no "dim"; rows are samples'),
    "Sigmoid": (lambda: Sigmoid("x"), r"Sigmoid takes no arguments.*Dense\(8\), Sigmoid\(\)"),
    "weight_decay": (lambda: SGD(weight_decay=0.1), "decoupled decay is AdamW's"),
    "input_shape": (lambda: Dense(8, input_shape=(4,)), "the first fit.* tells the number of inp"),
    "class_weight": (fit(class_weight={0: 1}), "sample_weight: weights of rows"),
    "learning_rate": (lambda: model(learning_rate=0.1), "belongs to the optimizer"),
    "batchsize": (fit(batchsize=32), 'fit takes no "batchsize"; did you mean "batch_size"?'),
    "predict": (lambda: model().predict(X, batch_size=3), 'predict takes no "batch_size"; it tak'),
    "units": (lambda: Dense(), "Dense needs units; it takes units, init"),
    "y": (lambda: model().fit(X), "fit needs y; it takes X, y, epochs"),
    "twice": (lambda: model().fit(X, Y, X=X), 'fit got "X" twice, by its place and by its name'),
    "many": (lambda: model().fit(X, Y, 1, 32, True), "fit takes at most 4 arguments without th"),
    "by name": (lambda: EarlyStopping("loss", 5), "takes at most 1 argument without their names"),
    "return_X_y": (lambda: load_iris(return_X_y=True), "X and y are what it returns"),
    "verbose 2": (lambda: model().fit(X, Y, verbose=2), r'verbose is 2; .* JSONLog and CSV'),
    "sqlite": (searched(storage="sqlite:///study.db"), "its path alone without sqlite:///"),
    "storage 3": (searched(storage=3), "storage is 3; expected the path of a file"),
    "plot": (lambda: plotting.learning_curves(), "learning_curves needs history; it takes histor"),
}  # fmt: skip


@pytest.mark.parametrize("name", ADVICE)
def test_the_answer_says_what_to_do(name):
    call, message = ADVICE[name]
    with pytest.raises((ValueError, TypeError), match=message):
        call()


def test_storage_none_is_memory_as_in_optuna():
    assert len(searched(storage=None, epochs=1)().trials) == 1


def test_estimators_answer_too():
    pytest.importorskip("sklearn")
    from fastnn.estimators import MLPClassifier

    for name, ours in {
        "epochs": "max_iter",
        "seed": "random_state",
        "units": "hidden_layer_sizes",
    }.items():
        with pytest.raises(
            TypeError, match=f'MLPClassifier takes no "{name}"; here it is "{ours}"'
        ):
            MLPClassifier(**{name: 3})
    with pytest.raises(ValueError, match='unknown argument of fit "epoch"'):
        tune.search(MLPClassifier(), {"alpha": [1]}, X, Y, storage=None, epoch=3)


def public():
    """All functions and classes that a user calls, with their methods."""
    modules = [fastnn, tune, plotting, schedules, initializers, fastnn.diagnostics, fastnn.datasets]
    for module in modules:
        for name in module.__all__:
            found = getattr(module, name)
            if callable(found) and getattr(found, "__module__", "").startswith("fastnn"):
                yield pytest.param(found, id=f"{module.__name__}.{name}")


RESULTS = (
    "Callback", "DivergenceError", "Result", "History", "ModelFileError", "CrossValidation",
    "Trial", "Schedule", "Columns", "Finding", "LayerShift", "Report", "Shift", "TableError",
)  # fmt: skip
"""Bases of the user's own classes, and what nobody makes by hand."""
QUICK = ("get_num_threads", "default_for", "draw", "get")


@pytest.mark.parametrize("called", list(public()))
def test_every_public_name_answers_a_misspelt_argument(called):
    if called.__name__ in (*RESULTS, *QUICK):
        pytest.skip("nobody passes it arguments by hand")
    calls = [called]
    if isinstance(called, type):
        calls += [f for n, f in vars(called).items() if n[0] != "_" and inspect.isfunction(f)]
    for call in calls if called.__name__ in ("Sequential", "Session") else [called]:
        if any(p.kind is p.VAR_KEYWORD for p in inspect.signature(call).parameters.values()):
            continue
        arguments = ("self",) if call is not called else ()
        with pytest.raises(TypeError, match=f'^{call.__name__} takes no "misspeltt"; '):
            call(*arguments, misspeltt=1)


def test_no_name_of_another_library_is_ours():
    from fastnn.initializers import _NAMED
    from fastnn.losses import LOSSES
    from fastnn.metrics import METRICS
    from fastnn.optimizers import OPTIMIZERS

    for kind, known in {
        "loss": LOSSES,
        "metric": METRICS,
        "optimizer": OPTIMIZERS,
        "initializer": _NAMED,
    }.items():
        assert not FOREIGN[kind].keys() & known.keys()
        assert set(FOREIGN[kind].values()) <= {*known, "top_5"}
    strategies = {"random", "grid", "coarse_to_fine", "halving", "bayesian"}
    assert set(FOREIGN["strategy"].values()) <= strategies
    assert {f'"{name}"' for name in FOREIGN["layer"].values()} <= {f'"{n}"' for n in fastnn.__all__}


def test_errors_from_within_stay_as_they_are():
    @explained
    def fails(x):
        return x + 1

    with pytest.raises(TypeError, match="can only concatenate"):
        fails("a")
    with pytest.raises(TypeError, match="fails needs x; it takes x"):
        fails()
    assert str(inspect.signature(fails)) == "(x)"
    assert wrong_call(fails, "fails", (1,), {}) == ""


class Own(Callback):
    def __init__(self, n):
        self.n = n


def test_parts_of_the_users_own_are_left_alone():
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'm'"):
        Own(m=1)


def test_a_warning_points_to_the_users_line():
    same = Sequential([Dense(4, init=np.ones((4, 4))), ReLU(), Dense(1, init=np.ones((4, 1)))])
    same.compile(loss="mse")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        same.fit(X, Y, verbose=0)
        tune.Uniform(1e-4, 1)
    assert [w.filename for w in caught] == [__file__, __file__]
