"""The command `fastnn export`: what it writes, what it says, and how it ends."""

import argparse

import pytest
from export_models import assert_agree, inputs, own_activation, random_model

from fastnn.cli import export as command


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments):
    parser = argparse.ArgumentParser(prog="fastnn")
    command.add_to(parser.add_subparsers())
    options = parser.parse_args(["export", *arguments])
    return options.command(options)


def test_a_numpy_module(folder, capsys, monkeypatch):
    model = random_model(1)
    model.save("model.safetensors")
    assert run("model.safetensors", "exported_model.py") == 0
    assert capsys.readouterr() == ("exported: exported_model.py\n", "")
    namespace = {}
    exec((folder / "exported_model.py").read_text(encoding="utf-8"), namespace)
    X = inputs(7, "float32")
    assert_agree(namespace["predict"](X), model.predict(X))


def test_an_onnx_file(folder, capsys):
    onnx = pytest.importorskip("onnx")
    random_model(1).save("model.safetensors")
    assert run("model.safetensors", "model.onnx") == 0
    assert capsys.readouterr() == ("exported: model.onnx\n", "")
    onnx.checker.check_model("model.onnx", full_check=True)


def test_another_ending_is_refused(folder, capsys):
    with pytest.raises(SystemExit) as stop:
        run("model.safetensors", "model.pt")
    assert stop.value.code == 2
    assert "'model.pt' does not end in .onnx or .py" in capsys.readouterr().err


def test_what_cannot_be_read_or_written_is_told(folder, capsys):
    random_model(1).save("model.safetensors")
    own_activation().save("own.safetensors")
    (folder / "text").write_text("no model", encoding="utf-8")
    for model, output, told in (
        ("missing", "model.py", "there is no file missing"),
        ("text", "model.py", "text is no whole model file of fastnn"),
        ("own.safetensors", "model.py", "saved with functions of your own"),
        ("model.safetensors", "my-model.py", "expected a file that Python can import"),
        ("model.safetensors", "missing/model.py", "missing"),
    ):
        assert run(model, output) == 2
        out, err = capsys.readouterr()
        assert err.startswith("fastnn export: ")
        assert told in err
        assert out == ""
    assert len(list(folder.iterdir())) == 3
