"""Crafted model files: of a right digest, whatever else they say.

A file is `File`: its arrays, and a description that may hold files too, of several networks. It is
changed and written in memory; one costs about a thousandth of a second.
"""

import copy
import hashlib
import json
import pickle
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn.files import texts
from fastnn.files.persistence import TYPES, VERSION, unpack_bytes
from fastnn.files.specs import CLASSES

KINDS = {dtype.str: name for name, dtype in TYPES.items()}


@dataclass
class File:
    tensors: dict
    description: dict
    spoil: Any = None

    def files(self):
        """Itself, and those within."""
        yield self
        for value in self.description.values():
            if isinstance(value, list):
                yield from (one for one in value if isinstance(one, File))


def opened(data):
    """The file of these bytes."""
    tensors, description = unpack_bytes(data)
    for name in ("networks", "members"):
        if name in description:
            description[name] = [opened(one) for one in description[name]]
    return File(tensors, description)


def packed(file, room=0):
    """The bytes of a file, whatever it says; its `spoil` changes the list of arrays."""
    tensors = dict(file.tensors)
    if room:
        tensors["padding"] = np.zeros(room, np.uint8)

    def name_of(value):
        name = f"fastnn.{len(tensors)}"
        tensors[name] = value if isinstance(value, np.ndarray) else as_bytes(packed(value))
        return {"tensor": name}

    about = {"sha256": "0" * 64, "version": VERSION, **file.description}
    about = json.dumps(about, default=name_of)
    header, body, size = {"__metadata__": {"fastnn": about}}, [], 0
    for name, array in tensors.items():
        data, start = array.tobytes(), size
        size += len(data)
        header[name] = {
            "dtype": KINDS[array.dtype.str], "shape": array.shape, "data_offsets": [start, size],
        }  # fmt: skip
        body.append(data)
    if file.spoil is not None:
        header = json.loads(json.dumps(header))
        file.spoil(header)
    return signed(json.dumps(header).encode(), b"".join(body))


def as_bytes(data):
    return np.frombuffer(data, np.uint8)


def signed(header, body=b""):
    """The file of a header whose digest is 64 zeros, with the right one."""
    header += b" " * (-len(header) % 8)
    start = len(header).to_bytes(8, "little") + header
    digest = hashlib.sha256(start)
    digest.update(body)
    return start.replace(b"0" * 64, digest.hexdigest().encode(), 1) + body


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
    {"tensor": "fastnn.0"}, {"tensor": "0.W"}, {"tensor": "x"}, {"tensor": 3}, {"tensor": None},
    np.zeros(3), np.zeros(0), np.zeros((2, 2)), np.full(4, 2**62), np.array([np.nan]),
    np.zeros(2, bool), texts.to_array(["a", "", "é"]), as_bytes(b"\xff\xfe\xff"), np.arange(9),
    as_bytes(b"no end"),
    {"array": np.ones((4, 3))}, {"array": np.zeros((0, 3))}, {"array": np.array([[np.inf]])},
]  # fmt: skip
NAMES = "x", "class", "own", "array", "units", "network", "tensor", "", "version"
NUMBERS = np.nan, np.inf, -np.inf, -1.0, 0.0, 1e38, 1e-45, 1.0


def inside(value):
    """The mapping or the list that a value is; none where it holds nothing."""
    value = value.description if isinstance(value, File) else value
    return value if isinstance(value, dict | list) else ()


def places(tree, path=()):
    """The way to each place in a tree of mappings, lists and files: its keys."""
    tree = inside(tree)
    for key in list(tree) if isinstance(tree, dict) else range(len(tree)):
        yield (*path, key)
        yield from places(tree[key], (*path, key))


def found(tree, path):
    """The container and the key of a place."""
    *before, last = path
    for key in before:
        tree = inside(tree)[key]
    return inside(tree), last


def one_of(rng, things):
    return things[int(rng.random() * len(things))]


def change_description(rng, tree, paths):
    """Change one of these places."""
    container, key = found(tree, one_of(rng, paths))
    value, way = container[key], rng.integers(9)
    if way == 0:
        del container[key]
    elif way == 1:
        donor, place = found(tree, one_of(rng, paths))
        container[key] = copy.deepcopy(donor[place])
    elif way == 2 and isinstance(container, list):
        container.insert(key, copy.deepcopy(one_of(rng, WORDS)))
    elif way == 3 and isinstance(container, dict):
        container[one_of(rng, NAMES)] = copy.deepcopy(one_of(rng, WORDS))
    elif way == 4 and (chosen := [path for path in paths if path[-1] == "class"]):
        part, _ = found(tree, one_of(rng, chosen))
        part["class"] = one_of(rng, list(CLASSES))
    elif way == 5 and type(value) in (int, float):
        container[key] = value * int(rng.integers(-3, 10)) + int(rng.integers(-2, 3))
    elif isinstance(value, np.ndarray) and way < 8:
        container[key] = changed_array(rng, value)
    else:
        container[key] = copy.deepcopy(one_of(rng, WORDS))


