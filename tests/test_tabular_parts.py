"""Predictions and scores of files that are too large for the memory, part by part."""

import os
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("pyarrow")

from sklearn import metrics
from tabular_data import people

from fastnn import TabularModel, cli, load
from fastnn.tabular import TableError, blocks, predicting
from fastnn.tabular.csvfile import WINDOW, read_csv
from fastnn.tabular.scores import Tally, measure
from fastnn.tabular.target import Target

QUICK = {"max_iter": 3}
SILENT = 0
"""A class whose rows weigh nothing."""
COPIES = 40


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Files of many rows, a model of each of its targets, and limits so low that they are large."""
    import pandas as pd

    monkeypatch.chdir(tmp_path)
    pd.concat([pd.DataFrame(people())] * COPIES).to_csv("t.csv", index=False)
    for target in ("buys", "spent"):
        TabularModel(target, settings=QUICK).fit(people()).save(f"{target}.safetensors")
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 1 << 15)
    monkeypatch.setattr(predicting, "LEAST_ROWS", 7)
    return tmp_path


@pytest.fixture
def large(monkeypatch):
    def begin():
        monkeypatch.setattr(blocks, "LARGE", 1 << 16)

    return begin


def predicted(*words):
    assert cli.main(["predict", *words, "t.csv", "--out", "p.csv"]) == 0
    with open("p.csv", "rb") as file:
        return file.read()


@pytest.mark.parametrize(
    "words", [["buys.safetensors"], ["buys.safetensors", "--proba"], ["spent.safetensors"]]
)
def test_a_file_in_parts_is_predicted_as_a_whole_one(files, large, words):
    whole = predicted(*words)
    assert whole.count(b"\n") == 240 * COPIES + 1
    large()
    assert len(list(blocks.blocks("t.csv"))) > 3
    assert predicted(*words) == whole
    model = load(words[0])
    np.testing.assert_array_equal(model.predict("t.csv")[-240:], model.predict(people()))


@pytest.mark.parametrize("place", ["p.csv", "-"])
def test_a_broken_row_deep_in_the_file_leaves_all_as_it_was(files, large, capsysbinary, place):
    large()
    (files / "p.csv").write_text("what was there")
    with open("t.csv", "a") as file:
        file.write("1,2\n")
    before = sorted(os.listdir())
    assert cli.main(["predict", "buys.safetensors", "t.csv", "--out", place]) == 2
    out, err = capsysbinary.readouterr()
    assert out == b""
    assert b"t.csv: a row after row" in err
    assert err.count(b"\n") == 1
    assert sorted(os.listdir()) == before
    assert (files / "p.csv").read_text() == "what was there"


def test_a_missing_column_is_named_before_anything_is_written(files, large, capsys):
    large()
    with open("t.csv") as file:
        text = file.read()
    (files / "other.csv").write_text(text.replace("age", "years", 1))
    assert cli.main(["predict", "buys.safetensors", "other.csv", "--out", "p.csv"]) == 2
    assert "other.csv lacks the column age" in capsys.readouterr().err
    assert not (files / "p.csv").exists()


@pytest.mark.parametrize("target", ["buys", "spent"])
def test_scores_in_parts_are_those_of_all_rows(files, large, target):
    model = load(f"{target}.safetensors")
    whole = model.evaluate("t.csv")
    large()
    found = model.evaluate("t.csv")
    assert found.keys() == whole.keys()
    for name, value in whole.items():
        assert found[name] == pytest.approx(value, rel=1e-4 if name == "roc_auc" else 1e-9)
    with open("t.csv") as file:
        head, *rows = file.read().splitlines()
    at = head.split(",").index(target)
    cells = [row.split(",") for row in rows]
    for row in cells:
        row[at] = ""
    (files / "none.csv").write_text("\n".join([head, *map(",".join, cells)]) + "\n")
    with pytest.raises(TableError, match=r"none\.csv has no row with a target"):
        model.evaluate("none.csv")


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("classes", [0, 2, 3])
def test_a_tally_of_parts_measures_what_all_rows_do(classes, weighted):
    rng = np.random.default_rng(classes)
    n = 3000
    weight = rng.integers(0, 4, n).astype(float) if weighted else None
    if classes:
        target = Target("y", "classification", "", tuple("abc"[:classes]))
        outputs = rng.dirichlet(np.ones(classes) / 3, n)
        y = np.where(rng.random(n) < 0.5, outputs.argmax(axis=1), rng.integers(0, classes, n))
    else:
        target, y = Target("y", "regression", ""), 1e6 + rng.normal(size=n)
        outputs = y + rng.normal(size=n)
    if weighted and classes == 3:
        weight[y == SILENT] = 0
    tally = Tally(target)
    for part in np.split(np.arange(n), [1, 700, 700, 2500]):
        tally.add(y[part], outputs[part], None if weight is None else weight[part])
    right = by_sklearn(classes, y, outputs, weight)
    for found in measure(target, y, outputs, weight), tally.scores():
        assert found.keys() == right.keys()
        for name, value in right.items():
            assert found[name] == pytest.approx(
                value, rel=1e-9, abs=1e-5 if "roc" in name else 1e-9
            )


def by_sklearn(classes, y, outputs, weight):
    w = {"sample_weight": weight}
    if not classes:
        return {"r2": metrics.r2_score(y, outputs, **w),
                "rmse": metrics.root_mean_squared_error(y, outputs, **w),
                "mae": metrics.mean_absolute_error(y, outputs, **w)}  # fmt: skip
    chosen = outputs.argmax(axis=1)
    each = np.ones(len(y)) if weight is None else weight
    recalls = []
    for k in range(classes):
        own = y == k
        weights = each[own] if each[own].any() else None
        recalls.append(np.average(chosen[own] == k, weights=weights))
    right = {
        "accuracy": metrics.accuracy_score(y, chosen, **w),
        "balanced_accuracy": np.mean(recalls),
        "log_loss": metrics.log_loss(y, outputs, labels=range(classes), **w),
    }
    if classes == 2:
        right["roc_auc"] = metrics.roc_auc_score(y, outputs[:, 1], **w)
    return right


def test_of_many_classes_the_outputs_are_not_kept(monkeypatch):
    rng = np.random.default_rng(0)
    y = np.resize(np.arange(700), 2100)
    table = {
        "a": y + rng.normal(size=2100),
        "b": rng.normal(size=2100),
        "y": np.char.add("c", y.astype(str)),
    }
    sizes = []
    real = predicting.answers

    def noted(model, rows):
        for part in real(model, rows):
            sizes.append(part.size)
            yield part

    monkeypatch.setattr(predicting, "answers", noted)
    monkeypatch.setattr(predicting, "outputs", None)
    model = TabularModel("y", settings={"hidden_layer_sizes": (4,), "max_iter": 1}).fit(table)
    assert sum(sizes) == 700 * len(model.held_out_)
    assert max(sizes) <= predicting.CELLS
    assert model.scores_.keys() == {"accuracy", "balanced_accuracy", "log_loss"}


def test_a_class_whose_rows_weigh_nothing_has_no_rank():
    target = Target("y", "classification", "", ("a", "b"))
    y, outputs = np.array([0, 0, 1]), np.array([[0.7, 0.3], [0.2, 0.8], [0.4, 0.6]])
    for weight, ranked in (None, True), (np.array([1.0, 1.0, 0.0]), False):
        tally = Tally(target)
        tally.add(y, outputs, weight)
        whole, found = measure(target, y, outputs, weight), tally.scores()
        assert ("roc_auc" in whole) == ("roc_auc" in found) == ranked
        assert all(map(np.isfinite, (*whole.values(), *found.values())))


def test_what_is_looked_for_in_a_file_is_found_where_two_windows_meet():
    for text in (", ", " ,"):
        line = b"x" * (WINDOW - 8 - 1) + text.encode()
        table = read_csv(b"a,b,c\n1," + line + b"2\n" + b"1,2,3\n" * 20, "t.csv")
        assert table.data.column("c")[0].as_py() == "2"
        assert table.data.column("b")[0].as_py()[-1] == "x"


MEASURE = """
import pyarrow
from fastnn import TabularModel, cli
from fastnn.tabular import blocks, sample, windows

