"""The command `fastnn`: what it prints, what it leaves, and how it ends."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest

import fastnn
from fastnn import cli
from fastnn.cli import doctor
from fastnn.engine import compilation, threads
from fastnn.engine import cores as cores_here
from fastnn.kernels.loop import door
from fastnn.kernels.machine import cache


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    assert stop.value.code == 2
    return capsys.readouterr().err


def test_demo_trains_and_saves_the_curves(folder, capsys):
    pytest.importorskip("matplotlib")
    assert cli.main(["demo", "--epochs", "2"]) == 0
    out, err = capsys.readouterr()
    assert re.search(r"validation accuracy \d\d\.\d%", out)
    assert re.search(r"[\d,]+ samples a second: 1,438 training rows x 2 epochs in \d", out)
    assert "kernels for float32: " in out
    assert "epoch 2/2" in err
    assert (folder / "learning_curves.png").read_bytes().startswith(b"\x89PNG")


def test_demo_reaches_97_percent(folder, capsys):
    cli.main(["demo", "--output", "a.svg"])
    out = capsys.readouterr().out
    assert float(re.search(r"validation accuracy ([\d.]+)%", out)[1]) >= 97


def test_demo_without_matplotlib_says_how_to_get_it(folder, capsys, monkeypatch):
    for name in [n for n in sys.modules if n.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert cli.main(["demo", "--epochs", "1"]) == 0
    assert 'pip install "fastnn-mlp[plot]"' in capsys.readouterr().out
    with pytest.raises(ImportError, match=r'pip install "fastnn-mlp\[plot\]"'):
        fastnn.plotting.learning_curves(a_history())


def a_history():
    history = fastnn.History()
    history.append(1, {"loss": 1.0})
    return history


@pytest.mark.parametrize("name", ["nowhere/curves.png", "curves.unknown"])
def test_demo_cannot_save(name, folder, capsys):
    pytest.importorskip("matplotlib")
    assert cli.main(["demo", "--epochs", "1", "--output", name]) == 1
    assert f"cannot save {name}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["demo", "--epochs", "0"], "argument --epochs: '0' is not a whole number of at least 1"),
        (["demo", "--seed", "-1"], "argument --seed: '-1' is not a whole number of at least 0"),
        (["demo", "--colour"], "unrecognized arguments: --colour"),
        (["dmeo"], "invalid choice: 'dmeo'"),
    ],
)
def test_wrong_arguments(arguments, message, capsys):
    assert message in refused(arguments, capsys)


def test_no_command_shows_the_help(capsys):
    assert cli.main([]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in ("demo", "warmup", "doctor"))


def test_ctrl_c_ends_quietly(folder, capsys, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(fastnn.Sequential, "fit", interrupt)
    assert cli.main(["demo"]) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_python_m_fastnn():
    command = [sys.executable, "-m", "fastnn", "--version"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout == f"fastnn {fastnn.__version__}\n"


def test_warmup(capsys):
    assert cli.main(["warmup"]) == 0
    out = capsys.readouterr().out
    assert "kernels for float32: " in out
    assert "cache: " in out
    assert fastnn.warmup() < 1
    with pytest.raises(ValueError, match="dtype is 'float16'; expected float32 or float64"):
        fastnn.warmup("float16")


@pytest.mark.parametrize("cached", [False, True])
def test_one_line_says_that_kernels_are_compiled(cached, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("FASTNN_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(door, "_ready", {})
    monkeypatch.setattr(door, "_shipped", lambda dtype: None)
    monkeypatch.setattr(door, "_loaded", lambda code, origin: (code, origin))
    monkeypatch.setattr(door, "compiled", lambda dtype: b"code")
    if cached:
        cache.write("float32", b"code")
    expected = (b"code", "cache" if cached else "compiled")
    assert [compilation.ensure(np.dtype("float32")) for _ in range(2)] == [expected] * 2
    line = "fastnn: compiling its kernels for this machine, once (10 s to a minute)...\n"
    assert capsys.readouterr().err == ("" if cached else line)


@pytest.mark.nightly
def test_a_cold_start_says_so_once(tmp_path):
    environment = os.environ | {"FASTNN_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "fastnn", "warmup"]
    said = []
    for _ in range(2):
        result = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True
        )
        said.append(("compiling" in result.stderr, "read from the cache" in result.stdout))
    assert said == [(True, False), (False, True)]


def test_doctor_shows_what_it_finds(capsys):
    fastnn.warmup()
    code = cli.main(["doctor"])
    out = capsys.readouterr().out
    for name in ("numpy", "numba", "llvmlite", "scipy", "fastnn uses", "float32: compiled"):
        assert name in out
    assert ("All is well." in out) == (code == 0)


def test_doctor_finds_an_unwritable_cache(monkeypatch, capsys, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FASTNN_CACHE_DIR", str(tmp_path / "file"))
    assert cli.main(["doctor"]) == 1
    assert "set FASTNN_CACHE_DIR to a folder" in capsys.readouterr().out


def test_doctor_finds_a_damaged_entry(monkeypatch, tmp_path):
    monkeypatch.setenv("FASTNN_CACHE_DIR", str(tmp_path))
    cache.current_directory().mkdir(parents=True)
    (cache.current_directory() / "entry-1.bin").write_bytes(b"x" * 100)
    (tmp_path / "older").mkdir()
    (tmp_path / "older" / "entry-2.bin").write_bytes(b"")
    lines, problems = doctor._cache()
    assert [p for p in problems if "entry-1.bin is damaged: delete it" in p] == problems
    assert len(problems) == 1
    assert any("1 entry (0.0 MB) of other versions" in line for line in lines)


def test_doctor_finds_too_many_threads(monkeypatch):
    cores = cores_here.physical()
    monkeypatch.setattr(threads, "_chosen", cores + 1)
    monkeypatch.setattr(doctor, "_team", lambda n: "")
    assert any(f"{cores + 1} threads share" in problem for problem in doctor._threads()[1])


def test_doctor_finds_a_wrong_number_of_threads(monkeypatch):
    monkeypatch.setattr(threads, "_chosen", None)
    monkeypatch.setenv("FASTNN_NUM_THREADS", "many")
    threads._default.cache_clear()
    assert "FASTNN_NUM_THREADS is 'many'" in doctor._threads()[1][0]


def test_doctor_is_well_on_a_machine_that_is_merely_busy(monkeypatch):
    monkeypatch.setattr(doctor, "SLOW_TEAM", 0)
    monkeypatch.setattr(threads, "_chosen", min(2, threads._maximum()))
    lines, problems = doctor._threads()
    assert problems == []
    if threads._maximum() > 1:
        assert lines[-1].endswith("us: other programs are using the processors")


@pytest.mark.parametrize("check", ["_compiler", "_training"])
def test_doctor_finds_kernels_that_do_not_run(check, monkeypatch):
    def fails():
        """It does not work."""
        raise AttributeError("module 'numba' has no such part")

    monkeypatch.setattr(doctor, check, fails)
    lines, problems = doctor._kernels()
    assert len(lines) == 2
    assert len(problems) == 1
    assert "It does not work. (AttributeError: module 'numba' has no such part)" in problems[0]
    assert "fastnn needs Numba 0.62 or newer, here is " in problems[0]


def test_doctor_compiles_and_trains_before_it_says_that_all_is_well():
    lines, problems = doctor._kernels()
    assert problems == []
    assert lines[0].startswith("a kernel compiles, and computes what it should")
    assert lines[1].startswith("a network learns exclusive or, with kernels from the cache")