def changed_array(rng, array):
    way = rng.integers(5)
    if way == 0:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return array.astype(one_of(rng, ["f4", "f8", "i8", "u1", "?", "f2", "u8", "i1"]))
    if way < 3 and array.size:
        changed = array.copy()
        at = rng.integers(array.size)
        if array.dtype == np.uint8:
            changed.flat[at] = one_of(rng, [0, 34, 91, 123, 128, 255])
            return changed
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            changed.flat[at] = np.float64(one_of(rng, NUMBERS)).astype(array.dtype)
        return changed
    if way == 3:
        return array.reshape(-1)[: rng.integers(array.size + 1)]
    return array.reshape(one_of(rng, [(-1,), (1, -1), (-1, 1), (1, 1, -1)]))


def change_arrays(rng, tensors):
    name, way = one_of(rng, list(tensors)), rng.integers(6)
    if way == 0:
        del tensors[name]
    elif way == 1:
        tensors[one_of(rng, ["x", "0.W", "0.b", "9.W", "partial.outputs", "é"])] = tensors[name]
    else:
        tensors[name] = changed_array(rng, tensors[name])


def spoiler(rng):
    """A function that spoils the list of arrays."""

    def spoil(header):
        entry = header[one_of(rng, list(header))]
        container, key = found(entry, one_of(rng, list(places(entry))))
        word = one_of(rng, WORDS)
        container[key] = "x" if isinstance(word, np.ndarray) else json.loads(json.dumps(
            word, default=np.ndarray.tolist))  # fmt: skip
        if "shape" in entry and rng.integers(3) == 0:
            entry["shape"] = [0, int(one_of(rng, [2**31, 2**40, 2**62]))]

    return spoil


def mutants(rng, originals, count):
    """So many files, most of them changed in one place, some in several."""
    # Read back they are copies: ten times as fast as `copy.deepcopy`.
    kept = [(pickle.dumps(original), list(places(original))) for original in originals]
    for _ in range(count):
        blob, paths = one_of(rng, kept)
        file = pickle.loads(blob)
        for k in range(1 + rng.geometric(0.6) // 2):
            way = rng.integers(10)
            if way < 6:
                change_description(rng, file, list(places(file)) if k else paths)
                continue
            chosen = one_of(rng, list(file.files()))
            if way < 9 and chosen.tensors:
                change_arrays(rng, chosen.tensors)
            else:
                chosen.spoil = spoiler(rng)
        data = packed(file)
        yield scarred(rng, data) if rng.integers(20) == 0 else data


def scarred(rng, data):
    """Bytes of the header changed; the digest is right again."""
    length = int.from_bytes(data[:8], "little")
    header = bytearray(data[8 : 8 + length])
    at = header.find(b'sha256\\": \\"') + 12
    header[at : at + 64] = b"0" * 64
    for _ in range(rng.integers(1, 4)):
        header[rng.integers(length)] = one_of(rng, b'{}[],:"\\0123456789eE.-\x00\xff ')
    return signed(bytes(header), data[8 + length :])


def filling(rng, n):
    """Something of about so many bytes, most of which cost many times as much in Python."""
    deep = rng.integers(1, 250)
    return one_of(rng, [
        lambda: [[] for _ in range(n // 4)],
        lambda: [{} for _ in range(n // 4)],
        lambda: [{"a": 1} for _ in range(n // 10)],
        lambda: {str(k): 1 for k in range(n // 9)},
        lambda: {str(k): "number" for k in range(n // 16)},
        lambda: [str(k % 90 + 10) for k in range(n // 6)],
        lambda: [300 + k % 600 for k in range(n // 5)],
        lambda: [k / 8 for k in range(n // 6)],
        lambda: ["\U0001f600" + "a" * n],
        lambda: "a" * n,
        lambda: [json.loads("[" * deep + "]" * deep) for _ in range(n // deep // 2)],
        lambda: [{"class": "layers.ReLU"} for _ in range(n // 30)],
        lambda: [{"class": "layers.Dense", "units": 1} for _ in range(n // 45)],
        lambda: [["age", 1] for _ in range(n // 12)],
        lambda: {"array": np.ones((n // 4, 1), "f4")},
        lambda: texts.to_array("ab" for _ in range(n // 3)),
        lambda: texts.to_array(str(k + 10_000) for k in range(n // 6)),
        lambda: texts.to_array(["\U0001f600" + "a" * n]),
        lambda: texts.to_array(f'"{k}"' for k in range(n // 7)),
        lambda: as_bytes(b"[" * n + b"\xff"),
        lambda: as_bytes(b"{" * n + b"\xff"),
        lambda: np.arange(n // 8),
        lambda: np.ones(n // 8, np.int64),
        lambda: np.ones((n // 16, 2), np.int64),
        lambda: np.ones(n // 8),
        lambda: np.ones(n, bool),
        lambda: np.zeros(n, np.uint8),
    ])()  # fmt: skip
