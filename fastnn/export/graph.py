"""An ONNX graph in the making."""

from __future__ import annotations

from typing import Any

import numpy as np

MOST = 2**31 - 1
"""More columns than there are."""


class Graph:
    """Nodes and constants of an ONNX graph, in the making.

    Parameters
    ----------
    dtype : dtype
        Of the model.
    n_in, n_out : int
        Its features and its outputs.
    """

    def __init__(self, dtype: np.dtype, n_in: int, n_out: int) -> None:
        from onnx import helper

        self.dtype, self.single = dtype, dtype == np.float32
        self.n_in, self.n_out = n_in, n_out
        self.type = helper.np_dtype_to_tensor_dtype(dtype)
        self._nodes: list[Any] = []
        self._constants: dict[str, np.ndarray] = {}

    def node(self, op: str, *inputs: str | float, **attributes: Any) -> str:
        """Add a node, of tensors and numbers; the name of its output."""
        from onnx import helper

        names = [i if isinstance(i, str) else self.constant(repr(i), i) for i in inputs]
        name = f"{op}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(op, names, [name], name, **attributes))
        return name

    def constant(self, name: str, values: Any) -> str:
        """Add a constant of the model's type; its name."""
        self._constants[name] = np.asarray(values, self.dtype)
        return name

    def shaped(self, z: str, *shape: int) -> str:
        """Add a node that gives a tensor another shape; -1 is what is left."""
        name = f"shape_{'_'.join(map(str, shape))}"
        self._constants[name] = np.array(shape)
        return self.node("Reshape", z, name)

    def whole(self, z: str) -> str:
        """Add a node that cuts numbers to whole ones."""
        from onnx import TensorProto

        return self.node("Cast", z, to=TensorProto.INT64)

    def columns(self, z: str, start: int, stop: int | None) -> str:
        """Add a node of the columns from `start` to before `stop`, or all that are left."""
        ends = {"start": start, "stop": MOST if stop is None else stop, "axis": 1}
        names = [f"{name}_{value}" for name, value in ends.items()]
        self._constants |= {n: np.array([v]) for n, v in zip(names, ends.values(), strict=True)}
        return self.node("Slice", z, *names)

    def chosen(self, z: str, name: str, columns: np.ndarray) -> str:
        """Add a node of columns by their numbers, a constant of this name."""
        self._constants[name] = columns
        return self.node("Gather", z, name, axis=1)

    def average(self, z: str, members: int) -> str:
        """Add the average of the members' answers."""
        self._constants["members"] = np.array([1])
        each = self.shaped(z, -1, members, self.n_out)
        return self.node("ReduceMean", each, "members", keepdims=0)

    def classes(self) -> str:
        """The name of the constant 0 .. n_out-1."""
        self._constants["classes"] = np.arange(self.n_out)
        return "classes"

    def proto(self, description: str) -> Any:
        """The ``onnx.GraphProto``; its last node is the output."""
        from onnx import helper, numpy_helper

        self._nodes[-1].output[0] = "output"
        return helper.make_graph(
            self._nodes,
            "fastnn",
            [helper.make_tensor_value_info("input", self.type, ["batch", self.n_in])],
            [helper.make_tensor_value_info("output", self.type, ["batch", self.n_out])],
            [numpy_helper.from_array(a, name) for name, a in self._constants.items()],
            doc_string=description,
        )
