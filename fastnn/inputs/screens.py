"""Screens: text for a person, whatever the stream can show."""

from __future__ import annotations

import io
import sys
from typing import TextIO


class _Nowhere(io.TextIOBase):
    """What a program without a console has."""

    def write(self, text: str, /) -> int:
        return len(text)


def is_notebook() -> bool:
    """Whether a kernel of Jupyter runs this, whose streams are no terminals but rewrite lines."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


def screen(stream: TextIO | None = None) -> TextIO:
    """The stream, or standard error, in a notebook standard output, which is not red there.

    Nowhere where there is neither, as in a windowed program on Windows.
    """
    given = stream or (sys.stdout if is_notebook() else sys.stderr)
    return given or _Nowhere()  # type: ignore[return-value]


def is_live(out: TextIO) -> bool:
    """Whether somebody sees lines rewritten there: a terminal, or a notebook."""
    return out.isatty() or (out is sys.stdout and is_notebook())


def write(out: TextIO, text: str) -> None:
    """Write a text; what the encoding of a console does not have is written as an escape.

    Examples
    --------
    >>> import sys
    >>> write(sys.stdout, "accuracy 0.9")
    accuracy 0.9
    """
    try:
        out.write(text)
    except UnicodeEncodeError as error:
        out.write(text.encode(error.encoding, "backslashreplace").decode(error.encoding))


def say(text: str) -> None:
    """As `print`."""
    if sys.stdout is not None:
        write(sys.stdout, text + "\n")
