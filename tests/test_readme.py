"""The README: its code runs, prints what it says, and its commands are those of `.ci/run`."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DEMO = 'python3 -m venv .venv && .venv/bin/pip install ".[plot]" && .venv/bin/fastnn demo'
TESTS = 'python3 -m venv .venv && .venv/bin/pip install -e ".[test]" && .venv/bin/python -m pytest'


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def test_the_code_runs_and_prints_what_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "readme"}
    for source in blocks("python"):
        exec(compile(source, "README.md", "exec"), namespace)
    printed = capsys.readouterr().out
    assert blocks("text")
    for expected in blocks("text"):
        assert expected in printed


def test_the_first_screen_has_both_commands():
    assert [b.strip() for b in blocks("sh")] == [DEMO, TESTS]
    assert README.index(TESTS) < README.index("\n## ")
    assert len(README[: README.index(TESTS)].splitlines()) < 25


@pytest.mark.parametrize("name", [".ci/run", "CONTRIBUTING.md"])
def test_the_test_command_is_the_same_everywhere(name):
    assert TESTS in (ROOT / name).read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "examples/README.md"])
def test_links_lead_somewhere(name):
    path = ROOT / name
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target
