"""Write optimizers.json: the weights of 20 steps of PyTorch's optimizers, in float64.

Run by hand, where PyTorch is installed; the tests read only the file. The objective is

    f(w) = w^T A w / 2 + sum(sin(w)) - b^T w,    gradient A w + cos(w) - b,

and the gradient is given to PyTorch as it comes from NumPy, so that the table compares optimizers
and nothing else. `hyper` is in the words of reference_optimizers.py. Usage:

    pip install torch numpy
    python tests/tables/make_optimizer_tables.py
"""

import json
from pathlib import Path

import numpy as np
import torch

STEPS = 20
OUTPUT = Path(__file__).with_name("optimizers.json")

RENAMED = {"learning_rate": "lr", "rho": "alpha", "epsilon": "eps", "l2": "weight_decay"}
CLASSES = {
    "sgd": torch.optim.SGD,
    "rmsprop": torch.optim.RMSprop,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "nadam": torch.optim.NAdam,
    "rprop": torch.optim.Rprop,
}
ADAM = {"learning_rate": 0.3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}
RMSPROP = {"learning_rate": 0.05, "rho": 0.9, "epsilon": 1e-8}
RPROP = {"learning_rate": 0.1, "eta_minus": 0.5, "eta_plus": 1.2, "step_min": 1e-6, "step_max": 50}
SGD = {"learning_rate": 0.1}
RUNS = [
    ("sgd", "sgd", SGD),
    ("sgd_momentum", "sgd", SGD | {"momentum": 0.9}),
    ("sgd_nesterov", "sgd", SGD | {"momentum": 0.9, "nesterov": True}),
    ("sgd_l2", "sgd", SGD | {"momentum": 0.9, "l2": 0.1}),
    ("rmsprop", "rmsprop", RMSPROP),
    ("rmsprop_momentum", "rmsprop", RMSPROP | {"momentum": 0.9}),
    ("rmsprop_epsilon", "rmsprop", RMSPROP | {"rho": 0.99, "epsilon": 1e-2}),
    ("adam", "adam", ADAM),
    ("adam_betas", "adam", ADAM | {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-6}),
    ("adam_l2", "adam", ADAM | {"l2": 0.1}),
    ("adamw", "adamw", ADAM | {"weight_decay": 0.1}),
    ("nadam", "nadam", ADAM | {"momentum_decay": 4e-3}),
    ("rprop", "rprop", RPROP),
    ("rprop_limits", "rprop", RPROP | {"step_min": 0.02, "step_max": 0.2}),
    ("sgd_clip_norm", "sgd", SGD | {"learning_rate": 0.2, "clip_norm": 2.0}),
    ("sgd_clip_value", "sgd", SGD | {"learning_rate": 0.2, "clip_value": 0.5}),
]


def torch_arguments(hyper):
    """The constructor's arguments for hyper, without the clipping ones."""
    rest = {k: v for k, v in hyper.items() if not k.startswith("clip_")}
    paired = {}
    if "beta1" in rest:
        paired["betas"] = (rest.pop("beta1"), rest.pop("beta2"))
    if "eta_minus" in rest:
        paired["etas"] = (rest.pop("eta_minus"), rest.pop("eta_plus"))
        paired["step_sizes"] = (rest.pop("step_min"), rest.pop("step_max"))
    return paired | {RENAMED.get(k, k): v for k, v in rest.items()}


def run(optimizer, hyper, gradient, start):
    """The list of STEPS + 1 weight vectors."""
    w = torch.nn.Parameter(torch.tensor(start, dtype=torch.float64))
    stepper = CLASSES[optimizer]([w], **torch_arguments(hyper))
    weights = [w.tolist()]
    for _ in range(STEPS):
        w.grad = torch.from_numpy(gradient(w.detach().numpy()))
        if "clip_norm" in hyper:
            torch.nn.utils.clip_grad_norm_([w], hyper["clip_norm"])
        if "clip_value" in hyper:
            torch.nn.utils.clip_grad_value_([w], hyper["clip_value"])
        stepper.step()
        weights.append(w.tolist())
    return weights


def main():
    # NAdam keeps its product of mu in the default type, whatever the type of the weights.
    torch.set_default_dtype(torch.float64)
    rng = np.random.default_rng(20)
    Q, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    A = Q @ np.diag([0.5, 1.0, 1.5, 2.0, 3.0, 4.0]) @ Q.T
    A = (A + A.T) / 2
    b = rng.normal(size=6)
    start = rng.normal(size=6) * 2

    def gradient(w):
        return A @ w + np.cos(w) - b

    runs = [
        {"name": name, "optimizer": kind, "hyper": h, "weights": run(kind, h, gradient, start)}
        for name, kind, h in RUNS
    ]
    made_with = f"PyTorch {torch.__version__.split('+')[0]}, float64"
    table = {"made_with": made_with, "A": A.tolist(), "b": b.tolist(), "runs": runs}
    # One run per line, so that a diff shows which runs changed.
    OUTPUT.write_text(json.dumps(table).replace('{"name"', '\n{"name"') + "\n")


if __name__ == "__main__":
    main()
