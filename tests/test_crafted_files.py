"""Crafted model files: whatever they say, with a right digest, ModelFileError or a sound model."""

import copy
import hashlib
import json
import sys
import tracemalloc
import warnings

import numpy as np
import pytest

import fastnn
from fastnn import (
    SGD,
    Adam,
    BatchNorm,
    Callback,
    Dense,
    Dropout,
    ModelFileError,
    ReLU,
    RMSprop,
    Sequential,
    Softmax,
    Standardize,
    schedules,
)
from fastnn.datasets import load_iris
from fastnn.files.persistence import TYPES, VERSION, _without_arrays
from fastnn.files.specs import CLASSES
from fastnn.model.saving import portrait

MUTANTS = 20_000
MUTANTS_AT_NIGHT = 5_000_000
X, y = load_iris()


class BreakOff(Callback):
    every_steps = 3

    def on_steps_end(self, model, fraction):
        raise KeyboardInterrupt


def portraits():
    """Arrays and descriptions of models of many parts: one untrained, one in mid-epoch."""
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
    return [portrait(model) for model in (classifier, broken_off, quantiles)]


KINDS = {str(dtype.newbyteorder("<").str): name for name, dtype in TYPES.items()}


def packed(tensors, description, spoil=None, version=VERSION):
    """A file of the right digest, whatever it says; `spoil` changes its list of arrays."""
    tensors = dict(tensors)
    about = _without_arrays({"sha256": "0" * 64, "version": version, **description}, tensors)
    header, body = {"__metadata__": {"fastnn": json.dumps(about)}}, b""
    for name, array in tensors.items():
        data, shape = np.ascontiguousarray(array).tobytes(), list(array.shape)
        ends = [len(body), len(body) + len(data)]
        entry = {"dtype": KINDS[array.dtype.str], "shape": shape, "data_offsets": ends}
        header[name], body = entry, body + data
    if spoil is not None:
        spoil(header)
    return signed(json.dumps(header).encode(), body)


def signed(header, body):
    header += b" " * (-len(header) % 8)
    data = len(header).to_bytes(8, "little") + header + body
    return data.replace(b"0" * 64, hashlib.sha256(data).hexdigest().encode(), 1)


NESTED = json.loads("[" * 300 + "]" * 300)
WORDS = [
    None, True, False, -1, 0, 1, 2, 3, 7, 2**31, 2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64, 10**30,
    -(2**63), 10**400, 0.5, -0.5, 1e-320, 1e30, 1e308, -1e308, float("nan"), float("inf"), "", "x",
    "relu", "nan", "PCG64", "MT19937", "float16", "sum", "top_0", "top_3", "\ud800", "é" * 99, [],
    {}, [[]], [{}], [1, [2]], [1.5, "x"], NESTED, {"own": "f"}, {"own": 3}, {"own": None},
    {"array": [[1.0, 2.0]]}, {"array": [[1], [2, 3]]}, {"array": "x"}, {"class": "layers.Dense"},
    {"class": "layers.Dense", "units": 3}, {"class": "layers.Softmax"}, {"class": "losses.MSE"},
    {"class": "losses.Custom", "function": None}, {"class": "os.system"}, {"class": ["x"]},
    {"class": "layers.Activation", "function": {"own": "f"}, "derivative": {"own": "f"}},
]  # fmt: skip
NUMBERS = np.nan, np.inf, -np.inf, -1.0, 0.0, 1e38, 1e-45, 1.0


def places(tree):
    """Each place of a tree of mappings and lists, as its container and its key."""
    keys = list(tree) if isinstance(tree, dict) else range(len(tree))
    for key in keys:
        yield tree, key
        if isinstance(tree[key], dict | list):
            yield from places(tree[key])


def one_of(rng, things):
    return things[rng.integers(len(things))]


def change_description(rng, description):
    found = list(places(description))
    container, key = one_of(rng, found)
    way = rng.integers(8)
    if way == 0:
        del container[key]
    elif way == 1:
        donor, place = one_of(rng, found)
        container[key] = copy.deepcopy(donor[place])
    elif way == 2 and isinstance(container, list):
        container.insert(key, copy.deepcopy(one_of(rng, WORDS)))
    elif way == 3 and isinstance(container, dict):
        container[one_of(rng, ["x", "class", "own", "array", "units", "network", ""])] = one_of(
            rng, WORDS
        )
    elif way == 4:
        chosen = [c for c, k in found if k == "class"]
        one_of(rng, chosen)["class"] = one_of(rng, list(CLASSES))
    elif way == 5 and type(container[key]) in (int, float):
        container[key] = container[key] * int(rng.integers(-3, 10)) + int(rng.integers(-2, 3))
    else:
        container[key] = copy.deepcopy(one_of(rng, WORDS))


