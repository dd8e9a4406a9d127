"""ONNX Runtime: predicts only, from a graph made by hand."""

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from benchmarks.peers import workloads as wl


class Runner:
    def __init__(self, workload, X, y, threads):
        self.X = X
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(
            graph(workload).SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def predict(self, X):
        return self.session.run(None, {"X": X})[0]


def graph(workload):
    """The network at its initial weights, with softmax at the end."""
    nodes, tensors, x = [], [], "X"

    def tensor(name, value):
        tensors.append(numpy_helper.from_array(np.ascontiguousarray(value, np.float32), name))
        return name

    def node(kind, inputs, **attributes):
        nodes.append(helper.make_node(kind, inputs, [f"out{len(nodes)}"], **attributes))
        return nodes[-1].output[0]

    for k, (W, b) in enumerate(wl.make_weights(workload)):
        n = W.shape[1]
        x = node("Gemm", [x, tensor(f"W{k}", W), tensor(f"b{k}", np.zeros(n) if b is None else b)])
        if b is None:
            one, zero = np.ones(n), np.zeros(n)
            stats = {"gamma": one, "beta": zero, "mean": zero, "var": one}
            names = [tensor(f"{name}{k}", value) for name, value in stats.items()]
            x = node("BatchNormalization", [x, *names], epsilon=wl.BN_EPS)
        x = node("Softmax" if k == len(workload.shapes) - 1 else "Relu", [x])
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", width])
        for name, width in (("X", workload.widths[0]), (x, workload.widths[-1]))
    ]
    body = helper.make_graph(nodes, "network", ends[:1], ends[1:], tensors)
    # Releases of onnx write newer formats than older releases of the runtime read.
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
