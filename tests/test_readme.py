"""README and pages: their code runs, prints what they say, and has the commands of `.ci/run`."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DEMO = 'python3 -m venv .venv && .venv/bin/pip install ".[plot]" && .venv/bin/fastnn demo'
TESTS = 'python3 -m venv .venv && .venv/bin/pip install -e ".[test]" && .venv/bin/python -m pytest'


def blocks(language, text=README):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", ["README.md", "docs/index.md", "docs/start.md", "docs/manual.md"])
def test_the_code_runs_and_prints_what_is_written(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    namespace, text = {"__name__": "readme"}, (ROOT / page).read_text(encoding="utf-8")
    assert blocks("python", text)
    for source in blocks("python", text):
        exec(compile(source, page, "exec"), namespace)
    printed = capsys.readouterr().out
    for expected in blocks("text", text):
        assert expected in printed


def test_the_first_page_is_short_and_shows_a_picture():
    assert len(README.splitlines()) <= 200
    (picture,) = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert (ROOT / picture).stat().st_size < 100_000


def test_the_first_screen_has_both_commands():
    assert [b.strip() for b in blocks("sh")] == [DEMO, TESTS]
    assert README.index(TESTS) < README.index("\n## ")
    assert len(README[: README.index(TESTS)].splitlines()) < 25


@pytest.mark.parametrize("name", [".ci/run", "CONTRIBUTING.md"])
def test_the_test_command_is_the_same_everywhere(name):
    assert TESTS in (ROOT / name).read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "RELEASING.md"])
def test_links_lead_somewhere(name):
    path = ROOT / name
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target
