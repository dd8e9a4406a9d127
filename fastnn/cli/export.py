"""The command `fastnn export`: a saved model as ONNX or as a NumPy module."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastnn.cli.common import check_places, command
from fastnn.export.numpy import to_numpy
from fastnn.export.onnx import to_onnx

WRITERS: dict[str, Callable[[Any, Path], Any]] = {".onnx": to_onnx, ".py": to_numpy}


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
    model = load(options.model)
    if hasattr(model, "predict_frame"):
        if options.output.suffix != ".onnx":
            raise ValueError(
                f"{options.model} is a model for tables, whose text a NumPy module cannot read; "
                f"export it as {options.output.with_suffix('.onnx')}"
            )
        model.to_onnx(options.output)
    else:
        WRITERS[options.output.suffix](model, options.output)
    print(f"exported: {options.output}")
    return 0
