#!/usr/bin/env bash
# onnxruntime 1.30.0: a valid float64 model with x * sigmoid(x) cannot be loaded. (1.32.0 loads it.)
#
# The checker of onnx takes it, and both Mul and Sigmoid have float64 kernels. But the runtime's own optimizer
# fuses them into QuickGelu, an operator of its own that has no float64 kernel, and then refuses the model that
# it has made. Without optimizations (ORT_DISABLE_ALL) the same bytes load and run. float32 is not concerned.
# To export SiLU in float64 for everybody, write it another way: x / (1 + exp(-x)).
#
# Seen: optimized: NotImplemented ... QuickGelu(1); ORT_DISABLE_ALL: [0.7310585786300049]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q onnxruntime==1.30.0 onnx==1.23.2 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import numpy as np
import onnxruntime
from onnx import TensorProto, checker, helper

double = TensorProto.DOUBLE
graph = helper.make_graph(
    [helper.make_node("Sigmoid", ["x"], ["s"]), helper.make_node("Mul", ["x", "s"], ["y"])],
    "silu",
    [helper.make_tensor_value_info("x", double, ["n"])],
    [helper.make_tensor_value_info("y", double, ["n"])],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
checker.check_model(model, full_check=True)
data = model.SerializeToString()
try:
    onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
except Exception as error:
    print(f"optimized: {type(error).__name__}: {str(error)[:160]}")
    assert "QuickGelu" in str(error)
else:
    raise SystemExit("optimized: it loads")
options = onnxruntime.SessionOptions()
options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
found = session.run(None, {"x": np.ones(1)})[0]
print(f"ORT_DISABLE_ALL: {found.tolist()}")
assert found.tolist() == [0.7310585786300049]
PY
