#!/usr/bin/env bash
# onnxruntime 1.32.0: most activations of the standard have no float64 kernel; the model is valid and does not load.
#
# Sigmoid, Tanh, Relu, Softmax, LogSoftmax and Swish run in float64. LeakyRelu, Elu, Selu, HardSigmoid, HardSwish, Softplus,
# Softsign, Mish, Gelu, Erf, ThresholdedRelu and Hardmax do not, though each of them is valid for float64 by the checker and
# runs in float16, which is the rarer type on a processor. (Celu is valid for float32 alone.) Who exports float64 networks
# must write them with Exp, Log, Max and Where.
#
# Seen: loads: Sigmoid Tanh Relu Softmax LogSoftmax Swish; does not: the twelve
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import onnxruntime
from onnx import TensorProto, checker, helper

HAVE = "Sigmoid Tanh Relu Softmax LogSoftmax Swish".split()
LACK = (
    "LeakyRelu Elu Selu HardSigmoid HardSwish Softplus Softsign Mish Gelu Erf ThresholdedRelu Hardmax"
).split()


def loads(name, kind):
    graph = helper.make_graph(
        [helper.make_node(name, ["x"], ["y"])],
        name,
        [helper.make_tensor_value_info("x", kind, ["n"])],
        [helper.make_tensor_value_info("y", kind, ["n"])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 24)], ir_version=10)
    checker.check_model(model, full_check=True)
    try:
        onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    except Exception as error:
        assert type(error).__name__ == "NotImplemented", error
        return False
    return True


found = {name: loads(name, TensorProto.DOUBLE) for name in HAVE + LACK}
print("float64 loads:", *(n for n in found if found[n]), "; does not:", *(n for n in found if not found[n]))
assert all(found[n] for n in HAVE) and not any(found[n] for n in LACK)
assert all(loads(n, TensorProto.FLOAT16) for n in HAVE + LACK)
PY
