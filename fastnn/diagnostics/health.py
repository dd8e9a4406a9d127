"""Is the network able to learn, and if not, why?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from fastnn.diagnostics.inspect_data import Losses, inputs, loss_level, targets
from fastnn.diagnostics.inspect_network import gradients, units
from fastnn.diagnostics.report import SEVERITIES, Finding, Report
from fastnn.diagnostics.scratch import Scratch, spread
from fastnn.diagnostics.trials import FITTED, Trial, constant_loss, held, least_loss, overfit
from fastnn.inputs.arrays import column_names
from fastnn.inputs.calls import explained
from fastnn.inputs.rows import Rows
from fastnn.losses import Custom
from fastnn.model.sequential import Sequential
from fastnn.optimizers import LBFGS, Adam, Optimizer

LEAST_ROWS = 200
"""Rows of which the least possible loss is found."""
SOUND = Adam(3e-3)
"""Fits a small batch with any sound network; whoever fails beside it has another trouble."""
ROUGH = 0.1
"""Rise of the loss above the first one, as a share of it, where the steps are too long."""
STUCK = 1e-4
"""A layer that moves less than this, relative to the one that moves most, does not move."""


@explained
def check(model: Sequential, X: Any, y: Any, sample_weight: Any = None) -> Report:
    """Look for what keeps a network from learning, and say what to do.

    It looks at

    - the features and the targets: constant, or far from the scale of 1, or out of the reach of
      the last layer;
    - the loss: of an untrained network beside that of knowing nothing (log K for K classes), of a
      trained one beside the best constant prediction;
    - the units: dead ones, which give the same for all rows (a ReLU that is never active), and
      saturated ones (tanh, sigmoid, softmax);
    - the gradients, layer by layer: whether they vanish or explode;
    - one batch: whether the network can overfit 16 rows, without dropout and penalties, with the
      optimizer it was compiled with; where it cannot, also with Adam(3e-3), which tells a network
      that cannot learn from a learning rate that does not let it (Karpathy, "A Recipe for Training
      Neural Networks", 2019);
    - the weights: whether each layer's move while it does.

    Parameters
    ----------
    model : Sequential
        Compiled; trained, or new: then its own initial weights are looked at. It is not changed.
    X, y, sample_weight
        As for `fit`. Activations are looked at on at most 1,000 rows, evenly spread.

    Returns
    -------
    report : Report
        ``print`` it. ``report.ok`` is whether there is neither an error nor a warning,
        ``report.findings`` lists what was found. The same model and data give the same report.

    Raises
    ------
    ValueError, TypeError
        For a model that is not compiled, and for data that does not fit.

    Examples
    --------
    >>> from fastnn import Dense, ReLU, Sequential, Softmax, Standardize
    >>> from fastnn.datasets import load_iris
    >>> X, y = load_iris()
    >>> model = Sequential([Standardize(), Dense(16), ReLU(), Dense(3), Softmax()], seed=0)
    >>> model.compile()
    >>> check(model, X, y).ok
    True
    >>> careless = Sequential([Dense(16), ReLU(), Dense(3), Softmax()], seed=0)
    >>> careless.compile()
    >>> [finding.subject for finding in check(careless, 1000 * X, y).findings][:2]
    ['inputs', 'loss']
    """
    if not isinstance(model, Sequential):
        raise TypeError(f"got {model!r:.60}; expected a compiled Sequential")
    scratch = Scratch(model, X, y, sample_weight)
    with np.errstate(all="ignore"):
        losses = _losses(scratch)
        findings = [
            *inputs(scratch, column_names(X)),
            *targets(scratch),
            *loss_level(scratch, losses),
            *units(scratch),
            *gradients(scratch, losses),
            *_one_batch(scratch),
        ]
    findings.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    return Report(tuple(findings), losses.model, losses.constant)


def _losses(scratch: Scratch) -> Losses:
    sample = scratch.sample
    few = sample.block(spread(len(sample.X), LEAST_ROWS))
    constant = constant_loss(scratch, sample)
    known = {"classes": np.log(scratch.layout.n_out), "binary": np.log(2.0)}
    expected = max(known.get(scratch.loss.targets, constant), constant)
    return Losses(scratch.mean_loss(), constant, least_loss(scratch, few), float(expected))


def _one_batch(scratch: Scratch) -> Iterator[Finding]:
    """Whether one batch can be overfitted; if not, whose fault that is."""
    batch = scratch.one_batch()
    constant, least = constant_loss(scratch, batch), least_loss(scratch, batch)
    if constant - least <= 1e-6 * abs(constant):
        yield from _no_table(scratch, batch)
        return
    target = constant if np.isnan(least) else least + FITTED * (constant - least)
    factor = scratch.model.learning_rate_factor
    trial = overfit(scratch, batch, held(scratch.setup.optimizer), target, factor)
    if trial.fitted:
        yield from _still_layers(trial)
        return
    other = overfit(scratch, batch, SOUND, target)
    if other.fitted and not any(trial.moved.values()):
        yield Finding(
            "error", "weights", None,
            f"no weights have moved in {len(trial.losses):,} steps of {_named(trial.optimizer)}",
            "check the learning rate, and model.learning_rate_factor",
        )  # fmt: skip
        return
    edge = False
    if trial.diverged and other.fitted:
        # So few rows are harsher than the batches of a fit.
        edge = not overfit(scratch, batch, trial.optimizer, target, factor / 2).diverged
    yield _failed(trial, other, batch, constant, edge)


def _no_table(scratch: Scratch, batch: Rows) -> Iterator[Finding]:
    """Own losses that no prediction can lower, though rows and targets differ."""
    differ = np.ptp(batch.X, axis=0).any() and np.ptp(batch.targets, axis=0).any()
    if isinstance(scratch.loss, Custom) and differ:
        yield Finding(
            "error", "loss", None,
            "following its gradient does not lower the loss, not even with a prediction of its own "
            "for each row",
            "check the loss with fastnn.check_gradient; the gradient may have the wrong sign",
        )  # fmt: skip


def _failed(trial: Trial, other: Trial, batch: Rows, constant: float, edge: bool) -> Finding:
    rows, by = f"a batch of {len(batch.X)} rows", _named(trial.optimizer)
    end = trial.losses[-1] if trial.losses else np.nan
    steps = f"after {len(trial.losses):,} steps"
    stands = f"{steps} its loss is {end:.3g}; a constant prediction has {constant:.3g}"
    if not other.fitted:
        return Finding(
            "error", "one batch", None,
            f"the network cannot fit {rows}: with {by} {stands}; {_named(SOUND)} does no better",
            "see the other findings; if there are none, try more units, and check the targets and "
            "any loss or activation of your own with fastnn.check_gradient",
        )  # fmt: skip
    fits = f"{_named(SOUND)} fits it in {len(other.losses):,}"
    if trial.diverged:
        what = "is near to diverging, but half its rate is not" if edge else "diverges"
        return Finding(
            "warning" if edge else "error", "one batch", None,
            f"{by} {what}: the loss of {rows} is not finite {steps}, while {fits}",
            f"lower the learning rate, to a {'half' if edge else 'tenth'} at first, or "
            "compile(..., clip_norm=1.0)",
        )  # fmt: skip
    if isinstance(trial.optimizer, LBFGS):
        advice = "use Adam(), or start from other weights: LBFGS has stopped in a bad place"
    elif max(trial.losses) - trial.losses[0] <= ROUGH * abs(trial.losses[0]):
        advice = "raise the learning rate, tenfold at first: the loss falls, but slowly"
    else:
        advice = "lower the learning rate, to a tenth at first: the loss jumps up"
    return Finding(
        "warning", "one batch", None,
        f"{by} hardly fits {rows}: {stands}, while {fits}",
        advice,
    )  # fmt: skip


def _named(optimizer: Optimizer) -> str:
    """The optimizer and its learning rate."""
    rate = "" if isinstance(optimizer, LBFGS) else f"{optimizer.learning_rate:g}"
    return f"{type(optimizer).__name__}({rate})"


def _still_layers(trial: Trial) -> Iterator[Finding]:
    """Layers whose weights stayed where they were."""
    most = max(trial.moved.values(), default=0.0)
    for layer, moved in trial.moved.items():
        if moved < STUCK * most:
            yield Finding(
                "warning", "weights", layer,
                f"its weights hardly move: by {moved:.1g} of their size in {len(trial.losses):,} "
                f"steps, another layer's by {most:.1g}",
                "look for dead units and vanishing gradients",
            )  # fmt: skip
