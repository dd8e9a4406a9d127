"""What all layers share."""

from dataclasses import MISSING, fields
from typing import ClassVar

import numpy as np


class Layer:
    """What all layers share: `kind` is the code of their op in the compiled loop."""

    kind: ClassVar[int]
    backward_reads: ClassVar[str] = "y"
    """Which of its arrays backward needs: its input "x", its output "y", or "" for neither."""

    def __repr__(self) -> str:
        """The call that makes it, defaults left out."""
        shown = []
        for f in fields(self):  # type: ignore[arg-type]
            value = getattr(self, f.name)
            if f.default is MISSING:
                shown.append(f"{getattr(value, '__name__', value)}")
            elif isinstance(value, np.ndarray):
                # Arrays are not compared as a whole, and are long.
                shown.append(f"{f.name}=array {value.shape}")
            elif value is not f.default and value != f.default:
                shown.append(f"{f.name}={value!r}")
        return f"{self.name}({', '.join(shown)})"

    @property
    def name(self) -> str:
        """The class's name."""
        return type(self).__name__

    @property
    def alpha(self) -> float:
        """The one number that the op's kernel takes."""
        return 0.0

    def rates(self, n_in: int) -> tuple[float, float]:
        """Factors of the learning rate: of the weights, of the biases."""
        return 1.0, 1.0

    def n_out(self, n_in: int) -> int:
        """Width of the output for an input of width n_in."""
        return n_in

    def n_in(self, n_out: int) -> int:
        """Width of the input for an output of width n_out, of a layer whose output tells it."""
        return n_out

    def origin(self, column: int, n_in: int) -> int | None:
        """Which of the n_in columns of the input one of the output is; None: it is computed."""
        return None

    def parameters(self, n_in: int, members: int = 1) -> dict[str, tuple[int, ...]]:
        """Name and shape of each learned array, of so many members."""
        return {}
