"""The workflow for public runners keeps to its schema, and names what the project supports."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
WORKFLOW = ROOT / ".github" / "workflows" / "tests.yml"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def lint(path):
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.github-workflows",
    ]
    return subprocess.run([*command, str(path)], capture_output=True, text=True)


def test_the_workflow_keeps_to_its_schema(tmp_path):
    pytest.importorskip("check_jsonschema")
    done = lint(WORKFLOW)
    assert done.returncode == 0, done.stdout
    wrong = tmp_path / "wrong.yml"
    text = WORKFLOW.read_text(encoding="utf-8")
    wrong.write_text(text.replace("runs-on:", "run-on:"), encoding="utf-8")
    assert lint(wrong).returncode == 1


def test_all_systems_and_versions_are_in_it():
    text = WORKFLOW.read_text(encoding="utf-8")
    for prefix in ("Programming Language :: Python :: 3.", "Operating System"):
        assert any(line.startswith(prefix) for line in PROJECT["classifiers"])
    for line in PROJECT["classifiers"]:
        if line.startswith("Programming Language :: Python :: 3."):
            assert f'"{line.rpartition(" ")[2]}"' in text
    for runner in ("ubuntu-24.04", "ubuntu-24.04-arm", "macos-14", "windows-2022"):
        assert runner in text
    assert "OS Independent" not in str(PROJECT["classifiers"])
