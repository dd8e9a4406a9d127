"""Files that are too large for the memory: read in parts, and said so."""

import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("pyarrow")

from fastnn import TabularModel, cli, load
from fastnn.tabular import TableError, blocks, large, sample, windows
from fastnn.tabular.blocks import blocks as parts_of

SMALL = {"hidden_layer_sizes": (16,), "max_iter": 6}


def write(path, rows, seed=0):
    """A file whose rows are sorted by class: their order must not matter."""
    rng = np.random.default_rng(seed)
    X, town = rng.normal(size=(rows, 3)), rng.choice(["Bonn", "K\u00f6ln", "Ulm"], rows)
    y = np.where(X[:, 0] + (town == "Ulm") > 0.3, "yes", "no")
    order = np.argsort(y)
    lines = [f"{a:.4f},{b:.4f},{c:.4f},{t},{k}"
             for (a, b, c), t, k in zip(X[order], town[order], y[order], strict=True)]  # fmt: skip
    path.write_text("\n".join(["a,b,c,town,y", *lines]) + "\n")
    return path


@pytest.fixture
def small(monkeypatch):
    """Limits so low that a small file is a large one."""
    monkeypatch.setattr(blocks, "LARGE", 1 << 16)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 1 << 14)
    monkeypatch.setattr(sample, "SAMPLE", 1000)
    monkeypatch.setattr(windows, "WINDOW_BYTES", 1 << 16)


def test_all_rows_go_through_the_network(small, tmp_path):
    path = write(tmp_path / "t.csv", 8000)
    model = TabularModel("y", settings=SMALL).fit(path)
    assert model.notes_[-1] == (
        "the file is too large for one go: of its 8,000 rows 640, drawn at random, taught a first "
        "network, and 7,640 of 7,640 then went through it from a copy on the disk"
    )
    assert model.n_rows_ == 7640
    assert len(model.held_out_) == 200
    other = write(tmp_path / "other.csv", 1000, seed=1)
    assert model.evaluate(other)["accuracy"] > 0.95
    again = TabularModel("y", settings=SMALL).fit(path)
    np.testing.assert_array_equal(again.predict_proba(other), model.predict_proba(other))


def test_the_sample_is_drawn_from_all_of_the_file(small, tmp_path):
    path = write(tmp_path / "t.csv", 8000)
    table, rows, words = sample.draw_sample(path, "y", 0)
    assert (len(table), rows, words) == (1000, 8000, ["no", "yes"])
    assert np.all(np.diff(table.numbers) > 0)
    assert 3500 < np.median(table.numbers) < 4500
    some = sample.rows_of(path, table.numbers[[5, 2]])
    assert some.data.to_pylist() == table.data.take([2, 5]).to_pylist()


def test_rows_held_out_are_seen_by_nothing(small, tmp_path):
    path = write(tmp_path / "t.csv", 4000)
    model = TabularModel("y", settings=SMALL).fit(path)
    lines = path.read_text().splitlines()
    for row in model.held_out_:
        lines[row + 1] = "9.0000,9.0000,9.0000,Nowhere," + lines[row + 1].rsplit(",", 1)[1]
    path.write_text("\n".join(lines) + "\n")
    other = TabularModel("y", settings=SMALL).fit(path)
    np.testing.assert_array_equal(other.held_out_, model.held_out_)
    whole = write(tmp_path / "other.csv", 500, seed=1)
    np.testing.assert_array_equal(other.predict_proba(whole), model.predict_proba(whole))


def test_strays_and_weights_of_all_rows_count(small, tmp_path):
    path = write(tmp_path / "t.csv", 4000)
    lines = path.read_text().splitlines()
    rows = [f"{line},{int(line.endswith('yes'))}" for line in lines[1:]]
    held_out = TabularModel("y", settings=SMALL).fit(path).held_out_
    stray = next(k for k in range(3999, 0, -1) if k not in held_out)
    rows[stray] = "none at all," + rows[stray].split(",", 1)[1]
    path.write_text("\n".join([lines[0] + ",w", *rows]) + "\n")
    columns = {"a": "number"}
    model = TabularModel("y", sample_weight="w", columns=columns, settings=SMALL).fit(path)
    # Of the other class all rows have the weight 0.
    assert set(model.predict(path)) == {"yes"}
    assert '1 values of column "a" are no numbers, and taken for missing' in model.notes_


