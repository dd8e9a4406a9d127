"""Models in files, one folder for each version of the form: `python compat_files.py FOLDER`."""

import sys
import warnings
from pathlib import Path

import numpy as np

import fastnn
from fastnn import Dense, Sequential, Standardize
from fastnn.estimators import MLPClassifier, MLPRegressor

RNG = np.random.default_rng(0)
N = 600
COLUMNS = {
    "town": np.array([f"t{k % 140}" for k in range(N)], object),
    "Größe": RNG.normal(40, 9, N).round(1),
    "yes": np.arange(N) % 3 == 0,
    "day": (np.datetime64("2024-01-01") + np.arange(N) % 300).astype(str),
}
BUYS = np.array(["no", "yes", "später"])[(COLUMNS["Größe"] > 40) + COLUMNS["yes"] * 1]
QUICK = {"hidden_layer_sizes": (3,), "max_iter": 2, "random_state": 0}


def frame():
    import pandas as pd

    return pd.DataFrame({name: COLUMNS[name] for name in ("town", "Größe", "yes")})


def numbers():
    import pandas as pd

    return pd.DataFrame({"Größe": COLUMNS["Größe"], "n": np.arange(N) % 7})


def _trained():
    model = Sequential([Standardize(), Dense(2), "tanh", Dense(1)], seed=0)
    model.compile("adam", "mse")
    return model.fit(numbers(), np.arange(N) / N, epochs=2, verbose=0) and model


def table():
    few = {"town": np.array([f"t{k % 9}" for k in range(N)], object)}
    return COLUMNS | few | {"Größe": np.where(np.arange(N) % 50, COLUMNS["Größe"], np.nan)}


def _table():
    settings = {"hidden_layer_sizes": (3,), "max_iter": 2}
    model = fastnn.TabularModel("buys", settings=settings, class_weight={"no": 1, "yes": 2},
                                columns={"yes": "category"})  # fmt: skip
    return model.fit(table() | {"buys": BUYS})


FILES = {
    "initial": lambda: Sequential([Dense(3, init=np.eye(2, 3) / 7)], seed=0),
    "trained": _trained,
    "words": lambda: MLPClassifier(preset="tabular", n_members=2, **QUICK).fit(frame(), BUYS),
    "floats": lambda: MLPClassifier(
        preset="tabular", n_members=1, categorical_features=np.array([True, False, False]), **QUICK
    ).fit(frame(), (np.arange(N) % 4).astype(np.float32)),
    "numbers": lambda: MLPRegressor(preset="tabular", n_members=1, **QUICK).fit(
        numbers().to_numpy(), COLUMNS["Größe"]
    ),
    "values": lambda: MLPRegressor(**QUICK).fit(numbers(), COLUMNS["Größe"]),
    "table": _table,
}  # fmt: skip


def predicted(name, model):
    """Of every tenth row."""
    if name == "table":
        return model.predict_proba({k: column[::10] for k, column in table().items()})
    if name == "initial":
        return model.build(2).predict(np.eye(2))
    if name == "numbers":
        return model.predict(numbers().to_numpy()[::10])
    rows = (frame() if name in ("words", "floats") else numbers())[::10]
    return np.asarray(getattr(model, "predict_proba", model.predict)(rows))


def main(folder):
    folder.mkdir()
    expected = {}
    for name, make in FILES.items():
        model = make()
        model.save(folder / f"{name}.safetensors")
        expected[name] = predicted(name, model)
    np.savez_compressed(folder / "expected.npz", **expected)


if __name__ == "__main__":
    with warnings.catch_warnings(action="ignore"):
        main(Path(sys.argv[1]))
