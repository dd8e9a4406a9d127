"""What to answer when a name is not known."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from fastnn.inputs.foreign import ours


def unknown(kind: str, name: object, known: Iterable[str]) -> ValueError:
    """The error to raise for an unknown name: it says ours for another library's, or the nearest.

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
    >>> print(unknown("loss", "bce", ["mse", "binary_cross_entropy"]))
    unknown loss "bce"; here it is "binary_cross_entropy". Known: mse, binary_cross_entropy
    """
    names = list(known)
    given = f'"{name}"' if isinstance(name, str) else repr(name)
    hint = suggestion(kind, str(name), names)
    return ValueError(f"unknown {kind} {given}; {hint}Known: {', '.join(names)}")


def suggestion(kind: str, name: str, known: list[str]) -> str:
    """Which of the known names is meant, in words that end in a space; or nothing."""
    if found := ours(kind, name, known):
        return f"{found}. "
    lowered = {n.lower(): n for n in known}
    close = get_close_matches(name.lower(), list(lowered), n=1, cutoff=0.5)
    return f'did you mean "{lowered[close[0]]}"? ' if close else ""
