#!/usr/bin/env bash
# ONNX Clip(min=0), as clamp and ReLU are often exported, turns infinity into 3.4e38; the reference evaluator keeps it.
#
# The standard says that a limit that is not given is the largest finite number of the type, so onnxruntime 1.32.0 is right;
# onnx 1.23.2's own ReferenceEvaluator leaves infinity alone. A network whose overflow would have shown as inf (or, after
# the next layer, as NaN) answers with plausible finite numbers instead. Relu and Max(x, 0) keep infinity.
#
# Seen: Clip(min=0) of inf: onnxruntime 3.4028234663852886e+38, reference inf; Relu: inf
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import numpy as np
import onnxruntime
from onnx import TensorProto, checker, helper, numpy_helper
from onnx.reference import ReferenceEvaluator


def answers(node, constants=()):
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n"])],
        list(constants),
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    x = {"x": np.array([np.inf], np.float32)}
    return float(session.run(None, x)[0][0]), float(ReferenceEvaluator(model).run(None, x)[0][0])


zero = numpy_helper.from_array(np.array(0, np.float32), "low")
clip = answers(helper.make_node("Clip", ["x", "low"], ["y"]), [zero])
relu = answers(helper.make_node("Relu", ["x"], ["y"]))
print(f"Clip(min=0) of inf: onnxruntime {clip[0]}, reference {clip[1]}; Relu: {relu[0]}")
assert clip == (float(np.finfo(np.float32).max), np.inf) and relu == (np.inf, np.inf)
PY
