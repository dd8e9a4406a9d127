"""The examples run, print what they show, and leave their pictures."""

import ast
import runpy
import sys
import types
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
PRINTED = {
    "first/digits": "validation accuracy after 40 epochs: 9",
    "descent/gradient_descent": "all rows a step:     10 steps, loss 2.",
    "descent/momentum": "momentum 0.7  0.00",
    "descent/rprop": "SGD      ends at +0.000; the gradients sum to 0",
    "descent/adam": "five steps of Adam(0.01): 0.0500",
    "descent/schedules": "one cycle        loss 0.0",
    "layers/initialisation": "all 0.1   1 different units",
    "layers/batchnorm": "never",
    "layers/batchnorm_contours": "the identity: True",
    "layers/batchnorm_places": "a row is predicted alone as among others: True",
    "layers/batchnorm_noise": "shift strong; statistics measured anew: 9",
    "layers/softmax": "[0.842 0.042 0.002 0.114]",
    "layers/decision_boundaries": "6 classes: accuracy 8",
    "layers/embeddings": "the shop as a code    root mean square error 0.",
    "generalisation/overfitting": "overfitting from",
    "generalisation/regularisation": "of the weights are 0",
    "generalisation/metrics": "always no       accuracy 0.9",
    "generalisation/folds": "five folds say 9",
    "generalisation/diagnostics": "strong shift in 597 new rows",
    "tuning/what_matters": "learning_rate (tier 1):",
    "tuning/grid_against_random": "random is better in",
    "tuning/scales": "median of OneMinusLog, exactly: 0.99",
    "tuning/tuning": "accuracy on rows that no trial has seen: 9",
    "tuning/bayesian": "bayesian  best 0.",
    "use/table": "name='income', kind='number'",
    "use/elsewhere": "loaded, the same bits: True",
    "use/cluster": "the same in threads here: True",
    "use/own_parts": "a derivative is wrong",
}


@pytest.mark.parametrize("name", PRINTED)
def test_an_example_runs(name, tmp_path, monkeypatch, capsys):
    matplotlib = pytest.importorskip("matplotlib")
    before = matplotlib.get_backend()
    matplotlib.use("Agg")
    plt = matplotlib.pyplot
    shown = []
    monkeypatch.setattr(plt, "show", lambda: shown.extend(plt.get_fignums()))
    monkeypatch.chdir(tmp_path)
    path = EXAMPLES / f"{name}.py"
    if name == "use/cluster":
        # Its workers are new processes, which run the main module again: it must be this file.
        main = types.ModuleType("__main__")
        main.__file__ = str(path)
        monkeypatch.setitem(sys.modules, "__main__", main)
    try:
        runpy.run_path(str(path), run_name="__main__")
    finally:
        plt.close("all")
        matplotlib.use(before)
    assert PRINTED[name] in capsys.readouterr().out
    assert shown
    assert not list(tmp_path.iterdir())


def test_every_example_is_run_and_has_its_place_in_the_gallery():
    there = {path.relative_to(EXAMPLES).with_suffix("").as_posix() for path in FILES}
    assert there == set(PRINTED)
    order = runpy.run_path(str(ROOT / "docs/gallery_order.py"))["TAUGHT"]
    assert sorted(" ".join(order).split()) == sorted(path.stem for path in FILES)


FILES = sorted(EXAMPLES.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_example_is_a_page_with_a_title(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 80
    title, rule = ast.get_docstring(ast.parse(text)).splitlines()[:2]
    assert rule == "=" * len(title)
