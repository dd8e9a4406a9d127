"""A hundred faults at three interfaces: a sentence, and nothing of the user's is changed.

The interfaces are `Sequential`, the estimators and the command line.
"""

import copy
import re

import numpy as np
import pytest

import fastnn
from fastnn import Dense, ReLU, Sequential, Softmax
from fastnn.cli import main
from fastnn.estimators import MLPClassifier

N = 24
X = np.random.default_rng(0).normal(size=(N, 3)).astype("f4")
Y = np.arange(N) % 2


def with_value(value, at=(5, 1), dtype="f4"):
    changed = X.astype(dtype)
    changed[at] = value
    return changed


# name -> X, y, sample_weight
DATA = {
    "NaN": (with_value(np.nan), Y, None),
    "infinity": (with_value(np.inf), Y, None),
    "minus infinity": (with_value(-np.inf), Y, None),
    "squares overflow": (with_value(3e30), Y, None),
    "beyond float32": (with_value(1e300, dtype="f8").tolist(), Y, None),
    "one row too few": (X[:-1], Y, None),
    "one row too many": (np.vstack([X, X[:1]]), Y, None),
    "no rows": (X[:0], Y[:0], None),
    "no columns": (X[:, :0], Y, None),
    "a vector": (X[:, 0], Y, None),
    "a number": (np.float32(3), Y, None),
    "three dimensions": (X[:, :, None], Y, None),
    "text": ([*X.astype(str)[:, :2].tolist(), ["a", "b"]], np.append(Y, 0), None),
    "None": (None, Y, None),
    "a dict": ({0: X}, Y, None),
    "a set": ({1.0, 2.0}, Y, None),
    "complex": (X + 1j, Y, None),
    "dates": (np.full((N, 3), "2020-01-01", "M8[D]"), Y, None),
    "ragged": ([[1.0, 2.0, 3.0]] * (N - 1) + [[1.0, 2.0]], Y, None),
    "y NaN": (X, with_value(np.nan)[:, 1] * 0, None),
    "y infinite": (X, np.where(np.arange(N) == 3, np.inf, Y), None),
    "y None": (X, None, None),
    "y a number": (X, 3, None),
    "y empty": (X, Y[:0], None),
    "y three dimensions": (X, np.zeros((N, 2, 2)), None),
    "y halves": (X, Y + 0.5 * (np.arange(N) % 3), None),
    "weights too few": (X, Y, np.ones(N - 1)),
    "weights negative": (X, Y, np.full(N, -1.0)),
    "weights zero": (X, Y, np.zeros(N)),
    "weights NaN": (X, Y, np.full(N, np.nan)),
    "weights infinite": (X, Y, np.full(N, np.inf)),
    "weights a table": (X, Y, np.ones((N, 2))),
    "weights text": (X, Y, np.full(N, "a")),
}
NUMBERS = {
    "NaN": np.nan,
    "infinite": np.inf,
    "minus one": -1,
    "text": "much",
    "a list": [1],
    "None": None,
}
# argument -> what each interface calls it (None: it has none), and the faults that it can have
SETTINGS = {
    "epochs": ("epochs", "max_iter", {**NUMBERS, "a half": 1.5, "a flag": True}),
    "batch_size": ("batch_size", "batch_size", {**NUMBERS, "zero": 0, "a half": 1.5}),
    "validation": ("validation_split", "validation_fraction", {**NUMBERS, "all": 1.0, "more": 1.5}),
    "rate": ("learning_rate", "learning_rate_init", {**NUMBERS, "zero": 0.0}),
    "units": ("units", "hidden_layer_sizes", {**NUMBERS, "zero": 0, "a half": 7.5}),
    "dropout": ("dropout", "dropout", {**NUMBERS, "all": 1.0, "more": 1.5}),
    "clipping": ("clip_norm", "clip_norm", {k: v for k, v in NUMBERS.items() if k != "None"}),
}  # fmt: skip
# They mean something: the whole batch, several layers, no split, row numbers, weights that stay.
MEANT = {
    ("batch_size", "None"),
    ("units", "a list"),
    ("validation", "None"),
    ("validation", "a list"),
    ("rate", "infinite"),
    ("rate", "zero"),
}
FAULTS = [(name, kind) for name, (_, _, kinds) in SETTINGS.items() for kind in kinds
          if (name, kind) not in MEANT]  # fmt: skip


