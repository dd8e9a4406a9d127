"""The house: imports point down only, from folder to folder, and a few rules for every file."""

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HOUSE = ROOT / "fastnn"

FLOORS = [
    "kernels.machine kernels.codes",
    "kernels.math",
    "kernels.loop kernels",
    "inputs",
    "layers losses optimizers schedules initializers metrics history datasets",
    "files",
    "callbacks",
    "engine",
    "training",
    "export",
    "model",
    "plotting",
    "estimators session diagnostics",
    "tune",
    "tabular",
    "cli loading __main__ __init__",
]
"""Folders and files of the root, and the rooms of the kernels, the lowest first."""
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms.split()}
ENTRIES = 27

FILES = sorted(HOUSE.rglob("*.py"))
ALL_FILES = FILES + sorted(
    path for folder in ("tests", "benchmarks", "examples") for path in (ROOT / folder).rglob("*.py")
)
MAX_LINES = 330


def named(path):
    return path.relative_to(ROOT).as_posix()


each_file = pytest.mark.parametrize("path", FILES, ids=named)


def module_of(path):
    """fastnn/tune/__init__.py -> ("fastnn", "tune"); fastnn/cli.py -> ("fastnn", "cli")."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def exists(module):
    path = ROOT.joinpath(*module)
    return path.is_dir() or path.with_suffix(".py").is_file()


def floor_of(module):
    """The floor of a module's room; of a room that nobody has placed, none."""
    rooms = ".".join(module[1:3]), *module[1:2], "__init__"
    return FLOOR_OF[next(room for room in rooms if room in FLOOR_OF)]


def imports(path, tree):
    """(line, module) of each import from fastnn, wherever in the file it stands."""
    package = module_of(path) if path.name == "__init__.py" else module_of(path)[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                module = tuple(alias.name.split("."))
                if module[0] == "fastnn":
                    yield node.lineno, module
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            base += tuple(node.module.split(".")) if node.module else ()
            if base[0] == "fastnn":
                for alias in node.names:
                    module = (*base, alias.name)
                    yield node.lineno, module if exists(module) else base


def upward(path, source):
    """The imports of `source`, were it the text of `path`, that point up."""
    own = floor_of(module_of(path))
    return [
        f"{named(path)}:{line} (floor {own}) imports {'.'.join(module)} (floor {floor_of(module)})"
        for line, module in imports(path, ast.parse(source))
        if floor_of(module) > own
    ]


def fastmath_settings(source):
    """(line, whether by name) of each place that sets fastmath."""
    for node in ast.walk(ast.parse(source)):
        pairs = []
        if isinstance(node, ast.keyword):
            pairs = [(node.arg, node.value)]
        elif isinstance(node, ast.Dict):
            pairs = [
                (getattr(k, "value", None), v) for k, v in zip(node.keys, node.values, strict=True)
            ]
        for name, value in pairs:
            if name == "fastmath":
                yield value.lineno, isinstance(value, ast.Name | ast.Attribute)


def test_the_root_holds_what_a_user_names_and_what_carries_it():
    entries = {path.name.removesuffix(".py") for path in HOUSE.iterdir()} - {"__pycache__"}
    assert entries == {r for r in FLOOR_OF if "." not in r} | {"py.typed"}
    assert len(entries) <= ENTRIES


@each_file
def test_imports_point_down_only(path):
    assert upward(path, path.read_text(encoding="utf-8")) == []


def test_the_way_from_fit_to_the_product_can_be_read_in_one_evening():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = re.findall(r"^(fastnn/\S+\.py) +(\d+)  ", text, re.MULTILINE)
    lengths = [len((ROOT / name).read_text(encoding="utf-8").splitlines()) for name, _ in rows]
    assert 2 <= len(rows) <= 9
    assert sum(lengths) <= 1400
    assert all(abs(int(told) - found) <= 15 for (_, told), found in zip(rows, lengths, strict=True))


def test_no_two_files_import_each_other():
    """By any way round; the doors of packages, which import what they hold, apart."""
    arrows = {
        module_of(path): {
            module
            for _, module in imports(path, ast.parse(path.read_text(encoding="utf-8")))
            if module != module_of(path)
        }
        for path in FILES
    }
    order = TopologicalSorter(arrows)
    order.prepare()  # raises CycleError, which names the circle


@each_file
def test_nothing_is_checked_with_assert(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    lines = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    assert lines == [], f"{named(path)}: python -O removes assert; raise an error instead"


@each_file
def test_fastmath_is_decided_in_the_kernels_by_name(path):
    found = list(fastmath_settings(path.read_text(encoding="utf-8")))
    if module_of(path)[1:2] == ("kernels",):
        found = [(line, is_name) for line, is_name in found if not is_name]
    assert found == [], f"{named(path)}: use the decorators of fastnn.kernels"


def test_the_sets_of_fastmath_flags_are_written_once():
    flags = {"fast", "nnan", "ninf", "nsz", "arcp", "contract", "afn", "reassoc"}
    homes = set()
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            elements = node.elts if isinstance(node, ast.Set) else []
            if elements and {getattr(e, "value", None) for e in elements} <= flags:
                homes.add(named(path))
    assert len(homes) <= 1


@pytest.mark.parametrize("path", ALL_FILES, ids=named)
def test_a_file_fits_one_sitting(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


@pytest.mark.parametrize(
    "source",
    [
        "import fastnn.model.sequential",
        "import numpy, fastnn.tune.search as s",
        "from fastnn.training import fit",
        "from fastnn import model",
        "from fastnn import Sequential",
        "import fastnn",
        "from .model import Sequential",
        "from . import cli",
        "def f():\n    from fastnn.session import Session",
        "if TYPE_CHECKING:\n    from fastnn.engine.plan import Plan",
    ],
)
def test_an_upward_import_is_found(source):
    assert len(upward(HOUSE / "layers.py", source)) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("layers.py", "from fastnn.kernels import codes\nfrom .initializers import HeNormal"),
        ("layers.py", "import numpy as np\nfrom fastnnx.model import y"),
        ("kernels/math/dense.py", "from ..machine.jit import kernel\nfrom .. import codes"),
        ("tune/search.py", "from ..model import Sequential\nfrom . import space"),
        ("__init__.py", "from .model import Sequential\nfrom fastnn import tune"),
        ("__main__.py", "import fastnn\nfrom fastnn.cli import main"),
    ],
)
def test_a_downward_import_is_let_through(path, source):
    assert upward(HOUSE / path, source) == []


def test_a_relative_import_from_a_kernel_is_resolved():
    assert len(upward(HOUSE / "kernels/math/dense.py", "from ...layers import Dense")) == 1


def test_a_room_of_the_kernels_does_not_look_up():
    assert (
        len(upward(HOUSE / "kernels/machine/jit.py", "from fastnn.kernels.math import dense")) == 1
    )


def test_literal_fastmath_is_found():
    lines = ["njit(fastmath=True)(f)", "flags = {'fastmath': {'nsz'}}", "njit(fastmath=jit.FAST)"]
    assert sorted(fastmath_settings("\n".join(lines))) == [(1, False), (2, False), (3, True)]
