"""What to answer when a name is not known."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def unknown(kind: str, name: object, known: Iterable[str]) -> ValueError:
    """The error to raise for an unknown name, with the nearest known one.

    Parameters
    ----------
    kind : str
        What is looked up, such as ``"optimizer"``.
    name : object
        What the user gave.
    known : iterable of str
        The names that exist.

    Examples
    --------
    >>> print(unknown("optimizer", "adm", ["sgd", "adam"]))
    unknown optimizer "adm"; did you mean "adam"? Known: sgd, adam
    """
    names = list(known)
    lowered = {n.lower(): n for n in names}
    given = f'"{name}"' if isinstance(name, str) else repr(name)
    close = get_close_matches(str(name).lower(), list(lowered), n=1, cutoff=0.5)
    hint = f'did you mean "{lowered[close[0]]}"? ' if close else ""
    return ValueError(f"unknown {kind} {given}; {hint}Known: {', '.join(names)}")
