"""A small mutator: one change in one file, and whether tests notice.

``python tests/mutation.py codec 30`` tries 30 mutants and prints those that live.
"""

import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SUBJECTS = {
    "codec": (
        ["fastnn/files/persistence.py", "fastnn/files/forms.py", "fastnn/files/specs.py",
         "fastnn/files/texts.py", "fastnn/model/loading.py", "fastnn/model/saving.py",
         "fastnn/estimators/loading*.py", "fastnn/estimators/saving.py",
         "fastnn/tabular/loading.py", "fastnn/tabular/portrait.py"],
        ["tests/test_forms.py", "tests/test_headers.py", "tests/test_persistence.py",
         "tests/test_saving.py", "tests/test_saving_more.py", "tests/test_feature_names.py",
         "tests/test_estimators_saving.py", "tests/test_estimators_beside.py",
         "tests/test_tabular.py", "tests/test_compatibility.py", "tests/test_crafted_files.py"],
    ),
    "kernels": (
        ["fastnn/kernels/math/*.py", "fastnn/kernels/loop/chunks.py",
         "fastnn/kernels/loop/tiles.py", "fastnn/kernels/loop/interpreter.py",
         "fastnn/kernels/loop/objective.py"],
        ["tests/test_ops.py", "tests/test_batchnorm.py", "tests/test_optimizers.py",
         "tests/test_softmax.py", "tests/test_functions.py", "tests/test_determinism.py"],
    ),
    "limits": (
        ["fastnn/engine/limits.py"],
        ["tests/test_ops.py", "tests/test_prediction_rows.py", "tests/test_proof_bounds.py"],
    ),
}  # fmt: skip
OTHERS: dict = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip


def places(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """What can be changed: operators, comparisons, numbers, conditions, whole statements.

    Not what a sentence says, and no annotations.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp | ast.BoolOp | ast.AugAssign) and type(node.op) in OTHERS:
            yield node, "operator"
        elif isinstance(node, ast.Compare) and type(node.ops[0]) in OTHERS:
            yield node, "comparison"
        elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
            yield node, "number"
        elif isinstance(node, ast.If | ast.While):
            yield node, "condition"
        elif isinstance(node, ast.Raise) or (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
        ):
            yield node, "statement"


def changed(source: str, choice: random.Random) -> tuple[str, str]:
    """A source with one change, and what it is."""
    tree = ast.parse(source)
    node, kind = choice.choice(list(places(tree)))
    line, before = node.lineno, ast.unparse(node).splitlines()[0]
    if kind == "operator":
        node.op = OTHERS[type(node.op)]()
    elif kind == "comparison":
        node.ops[0] = OTHERS[type(node.ops[0])]()
    elif kind == "number":
        node.value += choice.choice([1, -1])
    elif kind == "condition":
        node.test = ast.UnaryOp(ast.Not(), node.test)
    else:
        drop(tree, node)
    after = "dropped" if kind == "statement" else ast.unparse(node).splitlines()[0]
    return ast.unparse(ast.fix_missing_locations(tree)), f"line {line}: {before} -> {after}"


def drop(tree: ast.AST, node: ast.AST) -> None:
    for parent in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            body = getattr(parent, name, None)
            if isinstance(body, list) and node in body:
                body[body.index(node)] = ast.Pass()


def survivors(subject: str, count: int, seed: int = 0, seconds: float = 1200) -> list[str]:
    """The mutants that no test notices; one that takes very long is noticed."""
    patterns, tests = SUBJECTS[subject]
    choice, lived = random.Random(seed), []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        ignored = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache")
        shutil.copytree(ROOT, copy, ignore=ignored)
        files = sorted(p for pattern in patterns for p in copy.glob(pattern))
        cache = {} if subject != "kernels" else {"FASTNN_CACHE_DIR": str(Path(folder) / "cache")}
        for _ in range(count):
            path = choice.choices(files, [p.stat().st_size for p in files])[0]
            source = path.read_text(encoding="utf-8")
            mutant, told = changed(source, choice)
            path.write_text(mutant, encoding="utf-8")
            nearest = sorted(tests, key=lambda test: path.stem not in test)
            command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
            try:
                done = subprocess.run(
                    command + nearest, cwd=copy, capture_output=True, timeout=seconds,
                    env=os.environ | {"PYTHONPATH": str(copy)} | cache,
                )  # fmt: skip
                if done.returncode == 0:
                    lived.append(f"{path.relative_to(copy)} {told}")
                    print(lived[-1], flush=True)
            except subprocess.TimeoutExpired:
                pass
            finally:
                path.write_text(source, encoding="utf-8")
    return lived


if __name__ == "__main__":
    name, number = sys.argv[1], int(sys.argv[2])
    left = survivors(name, number, int(sys.argv[3]) if len(sys.argv) > 3 else 0)
    print(f"{number - len(left)} of {number} killed")
