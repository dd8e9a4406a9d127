"""The table of refusals: a name, the kind of model, what a person does, the error, its message.

`test_errors.py` tries each row.
"""

import numpy as np

import fastnn
from fastnn import Adam, Dense, Dropout, ReLU, Sequential, Sigmoid, Softmax, Softplus
from fastnn.datasets import load_iris
from fastnn.losses import Pinball

ROWS = np.arange(0, 150, 5)
IRIS, SPECIES = load_iris()
X0, LABELS = IRIS[ROWS], SPECIES[ROWS]
HALF = [Dense(5), ReLU(), Dropout(0.2)]

# kind: (layers, optimizer, loss, y)
MODELS = {
    "classes": ([*HALF, Dense(3), Softmax()], "adam", "cross_entropy", LABELS),
    "binary": ([*HALF, Dense(1), Sigmoid()], "adam", "binary_cross_entropy", LABELS == 1),
    "real": ([*HALF, Dense(1)], "adam", "mse", X0[:, 0]),
    "counts": ([*HALF, Dense(1), Softplus()], "adam", "poisson", LABELS),
    "quantiles": ([*HALF, Dense(3)], "adam", Pinball((0.1, 0.5, 0.9)), X0[:, 0]),
    "rprop": ([*HALF, Dense(3), Softmax()], "rprop", "cross_entropy", LABELS),
    "lbfgs": ([Dense(3), Softmax()], "lbfgs", "cross_entropy", LABELS),
}


def make(kind, epochs=0):
    layers, optimizer, loss, y = MODELS[kind]
    model = Sequential(layers, seed=0)
    model.compile(optimizer, loss)
    if epochs:
        train(model, y, epochs)
    return model, y


def train(model, y, epochs=1):
    model.fit(X0, y, epochs=epochs, batch_size=None, verbose=0)


def put(array, at, value):
    """A float copy with one entry replaced."""
    changed = np.array(array, dtype=float)
    changed[at] = value
    return changed


def fit(**given):
    """The action of a fit with some arguments replaced; a function makes one from the right y."""

    def action(model, y):
        given_y = {"y": given["y"](y)} if callable(given.get("y")) else {}
        model.fit(**{"X": X0, "y": y, "batch_size": None, "verbose": 0} | given | given_y)

    return action


def recompile(*args, **given):
    return lambda model, y: model.compile(*args, **given)


def do(name, *args, **given):
    """Call the method of that name."""
    return lambda model, y: getattr(model, name)(*args, **given)


