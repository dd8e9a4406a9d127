"""Keys: by what a search finds its study again in the ledger."""

from __future__ import annotations

import hashlib
import inspect
import json
from typing import Any

import numpy as np

from fastnn.tune.splits import Data
from fastnn.tune.uses import compiled_text
from fastnn.tune.visible import View

SAMPLED_BYTES = 1 << 26
"""Of larger arrays, evenly spaced rows of about so many bytes are looked at."""


def study_key(subject: Any, space: Any, data: Data, settings: dict[str, Any]) -> str:
    """A digest of all that decides a search's trials and their results.

    Not of the number of trials, seconds or threads: a call with more of them goes on.
    """
    parts = [
        code_of(subject),
        describe(space.scales),
        array_digest(data.X),
        array_digest(data.y),
        *(array_digest(rows) for rows in data.held_out if rows is not None),
        *(f"on {array_digest(rows)}" for rows in data.trained_on if rows is not None),
        *(f"{k}={describe(v)}" for k, v in sorted({**subject.fit, **data.fit}.items())),
        json.dumps(settings, sort_keys=True, default=describe),
        *seen_by(subject, space, data),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def seen_by(subject: Any, space: Any, data: Data) -> list[str]:
    """What decides the results and is not told by texts and names alone.

    That is: what a builder sees beside its own text, the user's own functions and classes wherever
    they are passed, and of an estimator its scorer and the names of the columns.
    """
    view = View(describe)
    build = getattr(subject, "build", None)
    if build is not None:
        view.look(build)
    else:
        view.text(subject.estimator)
        view.lines += subject.also_decides(data, view.text)
    view.text((space.scales, subject.fit, data.fit))
    return view.lines


def code_of(subject: Any) -> str:
    """What the builder's text, or the estimator's settings, say."""
    build = getattr(subject, "build", None)
    if build is None:
        return describe(subject.estimator)
    function = getattr(build, "func", build)
    further = describe(getattr(build, "args", ())) + describe(getattr(build, "keywords", {}))
    try:
        return inspect.getsource(function) + further
    except (OSError, TypeError):
        code = getattr(function, "__code__", None)
        return (compiled_text(code) if code else type(function).__qualname__) + further


def describe(value: Any) -> str:
    """A text of a value that is the same in every process."""
    if hasattr(value, "__array__") and not isinstance(value, np.generic | type):
        return array_digest(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k!r}: {describe(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return f"{type(value).__name__}({', '.join(map(describe, value))})"
    if hasattr(value, "dist") and hasattr(value, "ppf"):
        return f"{value.dist.name}{describe(value.args)}{describe(value.kwds)}"
    if hasattr(value, "get_params") and not isinstance(value, type):
        return f"{type(value).__qualname__}{describe(value.get_params())}"
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    text = repr(value)
    if " at 0x" not in text:
        return text
    # An address in memory differs from run to run, and so may what a callback has seen.
    settings = {k: v for k, v in getattr(value, "__dict__", {}).items() if not k.startswith("_")}
    return type(value).__qualname__ + describe(settings)


def array_digest(array: Any) -> str:
    """Shape, type and contents of an array or a frame."""
    if hasattr(array, "tocsr"):
        rows = array.tocsr()
        parts = (rows.data, rows.indices, rows.indptr)
        return f"sparse {rows.shape} {' '.join(map(array_digest, parts))}"
    array = np.asarray(array)
    size = max(1, array.nbytes // SAMPLED_BYTES)
    part = array[::size]
    data = repr(part.tolist()).encode() if part.dtype.hasobject else part.tobytes()
    digest = hashlib.blake2b(data, digest_size=16)
    return f"{array.shape} {array.dtype} {digest.hexdigest()}"
