"""Screens: text for a person, whatever the stream can show."""

from __future__ import annotations

import io
import sys
from typing import TextIO


class _Nowhere(io.TextIOBase):
    """What a program without a console has."""

    def write(self, text: str, /) -> int:
        return len(text)


def screen(stream: TextIO | None = None) -> TextIO:
    """The stream, or standard error, or nowhere: a windowed program on Windows has neither."""
    return stream or sys.stderr or _Nowhere()  # type: ignore[return-value]


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