BOTH = (TypeError, ValueError)
DATA = [
    ("one row", "classes", fit(X=X0[0]), ValueError, r"X is 1-D with shape \(4,\); .*reshape"),
    ("images", "classes", fit(X=X0[None]), ValueError, r"shape \(1, 30, 4\).*flatten"),
    ("a number", "classes", fit(X=3.0), ValueError, r"X is a single number.*\[\[\.\.\.\]\]"),
    ("no X", "classes", fit(X=None), TypeError, "X is None .*expected real numbers; pass an array"),
    ("text", "classes", fit(X=X0.astype(str)), TypeError, "X has dtype <U.*encode text"),
    ("complex", "classes", fit(X=X0 + 1j), TypeError, "complex.*real and imaginary"),
    ("objects", "classes", fit(X=X0.astype(object)), TypeError, r"convert .* X.astype\(float\)"),
    ("ragged", "classes", fit(X=[[1, 2], [3]]), ValueError, "different lengths.*pad or cut"),
    ("empty", "classes", fit(X=X0[:0], y=[]), ValueError, r"shape \(0, 4\).*empty.*selection"),
    ("no columns", "classes", fit(X=X0[:, :0]), ValueError, r"shape \(30, 0\).*empty"),
    ("NaN", "classes", fit(X=put(X0, (7, 2), np.nan)), ValueError, "NaN at row 7, column 2.*fill"),
    ("inf", "classes", fit(X=put(X0, (7, 2), -np.inf)), ValueError, "-inf at row 7, column 2"),
    ("1e99", "classes", fit(X=put(X0, (7, 2), 1e99)), ValueError, "1e.99 at row 7.*wider dtype"),
    ("short y", "classes", fit(y=LABELS[:9]), ValueError, "y has 9 rows but X has 30; pass one"),
    ("lying y", "real", fit(y=X0[:, :1].T), ValueError, r"y has 1 rows.*here y.ravel\(\)"),
    ("no y", "classes", fit(y=None), TypeError, "y is None.*expected real numbers"),
    ("deep y", "classes", fit(y=LABELS[:, None, None]), ValueError, r"shape \(30, 1, 1\)"),
    ("names", "classes", fit(y=LABELS.astype(str)), TypeError, r"classes, y = np.unique\(y, ret"),
    ("high label", "classes", fit(y=put(LABELS, 4, 3)), ValueError, r"label 3 at row 4.*Dense\(4"),
    ("from 1", "classes", fit(y=LABELS + 1), ValueError, r"from 1 to 3: pass y - 1"),
    ("negative", "classes", fit(y=LABELS - 1), ValueError, "label -1 at row 0.*renumber"),
    ("half", "classes", fit(y=put(LABELS, 2, 0.5)), ValueError, "holds 0.5 at row 2.*whole-number"),
    ("y NaN", "classes", fit(y=put(LABELS, 2, np.nan)), ValueError, "y holds NaN at row 2;"),
    ("few columns", "classes", fit(y=np.eye(2)[LABELS % 2]), ValueError, r"2 columns.*Dense\(2\)"),
    ("sums to 2", "classes", fit(y=2 * np.eye(3)[LABELS]), ValueError, "sums to 2 in row 0.*divid"),
    ("below 0", "classes", fit(y=np.eye(3)[LABELS] - 0.1), ValueError, "-0.1 at row 0, column 1"),
    ("three", "binary", fit(y=LABELS), ValueError, "holds 2 at row 20.*from 0 to 1.*Softmax"),
    ("-1 and 1", "binary", fit(y=lambda y: 2 * y - 1), ValueError, "holds -1 at row 0.*pass y =="),
    ("one-hot", "binary", fit(y=np.eye(3)[LABELS]), ValueError, r"\(30, 1\).*1 target; .*Dense\(3"),
    ("two targets", "real", fit(y=X0[:, :2]), ValueError, r"\(30, 2\); expected \(30, 1\).*Dense"),
    ("real NaN", "real", fit(y=put(X0[:, 0], 3, np.nan)), ValueError, "y holds NaN at row 3;"),
    ("real inf", "real", fit(y=put(X0[:, 0], 3, np.inf)), ValueError, "y holds inf at row 3;.*cli"),
    ("count -1", "counts", fit(y=LABELS - 1), ValueError, 'holds -1 at row 0.*counts.*"mse"'),
    ("wide y", "quantiles", fit(y=X0[:, :3]), ValueError, r"\(30, 3\); expected \(30, 1\)"),
    ("one weight", "real", fit(sample_weight=[1.0]), ValueError, r"\(1,\) but X has 30 rows"),
    ("weight -1", "real", fit(sample_weight=put(np.ones(30), 5, -1)), ValueError, "-1 at row 5"),
    ("weight NaN", "real", fit(sample_weight=put(np.ones(30), 5, np.nan)), ValueError, "NaN at ro"),
    ("no weight", "real", fit(sample_weight=np.zeros(30)), ValueError, "0 in every row.*leave it"),
    ("balanced", "classes", fit(sample_weight="balanced"), TypeError, "sample_weight has dtype <U"),
]  # fmt: skip

