"""What `check` finds, and how it is printed."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from fastnn.inputs import notebook

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

    @property
    def where(self) -> str:
        """The subject, and its layer, numbered from 1."""
        return self.subject if self.layer is None else f"{self.subject}, layer {self.layer + 1}"

    def __str__(self) -> str:
        text = f"{self.severity}: {self.where}: {self.message}"
        lines = textwrap.wrap(text, WIDTH, subsequent_indent="    ")
        advice = f"{self.advice[:1].upper()}{self.advice[1:]}."
        lines += textwrap.wrap(advice, WIDTH, initial_indent="    ", subsequent_indent="    ")
        return "\n".join(lines)


@dataclass(frozen=True, repr=False)
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

    def __repr__(self) -> str:
        return f"Report({self._summary()})"

    def _repr_html_(self) -> str:
        """What a notebook shows: the findings, a row each."""
        heads = "", "where", "what", "what to do"
        rows = [(f.severity, f.where, f.message, f.advice) for f in self.findings]
        found = notebook.table(heads, rows) if rows else ""
        return notebook.shown(self._summary(), found)

    def __str__(self) -> str:
        return "\n".join([self._summary(), *map(str, self.findings)])

    def _summary(self) -> str:
        counts = [
            (sum(f.severity == severity for f in self.findings), severity)
            for severity in SEVERITIES
        ]
        said = ", ".join(
            f"{n} {word}{'s' * (n != 1 and word != 'info')}" for n, word in counts if n
        )
        losses = f"loss {self.loss:.4g}, of the best constant {self.constant_loss:.4g}"
        return f"{said or 'nothing found'}; {losses}"
