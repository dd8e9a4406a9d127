"""The command `fastnn export`: a saved model as ONNX or as a NumPy module."""

import argparse
from pathlib import Path
from typing import Any

from fastnn.cli.common import check_places, command

WRITERS = {".onnx": "to_onnx", ".py": "to_numpy"}
"""What writes files that end so: a method of each kind of model."""


def add_to(commands: Any) -> None:
    """Add the command to the subparsers of `fastnn`."""
    parser = commands.add_parser(
        "export", help="write a saved model as ONNX (.onnx) or as a NumPy module (.py)"
    )
    parser.add_argument("model", type=Path, help="a model file")
    parser.add_argument("output", type=_output, help="what to write, digits.onnx or digits.py")
    parser.set_defaults(command=command("export", export))


def _output(text: str) -> Path:
    if Path(text).suffix not in WRITERS:
        raise argparse.ArgumentTypeError(f"{text!r} does not end in {' or '.join(WRITERS)}")
    return Path(text)


def export(options: argparse.Namespace) -> int:
    """Run the command."""
    from fastnn.loading import load

    check_places(options.output)
    getattr(load(options.model), WRITERS[options.output.suffix])(options.output)
    print(f"exported: {options.output}")
    return 0
