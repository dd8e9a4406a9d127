"""What a public docstring must have: its parameters, its source, an example that runs."""

import doctest
import importlib
import inspect
import re
from pathlib import Path

import pytest

import fastnn

ROOMS = [
    "estimators",
    "losses",
    "metrics",
    "initializers",
    "schedules",
    "callbacks",
    "tune",
    "diagnostics",
    "plotting",
    "datasets",
    "tabular",
    "session",
]
RETURNED = {"fastnn.DivergenceError", "fastnn.tune.Result", "fastnn.tune.Strategy"}
"""Classes that a user is given and does not make: their attributes matter, not their calls."""
NO_USERS = {"fastnn.callbacks.get", "fastnn.callbacks.listeners", "fastnn.tabular.load_model"}
"""What other modules import from there."""


def public():
    """Name -> object: all that `__all__` of the package and of its rooms names, modules apart."""
    found = {}
    for room in ("fastnn", *(f"fastnn.{room}" for room in ROOMS)):
        module = importlib.import_module(room)
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isclass(thing) or inspect.isroutine(thing):
                found.setdefault(thing, f"{room}.{name}")
    return {name: thing for thing, name in found.items() if name not in NO_USERS}


PUBLIC = public()
METHODS = {
    f"{name}.{attribute}": member
    for name, thing in PUBLIC.items()
    if inspect.isclass(thing)
    for attribute, member in inspect.getmembers(thing)
    if not attribute.startswith("_")
    and (getattr(member, "__module__", None) or "").startswith("fastnn")
    and inspect.isroutine(member)
}
OF_PAPERS = [
    "fastnn.SGD",
    "fastnn.RMSprop",
    "fastnn.Adam",
    "fastnn.AdamW",
    "fastnn.NAdam",
    "fastnn.Rprop",
    "fastnn.LBFGS",
    "fastnn.BatchNorm",
    "fastnn.Dropout",
    "fastnn.ReLU",
    "fastnn.LeakyReLU",
    "fastnn.ELU",
    "fastnn.SELU",
    "fastnn.GELU",
    "fastnn.SiLU",
    "fastnn.Mish",
    "fastnn.Softplus",
    "fastnn.EarlyStopping",
    "fastnn.estimators.MLPClassifier",
    "fastnn.estimators.MLPRegressor",
    "fastnn.losses.CrossEntropy",
    "fastnn.losses.Huber",
    "fastnn.losses.Pinball",
    "fastnn.initializers.GlorotNormal",
    "fastnn.initializers.GlorotUniform",
    "fastnn.initializers.HeNormal",
    "fastnn.initializers.HeUniform",
    "fastnn.initializers.LeCunNormal",
    "fastnn.initializers.LeCunUniform",
    "fastnn.initializers.Orthogonal",
    "fastnn.schedules.Cosine",
    "fastnn.schedules.CosineRestarts",
    "fastnn.schedules.OneCycle",
    "fastnn.tune.random",
    "fastnn.tune.halving",
    "fastnn.tune.bayesian",
]
"""What somebody has published: the docstring says who and when."""

SECTION = re.compile(r"^(\w[\w ]*)\n-{3,}$", re.MULTILINE)


def sections(thing):
    """Title -> text of a docstring; what stands before the first title is under ""."""
    parts = SECTION.split(inspect.getdoc(thing) or "")
    return {"": parts[0]} | dict(zip(parts[1::2], parts[2::2], strict=True))


def described(text):
    """The names before a colon, or alone, at the margin: ``a, b : int`` tells of two."""
    names = []
    for line in text.splitlines():
        if line[:1].strip():
            names += [name.strip(" *") for name in line.split(" : ")[0].split(",")]
    return set(names)


def arguments(thing):
    """The names that a call takes."""
    try:
        parameters = inspect.signature(thing).parameters.values()
    except (TypeError, ValueError):
        return set()
    return {p.name for p in parameters if p.name != "self"}


def lacking(thing):
    """What a docstring lacks, in words."""
    found = sections(thing)
    told = described(found.get("Parameters", "")) | described(found.get("Attributes", ""))
    lack = [f"parameter {name}" for name in sorted(arguments(thing) - told)]
    if ">>> " not in found.get("Examples", ""):
        lack.append("an example")
    return lack


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_docstring_tells_of_every_parameter_and_has_an_example(name):
    lack = lacking(PUBLIC[name])
    if name in RETURNED:
        lack = [what for what in lack if not what.startswith("parameter")]
    assert lack == []


@pytest.mark.parametrize("name", OF_PAPERS)
def test_a_published_method_has_its_source(name):
    thing = PUBLIC[name]
    assert re.search(r"\b(19|20)\d\d\b", inspect.getdoc(thing)), name


@pytest.mark.parametrize("name", METHODS)
def test_a_public_method_is_described(name):
    assert inspect.getdoc(METHODS[name])


@pytest.mark.parametrize(
    ("text", "lack"),
    [
        ("f.", ["parameter a", "parameter b", "an example"]),
        ("f.\n\nParameters\n----------\na, b : int\n", ["an example"]),
        ("f.\n\nParameters\n----------\na\n\nExamples\n--------\n>>> f(1)\n", ["parameter b"]),
    ],
)
def test_what_lacks_is_found(text, lack):
    def f(a, b): ...

    f.__doc__ = text
    assert lacking(f) == lack


def test_the_reference_lists_what_is_public():
    listed = (Path(__file__).parents[1] / "docs/api/index.rst").read_text(encoding="utf-8")
    names = {f"fastnn.{name}" for name in re.findall(r"^   ([\w.]+)$", listed, re.MULTILINE)}
    missing = {
        name
        for name, thing in PUBLIC.items()
        if name not in names and name not in INNER and f"fastnn.{thing.__name__}" not in names
    }
    assert missing == set()


INNER = {
    "fastnn.losses.Loss",
    "fastnn.initializers.default_for",
    "fastnn.initializers.draw",
    "fastnn.initializers.get",
    "fastnn.schedules.Schedule",
}
"""Bases, and what turns names into objects."""

EXAMPLES = sorted(
    {thing.__module__ for thing in PUBLIC.values() if thing.__module__.startswith("fastnn")}
    | {"fastnn", "fastnn.model.sequential", "fastnn.model.weights", "fastnn.inputs.packages"}
)


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_in_docstrings_run(name, tmp_path, monkeypatch):
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("agg")
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    failed, _ = doctest.testmod(module, optionflags=doctest.ELLIPSIS, verbose=False)
    plt.close("all")
    assert failed == 0


def test_public_names_are_found():
    assert {f"fastnn.{name}" for name in ("Dense", "Sequential", "tune.search")} <= set(PUBLIC)
    assert fastnn.Sequential.fit in METHODS.values()
