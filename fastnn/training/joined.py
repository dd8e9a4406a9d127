"""Several epochs in one go, with what follows each of them."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from fastnn.engine.blocks import Course
from fastnn.inputs.rows import Part
from fastnn.training.network import Partial
from fastnn.training.passes import Stand

WATCHED_EPOCHS = 64
"""Most epochs in one go where a rule may stop them: those that are not taken were drawn in vain."""


def judged_epochs(
    epochs: Any, part: Partial, course: Course, other: Part
) -> tuple[int, np.ndarray, np.ndarray | None]:
    """All epochs of a pass, each validated: a failed step's number, or 0, and the answers."""
    network, run, start = epochs.network, epochs.blocks.run, time.perf_counter()
    count, answers = len(part.norms), None
    if epochs.setup.metrics:
        answers = np.empty((count, len(other), network.layout.n_out), network.dtype)
    epochs.marks.keep(part)
    epochs.marks.took(course.rates)
    part.losses[:], failed, totals = run.judged_epochs(
        epochs.rows, part.order, course.bounds, course.rates, course.first, part.outputs, count,
        network.predict_run(epochs.setup.loss), other.rows, other.index, answers,
    )  # fmt: skip
    part.norms[:] = run.gradient_norms
    if not failed:
        epochs.blocks.pace.note(1, (time.perf_counter() - start) / len(part.losses))
        network.advance(len(part.losses))
    return failed, totals, answers


def watched_epochs(
    epochs: Any, part: Partial, course: Course, rule: np.ndarray, drawn: Stand | None
) -> tuple[int, int]:
    """The epochs of a pass until the job's rule stops them: a failed step's number, or 0; how
    many they are.
    """
    start, count, run = time.perf_counter(), len(part.norms), epochs.blocks.run
    epochs.marks.keep(part)
    part.losses[:], failed, done = run.watched_epochs(
        epochs.rows, part.order, course.bounds, course.rates, course.first, part.outputs,
        course.penalties, count, rule,
    )  # fmt: skip
    part.norms[:] = run.gradient_norms
    if failed:
        epochs.marks.took(course.rates)
        return failed, count
    steps = done * epochs.n_steps
    epochs.marks.took(course.rates[:steps])
    epochs.blocks.pace.note(1, (time.perf_counter() - start) / steps)
    epochs.network.advance(steps)
    if done < count and drawn is not None:
        # Where the generator would be, had the epochs been taken one by one.
        epochs.passes.go_to(drawn)
        epochs.passes.draw(done)
    return 0, done