VALIDATION = [
    ("only X", fit(validation_data=X0), ValueError, r"is a ndarray; .*\(X, y, sample_weight\)"),
    ("a single", fit(validation_data=(X0,)), ValueError, r"is a tuple of 1; expected \(X, y\)"),
    ("width", fit(validation_data=(X0[:, :3], LABELS)), ValueError, "validation X has 3 columns"),
    ("length", fit(validation_data=(X0, LABELS[:3])), ValueError, "validation y has .*validation "),
    ("label", fit(validation_data=(X0, LABELS + 2)), ValueError, "validation y holds the label"),
    ("weights", fit(validation_data=(X0, LABELS, -np.ones(30))), ValueError,
     "validation sample_weight holds -1 at row 0"),
    ("few weights", fit(validation_data=(X0, LABELS, [1.0])), ValueError,
     r"validation sample_weight has shape \(1,\) but validation X has 30 rows"),
    ("no rows", fit(validation_data=(X0[:0], [])), ValueError, "validation X .*empty"),
    ("a NaN", fit(validation_data=(put(X0, (1, 1), np.nan), LABELS)), ValueError, "row 1, column"),
    ("both", fit(validation_data=(X0, LABELS), validation_split=0.5), ValueError, "pass one of th"),
    ("all", fit(validation_split=1.0), ValueError, "validation_split is 1.0; .*between 0 and 1"),
    ("minus", fit(validation_split=-0.2), ValueError, "validation_split is -0.2; .*0.2 validates"),
    ("not a number", fit(validation_split="a"), TypeError, "validation_split is 'a'; expected a f"),
    ("nan", fit(validation_split=np.nan), ValueError, "validation_split is nan"),
    ("one row", fit(X=X0[:1], y=LABELS[:1], validation_split=0.5), ValueError, "1 row cannot be s"),
    ("weightless", fit(validation_split=0.5, sample_weight=put(np.zeros(30), 0, 1)), ValueError,
     "sample_weight is 0 in all of the 15 rows that validation_split=0.5 leaves for"),
]  # fmt: skip

BATCH = r'expected a whole number of at least 1, "auto" or None'
SETTINGS = [
    ("batch 0", "classes", fit(batch_size=0), ValueError, f"batch_size is 0; {BATCH}"),
    ("batch -1", "classes", fit(batch_size=-1), ValueError, f"batch_size is -1; {BATCH}"),
    ("batch 2.5", "classes", fit(batch_size=2.5), TypeError, f"is 2.5, a float; {BATCH}"),
    ("batch 8.0", "classes", fit(batch_size=8.0), TypeError, f"is 8.0, a float; {BATCH}.*write 8"),
    ("batch big", "classes", fit(batch_size="big"), ValueError, 'batch_size is \'big\'; .*"auto"'),
    ("batch True", "classes", fit(batch_size=True), TypeError, f"is True, a bool; {BATCH}"),
    ("epochs 0", "classes", fit(epochs=0), ValueError, "epochs is 0; expected a whole number"),
    ("epochs 1.5", "classes", fit(epochs=1.5), TypeError, "epochs is 1.5, a float; expected"),
    ("epochs None", "classes", fit(epochs=None), TypeError, "epochs is None"),
    ("rprop", "rprop", fit(batch_size=8), ValueError, "Rprop needs the full.*None.*RMSprop or Ada"),
    ("lbfgs", "lbfgs", fit(batch_size=8), ValueError, "LBFGS needs the full .*None.*RMSprop or Ad"),
    ("verbose", "classes", fit(verbose="loud"), ValueError, "verbose is 'loud'; expected"),
    ("callback 3", "classes", fit(callbacks=[3]), TypeError, "got 3 among the callbacks; expected"),
    ("callback class", "classes", fit(callbacks=[fastnn.Callback]), TypeError, "the callbacks; ex"),
    ("bare callback", "classes", fit(callbacks=fastnn.Callback()), TypeError, "callbacks.*a list"),
    ("optimizer", "classes", recompile("adamm"), ValueError, 'optimizer "adamm"; did you mean "ad'),
    ("class", "classes", recompile(Adam), TypeError, r"the class Adam; expected .* Adam\(\.\.\.\)"),
    ("optimizer 3", "classes", recompile(3), TypeError, r"got 3 as the optimizer.*Adam\(1e-3\)"),
    ("loss", "classes", recompile(loss="crossentropi"), ValueError, 'did you mean "cross_entropy"'),
    ("loss 3", "classes", recompile(loss=3), TypeError, "got 3 as the loss; expected a name"),
    ("metric", "classes", recompile(metrics=["acuracy"]), ValueError, 'did you mean "accuracy"'),
    ("metric 3", "classes", recompile(metrics=[3]), TypeError, "metric is given as 3; expected"),
    ("bare metric", "classes", recompile(metrics="acc"), TypeError, r"expected a list, .*\[.accur"),
    ("no Softmax", "real", recompile(), ValueError, r"last layer is Dense; append Softmax\(\)"),
    ("Sigmoid", "binary", recompile(), ValueError, r"replace Sigmoid\(\) by Softmax\(\), or use "),
    ("Softmax", "classes", recompile(loss="binary_cross_entropy"), ValueError,
     r"last layer is Softmax; replace Softmax\(\) by Sigmoid\(\), or use the loss .cross_entropy"),
    ("clip 0", "classes", recompile(clip_norm=0), ValueError, "clip_norm is 0; expected .* above"),
    ("clip text", "classes", recompile(clip_value="1"), BOTH, "clip_value is '1'; expected"),
    ("clip True", "classes", recompile(clip_norm=True), ValueError, "clip_norm is True; expected"),
    ("clip inf", "classes", recompile(clip_norm=np.inf), ValueError, "is inf; expected a finite n"),
    ("shuffle", "classes", fit(shuffle="yes"), TypeError, "shuffle is 'yes'; expected True or Fal"),
]  # fmt: skip