def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) >> 10

blocks.LARGE, blocks.BLOCK_BYTES = 1 << 16, 1 << 18
sample.SAMPLE, windows.WINDOW_BYTES = 2000, 1 << 18
settings = {"hidden_layer_sizes": (8,), "max_iter": 2}
for name in ("few.csv", "many.csv"):
    model = TabularModel("y", columns={"note": "drop"}, settings=settings).fit(name)
    model.save("m.safetensors")
    assert cli.main(["predict", "m.safetensors", name, "--out", "p.csv"]) == 0
    assert cli.main(["evaluate", "m.safetensors", name]) == 0
    with open("peaks", "a") as file:
        print(peak(), pyarrow.default_memory_pool().max_memory() >> 20, file=file)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="it says what was resident")
def test_the_memory_does_not_grow_with_the_file(tmp_path):
    """What a process had at most, and Arrow in it, after a file of 1 MB and after one of 40 MB.

    Read at once, the latter takes 190 MB more, and Arrow 117.
    """
    rng = np.random.default_rng(0)
    rows = "".join(
        f"{x:.4f},{'no' if x < 0 else 'yes'},{'x' * 500}\n" for x in rng.normal(size=2000)
    )
    (tmp_path / "few.csv").write_text("a,y,note\n" + rows)
    (tmp_path / "many.csv").write_text("a,y,note\n" + 40 * rows)
    subprocess.run([sys.executable, "-c", MEASURE], check=True, cwd=tmp_path)
    few, _, many, arrow = map(int, (tmp_path / "peaks").read_text().split())
    assert many - few < 95
    assert arrow < 30
