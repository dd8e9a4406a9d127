"""The commands for tables: files in, files out, one line for a mistake, exit codes."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

pytest.importorskip("pyarrow")

from tabular_data import people

import fastnn
from fastnn import TabularModel, cli
from fastnn.estimators import MLPClassifier
from fastnn.estimators.callbacks import Watch
from fastnn.estimators.stochastic import Rules
from fastnn.tabular.search import tuned

QUICK = {"max_iter": 12}


@pytest.fixture
def files(tmp_path, monkeypatch):
    import pandas as pd

    monkeypatch.chdir(tmp_path)
    table = people()
    del table["spent"]
    pd.DataFrame(table).to_csv("people.csv", index=False)
    return tmp_path


def test_from_a_file_to_predictions_in_two_commands(files, capsys):
    words = ["train", "people.csv", "--target", "buys", "--seconds", "20", "--layers", "16,8"]
    assert cli.main([*words, "--report", "report.html"]) == 0
    out = capsys.readouterr().out
    assert "age   number" in out
    assert "on rows held out: accuracy" in out
    page = (files / "report.html").read_text()
    assert page.startswith("<!DOCTYPE html>")
    assert "fastnn train people.csv --target buys --seed 0 --seconds 20 --layers 16,8" in page
    assert cli.main(["predict", "model.safetensors", "people.csv", "--out", "p.csv"]) == 0
    lines = (files / "p.csv").read_text().splitlines()
    assert lines[0] == '"buys"'
    assert set(lines[1:]) == {'"yes"', '"no"'}
    assert len(lines) == 241
    assert cli.main(["evaluate", "model.safetensors", "people.csv", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] > 0.5
    assert cli.main(["info", "model.safetensors", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["target"] == "buys"


def test_standard_input_and_output(files):
    model = TabularModel("buys", settings=QUICK).fit("people.csv")
    model.save("m.safetensors")
    command = [sys.executable, "-m", "fastnn", "predict", "m.safetensors", "-", "--proba"]
    with open("people.csv", "rb") as file:
        found = subprocess.run(command, stdin=file, capture_output=True, check=True, timeout=300)
    lines = found.stdout.decode().splitlines()
    assert lines[0] == '"no","yes"'
    assert len(lines) == 241


def test_to_predict_takes_no_library_of_training(files):
    """Their imports would take longer than to predict a hundred thousand rows."""
    TabularModel("buys", settings=QUICK).fit("people.csv").save("m.safetensors")
    code = (
        "import sys; from fastnn import cli; "
        "cli.main(['predict', 'm.safetensors', 'people.csv', '--out', 'p.csv']); "
        "print(*{'sklearn', 'matplotlib', 'scipy.stats'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "none.csv", "--target", "buys"], "none.csv: No such file"),
        (["train", "people.csv", "--target", "buy"], 'did you mean "buys"'),
        (["train", "people.csv", "--target", "buys", "--out", "no/m"], "its folder does not exist"),
        (["train", "people.csv", "--target", "buys", "--column", "ag=drop"], 'no column "ag"'),
        (["predict", "people.csv", "people.csv"], "no whole model file"),
        (["info", "none.safetensors"], "there is no file none.safetensors"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(files, capsys, words, message):
    before = sorted(files.iterdir())
    assert cli.main(words) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert sorted(files.iterdir()) == before


def test_a_model_to_standard_output(files):
    command = [sys.executable, "-m", "fastnn", "train", "-", "--target", "buys", "--out", "-"]
    with open("people.csv", "rb") as file:
        found = subprocess.run(
            [*command, "--seconds", "0.1", "--json"], stdin=file, capture_output=True, timeout=300
        )
    (files / "m.safetensors").write_bytes(found.stdout)
    assert fastnn.load("m.safetensors").target == "buys"
    assert json.loads(found.stderr.decode().splitlines()[-1])["target"] == "buys"


def test_a_mistake_in_standard_input_names_it(files, capsys, monkeypatch):
    import io

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a,b\n1\n")))
    assert cli.main(["train", "-", "--target", "b"]) == 2
    assert "row 1 (line 2) has 1 cell, the table 2 columns" in capsys.readouterr().err


@pytest.mark.parametrize("members", [1, 5])
def test_ctrl_c_saves_the_best_and_exits_with_130(files, capsys, monkeypatch, members):
    lines = (files / "people.csv").read_text().splitlines()
    if members == 1:
        (files / "people.csv").write_text("\n".join(lines[:12]))
        judge = Rules.on_epoch_end

        def interrupt(self, model, history):
            judge(self, model, history)
            if len(history) >= 3:
                raise KeyboardInterrupt

        monkeypatch.setattr(Rules, "on_epoch_end", interrupt)
    else:
        if os.name == "nt":
            pytest.skip("a thread cannot press Ctrl-C there")
        end, pressed, ended = Watch.end_epoch, [], []

        def press(watch):
            if not pressed:
                pressed.append(signal.pthread_kill(threading.main_thread().ident, signal.SIGINT))
            while not watch.broken_off.is_set():
                time.sleep(1e-3)
            ended.append(end(watch))
            return ended[-1]

        monkeypatch.setattr(Watch, "end_epoch", press)
    assert cli.main(["train", "people.csv", "--target", "buys"]) == 130
    assert "(broken off: the best so far)" in capsys.readouterr().out
    model = fastnn.load("model.safetensors")
    assert model.interrupted_
    if members > 1:
        # Each that had begun has ended with this epoch.
        # Of the first, which begins with and without an encoding, one is left.
        assert 1 <= len(model.members_) <= len(ended) <= members + 1
        assert all(ended)
    assert set(model.predict("people.csv")) <= {"no", "yes"}


def test_tune_searches_trains_and_reports(files, capsys):
    words = ["tune", "people.csv", "--target", "buys", "--seconds", "1", "--json"]
    assert cli.main([*words, "--report", "r.html"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["tried"] >= 1
    assert set(facts["settings"]) >= {"hidden_layer_sizes", "learning_rate_init", "dropout"}
    assert "judged by the log loss" in (files / "r.html").read_text()
    assert fastnn.load("model.safetensors").settings["dropout"] == facts["settings"]["dropout"]


def test_a_search_is_judged_by_rows_that_are_neither_trained_on_nor_held_out(files):
    table = people()
    del table["spent"]
    model = TabularModel("buys")
    model, search = tuned(model, table, 1, verbose=0)
    (judged,) = search.data.held_out
    lesson, learned, held_out = TabularModel("buys").prepare(fastnn.tabular.read_table(table))
    assert len(search.data.X) == len(learned)
    assert len(np.intersect1d(judged, search.data.learned(0))) == 0
    np.testing.assert_array_equal(model.held_out_, lesson.numbers[held_out])


def test_many_columns_are_told_in_few_lines(files, capsys):
    rng = np.random.default_rng(0)
    names = [f"c{k}" for k in range(60)]
    rows = [",".join(map(str, [*rng.normal(size=60), k % 2])) for k in range(30)]
    (files / "wide.csv").write_text("\n".join([",".join([*names, "y"]), *rows]))
    assert cli.main(["train", "wide.csv", "--target", "y", "--seconds", "0.1"]) == 0
    assert "number    numbers: c0, c1, c2 ... (60 columns)" in capsys.readouterr().out


def test_a_session_of_a_table(files, capsys):
    folder = str(files / "s")

    def said(*words):
        assert cli.main(["session", words[0], folder, *words[1:], "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    said("begin", "people.csv", "--target", "buys", "--layers", "8")
    first = said("run", "3")
    assert (first["branch"], first["epoch"]) == ("main", 3)
    after_three = fastnn.load(first["model"]).predict_proba("people.csv")
    said("set", "learning_rate=0.05")
    said("run", "2")
    said("branch", "other")
    assert said("rollback", "-2")["epoch"] == 3
    np.testing.assert_array_equal(
        fastnn.load(first["model"]).predict_proba("people.csv"), after_three
    )
    assert said("switch", "main")["branches"] == {"main": 5, "other": 3}
    said("plot", "curves.png")
    assert (files / "curves.png").stat().st_size > 5000
    told = [event["event"] for event in said("show")["journal"]]
    assert told == ["begin", "run", "set", "run", "branch", "rollback", "switch"]
    assert cli.main(["evaluate", first["model"], "people.csv"]) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "none", "3"], "none holds no session; begin one"),
        (["begin", ".", "people.csv", "--target", "buys"], "is not empty"),
        (["begin", "s", "people.csv", "--target", "buy"], 'did you mean "buys"'),
    ],
)
def test_a_mistake_in_a_session(files, capsys, words, message):
    assert cli.main(["session", *words]) == 2
    assert message in capsys.readouterr().err
    assert [path.name for path in files.iterdir()] == ["people.csv"]


def test_bench_measures(capsys):
    assert cli.main(["bench", "--seconds", "0.01", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["tiny"]["trained"] > 0
    assert set(facts) == {"threads", "tiny", "table", "images"}


def test_export_of_a_tabular_model(files, capsys):
    pytest.importorskip("onnx")
    TabularModel("buys", settings=QUICK).fit("people.csv").save("m.safetensors")
    assert cli.main(["export", "m.safetensors", "m.onnx"]) == 0
    assert (files / "m.onnx").exists()
    assert cli.main(["export", "none.safetensors", "m.onnx"]) == 2
    assert cli.main(["export", "m.safetensors", "m.py"]) == 0
    assert "from m import predict" in (files / "m.py").read_text(encoding="utf-8")


def test_export_of_an_estimator(files):
    pytest.importorskip("onnx")
    X, y = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 2
    e = MLPClassifier((4,), max_iter=300, tol=1, random_state=0).fit(X, y)
    e.save("e.safetensors")
    for name in ("e.onnx", "e.py"):
        assert cli.main(["export", "e.safetensors", name]) == 0
    namespace = {}
    exec((files / "e.py").read_text(encoding="utf-8"), namespace)
    np.testing.assert_allclose(namespace["predict"](X), e.predict_proba(X), atol=1e-6)


def test_a_place_that_cannot_be_written_is_known_before_training(files, capsys):
    os.mkdir("folder")
    for place, message in [("folder", "a folder; expected a file"), ("no/m", "does not exist")]:
        assert cli.main(["train", "people.csv", "--target", "buys", "--out", place]) == 2
        assert message in capsys.readouterr().err
    words = ["train", "people.csv", "--target", "buys", "--out", "x", "--report", "x"]
    assert cli.main(words) == 2
    assert "two things are to be written to x" in capsys.readouterr().err