# Words after "fastnn", in a folder that holds three tables and a model file that is none.
CALLS = {
    "no such command": "learn good.csv",
    "no file": "train none.csv --target y",
    "a folder": "train . --target y",
    "an empty file": "train empty.csv --target y",
    "no target given": "train good.csv",
    "no such target": "train good.csv --target z",
    "a target of text that varies": "train text.csv --target name",
    "layers of nothing": "train good.csv --target y --layers 0",
    "layers of text": "train good.csv --target y --layers wide",
    "layers below zero": "train good.csv --target y --layers -4",
    "no seconds": "train good.csv --target y --seconds 0",
    "seconds below zero": "train good.csv --target y --seconds -1",
    "seconds that are none": "train good.csv --target y --seconds nan",
    "seconds of text": "train good.csv --target y --seconds soon",
    "a word too many": "train good.csv good.csv --target y",
    "no such option": "train good.csv --target y --epoch 3",
    "out is a folder": "train good.csv --target y --out .",
    "out in no folder": "train good.csv --target y --out none/model.safetensors",
    "report in no folder": "train good.csv --target y --report none/report.html",
    "no such model": "predict none.safetensors good.csv",
    "a model that is none": "predict model.safetensors good.csv",
    "a table as a model": "predict good.csv good.csv",
    "a model as a table": "evaluate model.safetensors model.safetensors",
    "info of no file": "info none.safetensors",
    "info of a table": "info good.csv",
    "tune without a target": "tune good.csv",
    "tune for no time": "tune good.csv --target y --seconds 0",
    "demo without epochs": "demo --epochs 0",
    "demo of half an epoch": "demo --epochs 1.5",
    "export to nothing": "export model.safetensors model.doc",
    "export of no model": "export model.safetensors model.onnx",
    "bench for no time": "bench --seconds 0",
    "no session there": "session none info",
}


def test_there_are_a_hundred():
    assert len(DATA) + len(FAULTS) + len(CALLS) >= 100


def is_a_sentence(error):
    # scikit-learn's own go on in further lines.
    text = str(error).splitlines()[0]
    assert 10 < len(text) < 600, text
    assert "Traceback" not in text
    # No bare message of the interpreter's.
    assert not re.match(r"(unsupported operand|'\w+' object|list index|cannot unpack)", text), text


def frozen(parts):
    return copy.deepcopy(parts)


def same(a, b):
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.tobytes() == b.tobytes()
    return repr(a) == repr(b)


def network(units=4, dropout=0.1, **optimizer):
    model = Sequential([Dense(units), ReLU(), fastnn.Dropout(dropout), Dense(2), Softmax()], seed=0)
    model.compile(fastnn.Adam(**optimizer))
    return model


@pytest.fixture(scope="module")
def trained():
    model = network()
    model.fit(X, Y, epochs=1, verbose=0)
    return model


@pytest.mark.parametrize("name", DATA)
def test_data_of_a_network(name, trained):
    given = DATA[name]
    before, weights, steps = frozen(given), trained.get_weights(), trained._network.step
    with pytest.raises((ValueError, TypeError)) as caught:
        trained.fit(given[0], given[1], sample_weight=given[2], epochs=1, verbose=0)
    is_a_sentence(caught.value)
    assert all(same(a, b) for a, b in zip(given, before, strict=True))
    assert all(same(a, b) for a, b in zip(trained.get_weights(), weights, strict=True))
    assert trained._network.step == steps


# scikit-learn takes these as they are.
TAKEN = {"squares overflow", "weights negative", "beyond float32", "dates"}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", [name for name in DATA if name not in TAKEN])
def test_data_of_an_estimator(name):
    given = DATA[name]
    e = MLPClassifier((4,), max_iter=2, random_state=0).fit(X, Y)
    before, state = frozen(given), frozen(e.coefs_)
    with pytest.raises((ValueError, TypeError)) as caught:
        e.fit(*given)
    is_a_sentence(caught.value)
    assert all(same(a, b) for a, b in zip(given, before, strict=True))
    assert all(same(a, b) for a, b in zip(e.coefs_, state, strict=True))


@pytest.mark.parametrize(("name", "kind"), FAULTS)
def test_settings_of_a_network(name, kind, trained):
    argument, _, kinds = SETTINGS[name]
    value, weights = kinds[kind], trained.get_weights()
    of_fit = name in ("epochs", "batch_size", "validation")

    def fit():
        model = trained if of_fit else network(**{argument: value})
        model.fit(X, Y, verbose=0, **{"epochs": 1, **({argument: value} if of_fit else {})})

    with pytest.raises((ValueError, TypeError)) as caught:
        fit()
    is_a_sentence(caught.value)
    assert all(same(a, b) for a, b in zip(trained.get_weights(), weights, strict=True))


# scikit-learn counts True as 1.
@pytest.mark.parametrize(("name", "kind"), [f for f in FAULTS if f != ("epochs", "a flag")])
def test_settings_of_an_estimator(name, kind):
    _, argument, kinds = SETTINGS[name]
    settings = {"hidden_layer_sizes": (4,), "max_iter": 2, "random_state": 0}
    e = MLPClassifier(**{**settings, "early_stopping": name == "validation", argument: kinds[kind]})
    with pytest.raises((ValueError, TypeError)) as caught:
        e.fit(X, Y)
    is_a_sentence(caught.value)
    assert not hasattr(e, "coefs_")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    lines = ["a,b,y", *(f"{k},{k % 7},{'no' if k % 3 else 'yes'}" for k in range(60))]
    (tmp_path / "good.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "text.csv").write_text("name,b\n" + "".join(f"n{k},{k}\n" for k in range(60)))
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "model.safetensors").write_bytes(b"no model")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", CALLS)
def test_words_of_the_command_line(name, folder, capsys):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    try:
        code = main(CALLS[name].split())
    except SystemExit as end:
        code = end.code
    assert code == 2
    said = capsys.readouterr()
    last = said.err.strip().splitlines()[-1]
    assert 10 < len(last) < 600
    assert "Traceback" not in said.err + said.out
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