def test_a_regression_in_parts(small, tmp_path):
    path = write(tmp_path / "t.csv", 4000)
    lines = [f"{line},{2 * float(line.split(',')[0]):.3f}" for line in path.read_text().split()[1:]]
    path.write_text("\n".join(["a,b,c,town,y,z", *lines]) + "\n")
    model = TabularModel("z", settings=SMALL).fit(path)
    assert model.target_.task == "regression"
    assert model.scores_["r2"] > 0.9


def test_the_learning_rate_falls_until_the_last_batch(small, tmp_path, monkeypatch):
    path, told, seen = write(tmp_path / "t.csv", 8000), [], []

    class Noted(windows.Copy):
        def windows(self, rng):
            told.append(self.steps())
            for window in super().windows(rng):
                seen.append(-(-len(window) // windows.BATCH))
                yield window

    monkeypatch.setattr(large, "Copy", Noted)
    TabularModel("y", settings=SMALL).fit(path)
    assert told == [sum(seen)]
    assert told[0] > 8000 // windows.BATCH


def test_a_broken_row_deep_in_the_file(small, tmp_path):
    path = write(tmp_path / "t.csv", 4000)
    with open(path, "a") as file:
        file.write("1,2\n")
    with pytest.raises(TableError, match=r"t\.csv: a row after row \d+ has 2 cells, the table 5"):
        TabularModel("y").fit(path)
    path.write_bytes(path.read_bytes().decode().encode("utf-16"))
    with pytest.raises(TableError, match="compressed or UTF-16"):
        TabularModel("y").fit(path)


def test_another_encoding_in_parts(small, tmp_path):
    path = write(tmp_path / "t.csv", 3000)
    path.write_bytes(path.read_text().encode("latin-1"))
    tables = list(parts_of(path))
    assert len(tables) > 3
    assert "K\u00f6ln" in tables[-1].data.column("town").to_pylist()
    assert "read as cp1252" in tables[0].notes[0]


def test_the_command_trains_and_reports(small, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "t.csv", 4000)
    words = ["train", "t.csv", "--target", "y", "--layers", "16", "--report", "r.html"]
    assert cli.main([*words, "--seconds", "5"]) == 0
    assert "the file is too large for one go" in capsys.readouterr().out
    assert "scores on 200 others" in (tmp_path / "r.html").read_text()
    assert load("model.safetensors").members_


MEASURE = """
import resource, sys
from fastnn import TabularModel, cli
path = sys.argv[1]
saved, predictions = path + ".safetensors", path + ".predictions.csv"
settings = {"hidden_layer_sizes": (16,), "max_iter": 2}
model = TabularModel("y", settings=settings).fit(path)
model.save(saved)
assert cli.main(["predict", saved, path, "--out", predictions]) == 0
accuracy = model.evaluate(path)["accuracy"]
with open(predictions, "rb") as file:
    rows = sum(1 for _ in file)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10, accuracy, rows)
"""


@pytest.mark.nightly
def test_five_gigabytes_within_one_and_a_half(tmp_path):
    path = write(tmp_path / "part.csv", 1_000_000)
    head, _, rows = path.read_text().partition("\n")
    with open(tmp_path / "t.csv", "w") as file:
        file.write(head + "\n")
        while file.tell() < 5e9:
            file.write(rows)
    command = [sys.executable, "-c", MEASURE, str(tmp_path / "t.csv")]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert int(found[0]) < 1500
    assert float(found[1]) > 0.97
    with open(tmp_path / "t.csv", "rb") as file:
        assert int(found[2]) == sum(1 for _ in file)
