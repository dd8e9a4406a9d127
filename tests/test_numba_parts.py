"""What is used of Numba's undocumented parts is there, as it is used; else the version is named."""

import ast
import inspect
from pathlib import Path

import numba
import pytest

import fastnn
from fastnn.kernels.machine import numba_parts

HOUSE = Path(fastnn.__file__).parent
VERSION = f"changed in Numba {numba.__version__}"

METHODS = {
    "JITCodeLibrary": {
        "_optimize_functions": ["self", "ll_module"],
        "_get_module_for_linking": ["self"],
        "_raise_if_finalized": ["self"],
        "add_linking_library": ["self", "library"],
        "finalize": ["self"],
        "get_pointer_to_function": ["self", "name"],
    },
    "Compiler": {"compile_extra": ["self", "func"], "define_pipelines": ["self"]},
    "Lower": {
        "incref": ["self", "typ", "val"],
        "decref": ["self", "typ", "val"],
        "debug_print": ["self", "msg"],
    },
    "Dispatcher": {"get_call_template": ["self", "args", "kws"], "compile": ["self", "sig"]},
}

PASSES = [
    "TranslateByteCode", "FixupArgs", "IRProcessing", "RewriteSemanticConstants", "GenericRewrites",
    "ReconstructSSA", "NopythonTypeInference", "PreLowerStripPhis", "NativeLowering",
    "NoPythonBackend",
]  # fmt: skip


@pytest.mark.parametrize("kind", METHODS)
def test_methods_have_their_arguments(kind):
    for name, expected in METHODS[kind].items():
        found = list(inspect.signature(getattr(getattr(numba_parts, kind), name)).parameters)
        assert found == expected, f"{kind}.{name} {VERSION}"


@pytest.mark.parametrize("name", PASSES)
def test_a_pass_stands_alone(name):
    made = getattr(numba_parts, name)()
    assert list(inspect.signature(made.run_pass).parameters) == ["state"], f"{name} {VERSION}"


def test_numbas_own_list_has_our_passes_in_our_order():
    compiler = numba_parts.Compiler
    source = inspect.getsource(inspect.getmodule(compiler).DefaultPassBuilder)
    # One builder a stage: the order within each.
    for stage in (PASSES[:6], PASSES[6:8], PASSES[8:]):
        places = [source.find(f"add_pass({name},") for name in stage]
        assert -1 not in places, f"the passes {VERSION}"


def test_a_function_says_what_it_is_compiled_for():
    @numba.njit
    def double(x):
        return 2 * x

    assert isinstance(double, numba_parts.Dispatcher), VERSION
    assert double._can_compile is True, VERSION
    assert dict(double.overloads) == {}, VERSION
    assert isinstance(double.targetoptions, dict), VERSION
    assert callable(double.typingctx.can_convert), VERSION


def private_imports(source):
    """Modules of Numba that are not for its users, with the names taken of them."""
    public = {"numba", "numba.extending"}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "numba":
            if node.module not in public and [n.name for n in node.names] != ["cgutils"]:
                yield node.module
        elif isinstance(node, ast.Import):
            yield from (n.name for n in node.names if n.name.startswith("numba."))


def test_one_file_imports_them():
    found = {
        path.relative_to(HOUSE).as_posix()
        for path in HOUSE.rglob("*.py")
        if any(private_imports(path.read_text(encoding="utf-8")))
    }
    assert found == {"kernels/machine/numba_parts.py"}


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("from numba.core import cgutils", 0),
        ("from numba import njit\nimport numba", 0),
        ("from numba.core.lowering import Lower", 1),
        ("import numba.core.compiler", 1),
        ("from numba.core import compiler", 1),
    ],
)
def test_a_private_import_is_found(source, count):
    assert len(list(private_imports(source))) == count
