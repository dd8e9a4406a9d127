"""The project's own files agree with each other: names, versions, extras."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

import fastnn

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
INSTALL = re.compile(r"pip install (?:--upgrade )?[\\`\"']*([a-z][\w-]*|\.)(?:\[([\w,]+)\\?\])?")
TEXTS = [
    path
    for folder, kinds in {
        ".": ("*.md", "*.cff"), "fastnn": ("**/*.py",), "docs": ("**/*.md", "**/*.rst"),
        "examples": ("**/*.py", "**/*.md", "**/*.rst"), "benchmarks": ("**/*.md", "**/*.py"),
        "recipe": ("*.yaml",),
    }.items()
    for kind in kinds
    for path in sorted((ROOT / folder).glob(kind))
    if "_build" not in path.parts
]  # fmt: skip


def test_the_version_is_the_same_everywhere():
    assert PROJECT["version"] == fastnn.__version__
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    recipe = (ROOT / "recipe/recipe.yaml").read_text(encoding="utf-8")
    assert f"\nversion: {fastnn.__version__}\n" in citation
    assert f'version: "{fastnn.__version__}"' in recipe


def test_the_recipe_needs_what_the_wheel_needs():
    recipe = (ROOT / "recipe/recipe.yaml").read_text(encoding="utf-8")
    needed = recipe.split("\n  run:\n")[1].split("\n  run_constraints:")[0]
    assert sorted(re.findall(r"- (\S+) (>=[\d.]+)$", needed, re.MULTILINE)) == sorted(
        re.fullmatch(r"([\w-]+)(>=[\d.]+)", d).groups() for d in PROJECT["dependencies"]
    )


def test_a_source_archive_has_all_that_tests_read():
    sdist = pytest.importorskip("hatchling.builders.sdist")
    if not (ROOT / ".git").exists():
        pytest.skip("this is no checkout")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    there = {Path(name) for name in listed.stdout.split("\n") if (ROOT / name).is_file()}
    brought = sdist.SdistBuilder(str(ROOT)).recurse_included_files()
    left_out = there - {Path(file.distribution_path) for file in brought}
    always = {".gitignore", "LICENSE", "README.md", "pyproject.toml"}
    assert {path.parts[0] for path in left_out} - always == {"findings"}


def test_nobody_is_told_to_install_a_stranger():
    """The name fastnn on the public index is another project's."""
    told = [
        (path.relative_to(ROOT).as_posix(), name, extra)
        for path in TEXTS
        for name, extra in INSTALL.findall(path.read_text(encoding="utf-8").replace("\\[", "["))
    ]
    assert any(name == PROJECT["name"] for _, name, _ in told)
    assert [row for row in told if row[1] == "fastnn"] == []
    extras = set(PROJECT["optional-dependencies"]) | {"sums"}
    for where, name, extra in told:
        if name in (PROJECT["name"], "."):
            assert set(extra.split(",")) - {""} <= extras, where


@pytest.mark.parametrize("text", ["pip install fastnn", '``pip install "fastnn[plot]"``'])
def test_a_stranger_is_found(text):
    assert INSTALL.findall(text)[0][0] == "fastnn"
