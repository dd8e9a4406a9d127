"""The command `fastnn export`: a saved model as ONNX or as a NumPy module."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastnn.export.numpy import to_numpy
from fastnn.export.onnx import to_onnx

WRITERS: dict[str, Callable[[Any, Path], Any]] = {".onnx": to_onnx, ".py": to_numpy}


def add_to(commands: Any) -> None:
    """Add the command to the subparsers of `fastnn`."""
    parser = commands.add_parser(
        "export", help="write a saved model as ONNX (.onnx) or as a NumPy module (.py)"
    )
    parser.add_argument("model", type=Path, help="a file that Sequential.save has written")
    parser.add_argument("output", type=_output, help="what to write, digits.onnx or digits.py")
    parser.set_defaults(command=export)


def _output(text: str) -> Path:
    if Path(text).suffix not in WRITERS:
        raise argparse.ArgumentTypeError(f"{text!r} does not end in {' or '.join(WRITERS)}")
    return Path(text)


def export(options: argparse.Namespace) -> int:
    """Run the command; the exit code is 0, or 1 where the model cannot be read or exported."""
    from fastnn.model.loading import load

    try:
        model = load(options.model)
        WRITERS[options.output.suffix](model, options.output)
    except (OSError, ValueError, ImportError) as error:
        print(f"fastnn export: {error}", file=sys.stderr)
        return 1
    print(f"exported: {options.output}")
    return 0