def change_arrays(rng, tensors):
    name = one_of(rng, list(tensors))
    array, way = tensors[name], rng.integers(6)
    if way == 0:
        del tensors[name]
    elif way == 1:
        tensors[one_of(rng, ["x", "0.W", "0.b", "9.W", "partial.outputs", "é"])] = array
    elif way == 2:
        tensors[name] = array.astype(one_of(rng, ["f4", "f8", "i8"]))
    elif way == 3 and array.size:
        changed = array.copy()
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            changed.flat[rng.integers(array.size)] = np.float64(one_of(rng, NUMBERS)).astype(
                array.dtype
            )
        tensors[name] = changed
    elif way == 4:
        tensors[name] = array.reshape(-1)[: rng.integers(array.size + 1)]
    else:
        tensors[name] = array.reshape(one_of(rng, [(-1,), (1, -1), (-1, 1), (1, 1, -1)]))


def change_header(rng):
    """Spoils the list of arrays."""

    def spoil(header):
        entry = header[one_of(rng, list(header))]
        container, key = one_of(rng, list(places(entry)))
        container[key] = copy.deepcopy(one_of(rng, WORDS))
        if "shape" in entry and rng.integers(3) == 0:
            entry["shape"] = [0, int(one_of(rng, [2**31, 2**40, 2**62]))]

    return spoil


def mutants(rng, count):
    """So many files, most of them changed in one place, some in several."""
    originals = portraits()
    for _ in range(count):
        tensors, description = copy.deepcopy(originals[rng.integers(3)])
        spoil = None
        for _ in range(1 + rng.geometric(0.6) // 2):
            way = rng.integers(10)
            if way < 6:
                change_description(rng, description)
            elif way < 9 and tensors:
                change_arrays(rng, tensors)
            else:
                spoil = change_header(rng)
        data = packed(tensors, description, spoil)
        if rng.integers(20) == 0:
            data = scarred(rng, data)
        yield data


def scarred(rng, data):
    """Bytes of the header changed; the digest is right again."""
    length = int.from_bytes(data[:8], "little")
    header = bytearray(data[8 : 8 + length])
    for _ in range(rng.integers(1, 4)):
        header[rng.integers(length)] = one_of(rng, list(b'{}[],:"\\0123456789eE.-\x00\xff '))
    return signed(bytes(header), data[8 + length :])


def use(model):
    """All that a user would do with a model; it may refuse and diverge, but not fall over."""
    network = model._network
    n = 4 if network is None else network.layout.n_in
    rows = np.resize(X, (20, n))
    try:
        assert model.layers
        if network is not None:
            model.predict(rows)
        if model._setup is not None:
            targets = np.resize([0, 1], 20)
            model.fit(rows, targets, verbose=0)
            model.evaluate(rows, targets)
    except (ValueError, TypeError, ArithmeticError):
        pass


EVENTS = ("import", "exec", "compile", "open", "subprocess", "socket", "os.", "ctypes", "shutil")
watching = False
seen = []


def _hook(event, arguments):
    if watching and event.startswith(EVENTS):
        seen.append((event, str(arguments)[:200]))


def load_mutants(rng, count, path):
    """Loads so many; the numbers of refused and of accepted ones."""
    global watching
    sys.addaudithook(_hook)
    refused, accepted, others = 0, 0, set()
    for k, data in enumerate(mutants(rng, count)):
        path.write_bytes(data)
        if k % 16 == 0:
            tracemalloc.start()
        model, watching = None, k > 0
        try:
            model = fastnn.load(path)
        except ModelFileError:
            refused += 1
        except ValueError as error:
            others.add(str(error).split("saved with ")[-1][:21])
        finally:
            watching = False
        if k % 16 == 0:
            if model is None:
                assert tracemalloc.get_traced_memory()[1] <= 2 * len(data) + 2**20
            tracemalloc.stop()
        assert {(event, str(path) in told) for event, told in seen} <= {("open", True)}
        seen.clear()
        if model is not None:
            accepted += 1
            # Penalties of 1e308 are allowed, and overflow.
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                use(model)
    assert others <= {"functions of your own"}
    return refused, accepted


def test_crafted_files_are_refused_or_sound(tmp_path):
    refused, accepted = load_mutants(np.random.default_rng(0), MUTANTS, tmp_path / "m")
    assert refused > 0.8 * MUTANTS
    assert accepted > 0.01 * MUTANTS


@pytest.mark.nightly
def test_millions_of_crafted_files_are_refused_or_sound(tmp_path):
    load_mutants(np.random.default_rng(), MUTANTS_AT_NIGHT, tmp_path / "m")