def arrays(W):
    """Weights that fit, but for the first array."""
    return [W, np.ones(5), np.ones((5, 3)), np.ones(3)]


WEIGHTS = [
    ("none", [], ValueError, "got 0 arrays; expected 4"),
    ("a number", 3, TypeError, "weights"),
    ("shape", [np.ones((2, 2))] * 4, ValueError, r"0\.W has shape \(2, 2\); expected \(4, 5\)"),
    ("NaN", arrays(np.full((4, 5), np.nan)), ValueError, "0.W holds nan at row 0, column 0;"),
    ("inf", arrays(put(np.ones((4, 5)), (1, 2), -np.inf)), ValueError, "holds -inf at row 1, col"),
    ("1e99", arrays(np.full((4, 5), 1e99)), ValueError, "0.W holds 1e.99 at .*that a float32 can"),
    ("complex", arrays(np.full((4, 5), 1j)), TypeError, "0.W has dtype complex128"),
    ("text", ["a"] * 4, TypeError, "0.W has dtype <U1; expected real numbers"),
    ("one text", "abcd", TypeError, "weights is 'abcd'; expected a list of arrays"),
]  # fmt: skip
BUILT = [
    ("columns of fit", fit(X=X0[:, :3]), ValueError, "X has 3 columns but .*4 features; pass the"),
    ("columns of predict", do("predict", X0[:, :3]), ValueError, "X has 3 columns but"),
    ("NaN in predict", do("predict", put(X0, (1, 0), np.nan)), ValueError, "row 1, column 0"),
    ("columns of evaluate", do("evaluate", X0[:, :3], LABELS), ValueError, "X has 3 columns but"),
    ("labels of evaluate", do("evaluate", X0, LABELS + 2), ValueError, "label 3 at row 10"),
    ("build", do("build", 3), ValueError, "built for 4 features; got 3"),
    ("freeze", lambda m, y: m.initialize_from(m, freeze=9), ValueError, "freeze is 9; expected 0"),
    ("freeze 1.5", lambda m, y: m.initialize_from(m, freeze=1.5), TypeError, "freeze is 1.5, a f"),
    ("other", do("initialize_from", 3), TypeError, "got 3; expected another Sequential"),
    *((f"weights: {name}", do("set_weights", given), *rest) for name, given, *rest in WEIGHTS),
]  # fmt: skip

FIT = DATA + [(name, "classes", *rest) for name, *rest in VALIDATION] + SETTINGS
TRAINED = FIT + [(name, "classes", *rest) for name, *rest in BUILT]
