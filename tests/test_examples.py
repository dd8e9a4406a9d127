"""The examples run, print what they show, and leave their pictures."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
PRINTED = {
    "digits": "validation accuracy after 40 epochs: 9",
    "decision_boundaries": "6 classes: accuracy 8",
    "batchnorm": "never",
    "own_parts": "a derivative is wrong",
    "diagnostics": "strong shift in 597 new rows",
    "tuning": "accuracy on rows that no trial has seen: 9",
    "grid_against_random": "random is better in",
}
PICTURES = {"digits", "decision_boundaries", "batchnorm", "tuning", "grid_against_random"}


@pytest.mark.parametrize("name", PRINTED)
def test_an_example_runs(name, tmp_path, monkeypatch, capsys):
    matplotlib = pytest.importorskip("matplotlib")
    before = matplotlib.get_backend()
    matplotlib.use("Agg")
    monkeypatch.chdir(tmp_path)
    try:
        runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    finally:
        matplotlib.pyplot.close("all")
        matplotlib.use(before)
    assert PRINTED[name] in capsys.readouterr().out
    made = {path.name for path in tmp_path.iterdir()}
    assert made == ({f"{name}.png"} if name in PICTURES else set())


def test_every_example_is_run_and_described():
    names = {path.stem for path in EXAMPLES.glob("*.py")}
    described = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert names == set(PRINTED)
    assert all(f"{name}.py" in described for name in names)
