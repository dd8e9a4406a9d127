"""What is imported, and when: a name when it is asked for, a compiler to compile."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import fastnn

ROOT = Path(__file__).resolve().parents[1]


def loaded_after(script):
    """The modules of a new process that has run a script."""
    script += "\nimport sys\nprint(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_importing_imports_neither_numpy_nor_a_compiler():
    assert not loaded_after("import fastnn") & {"numpy", "scipy", "numba", "llvmlite"}


def test_importing_loads_few_modules():
    """Counted, for seconds depend on the machine: 33 and 142 on Python 3.11, 63 and 214 before."""
    assert len(loaded_after("import fastnn") - loaded_after("")) <= 45
    more = loaded_after("from fastnn import Sequential") - loaded_after("import numpy")
    assert len(more) <= 165
    assert not more & {"fastnn.schedules", "fastnn.model.saving", "subprocess", "tempfile"}


def test_no_public_name_loads_a_compiler():
    names = "import fastnn; [getattr(fastnn, name) for name in dir(fastnn)]"
    estimators = "from fastnn.estimators import MLPClassifier, MLPRegressor"
    assert not loaded_after(f"{names}\n{estimators}") & {"numba", "llvmlite"}


TRAIN = """
import fastnn
from fastnn import Dense, ReLU, Sequential, Softmax
fastnn.warmup()
X, y = fastnn.datasets.load_digits()
model = Sequential([Dense(8), ReLU(), Dense(10), Softmax()], seed=0)
model.compile(metrics=["accuracy"])
model.fit(X, y, epochs=2, validation_split=0.2, verbose=0)
model.predict(X[:5])
"""


def test_training_with_kernels_at_hand_imports_no_compiler_and_no_scipy():
    fastnn.warmup()
    found = loaded_after(TRAIN) & {"scipy", "numba", "matplotlib", "sklearn", "safetensors"}
    assert not found


@pytest.mark.parametrize("name", dir(fastnn))
def test_every_public_name_is_found(name):
    assert getattr(fastnn, name) is not None


def test_a_star_import_needs_no_extras():
    extras = "sklearn", "pandas", "polars", "pyarrow", "matplotlib", "onnx", "optuna"
    block = f"import sys; sys.modules.update(dict.fromkeys({extras}))"
    names = "import fastnn; from fastnn import *; assert set(fastnn.__all__) <= set(globals())"
    subprocess.run([sys.executable, "-c", f"{block}; {names}"], check=True)


def test_tools_that_read_the_source_see_the_same_names():
    tree = ast.parse((ROOT / "fastnn/__init__.py").read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {
        f"{node.module}.{alias.name}".removeprefix("fastnn.")
        for node in block.body
        for alias in node.names
    }
    lazy = {f"{home}.{name}" for name, home in fastnn._HOMES.items()}
    packages = set(dir(fastnn)) - set(fastnn._HOMES) - {"__version__"}
    assert seen == lazy | packages


def test_a_name_that_does_not_exist():
    with pytest.raises(AttributeError, match="no attribute 'Desne'; did you mean \"Dense\""):
        _ = fastnn.Desne


def test_the_demo_with_kernels_at_hand_imports_no_compiler(tmp_path):
    fastnn.warmup()
    script = (
        "from fastnn import cli\n"
        f"cli.main(['demo', '--epochs', '1', '--output', {str(tmp_path / 'none' / 'x.png')!r}])"
    )
    assert "numba" not in loaded_after(script)
