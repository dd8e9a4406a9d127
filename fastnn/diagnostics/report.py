"""What `check` finds, and how it is printed."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

SEVERITIES = ("error", "warning", "info")
WIDTH = 96


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or worth knowing.

    Attributes
    ----------
    severity : {"error", "warning", "info"}
        Training cannot work; it will be worse or slower than it need be; a fact, no fault.
    subject : str
        "inputs", "targets", "loss", "dead units", "saturation", "gradients", "weights" or
        "one batch".
    layer : int or None
        Its place in ``model.layers``, from 0; None for what concerns no single layer.
    message, advice : str
        What is so, and what to do.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import BatchNorm, Dense, Sequential, Softmax
    >>> X, y = fastnn.datasets.load_iris()
    >>> model = Sequential([Dense(8), BatchNorm(), Dense(3), Softmax()], seed=0)
    >>> model.compile()
    >>> history = model.fit(X, y, epochs=5, verbose=0)
    >>> findings = fastnn.diagnostics.check(model, 1e4 * X, y).findings
    >>> findings[0].severity in ("error", "warning")
    True
    """

    severity: str
    subject: str
    layer: int | None
    message: str
    advice: str

    def __str__(self) -> str:
        where = self.subject if self.layer is None else f"{self.subject}, layer {self.layer + 1}"
        text = f"{self.severity}: {where}: {self.message}"
        lines = textwrap.wrap(text, WIDTH, subsequent_indent="    ")
        advice = f"{self.advice[:1].upper()}{self.advice[1:]}."
        lines += textwrap.wrap(advice, WIDTH, initial_indent="    ", subsequent_indent="    ")
        return "\n".join(lines)


@dataclass(frozen=True)
class Report:
    """What `fastnn.diagnostics.check` has found; printing it gives the whole report.

    Attributes
    ----------
    findings : tuple of Finding
        The most severe first; empty where all is well.
    loss : float
        Mean loss of the model on the given rows, penalties left out.
    constant_loss : float
        That of the best prediction that is the same for all rows: what a useful model must beat.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import BatchNorm, Dense, Sequential, Softmax
    >>> X, y = fastnn.datasets.load_iris()
    >>> model = Sequential([Dense(8), BatchNorm(), Dense(3), Softmax()], seed=0)
    >>> model.compile()
    >>> history = model.fit(X, y, epochs=5, verbose=0)
    >>> report = fastnn.diagnostics.check(model, X, y)
    >>> report.constant_loss > report.loss
    True
    """

    findings: tuple[Finding, ...]
    loss: float
    constant_loss: float

    @property
    def ok(self) -> bool:
        """Whether there is neither an error nor a warning."""
        return all(finding.severity == "info" for finding in self.findings)

    def __str__(self) -> str:
        counts = [
            (sum(f.severity == severity for f in self.findings), severity)
            for severity in SEVERITIES
        ]
        said = ", ".join(
            f"{n} {word}{'s' * (n != 1 and word != 'info')}" for n, word in counts if n
        )
        losses = f"loss {self.loss:.4g}, of the best constant {self.constant_loss:.4g}"
        return "\n".join([f"{said or 'nothing found'}; {losses}", *map(str, self.findings)])
