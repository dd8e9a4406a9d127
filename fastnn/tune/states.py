"""States: paused trainings as bytes. They hold model files, so that reading them runs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

MARK = b"fastnn 1"


def portable(member: Any) -> bytes | None:
    """A member as bytes, for other processes; None where it starts anew there.

    It does so before its first epoch, and with parts of the user's own classes, which no file
    holds.
    """
    if member is None or isinstance(member, bytes):
        return member
    return member.to_bytes() if hasattr(member, "to_bytes") else None


def joined(members: Sequence[Any]) -> bytes | None:
    """The state of a trial: that of each fold after its length; None if no fold has one."""
    parts = [portable(member) for member in members]
    if not any(parts):
        return None
    return MARK + b"".join(len(part or b"").to_bytes(8, "little") + (part or b"") for part in parts)


def parted(state: bytes | None, n_folds: int) -> list[bytes | None] | None:
    """The states of the folds; None where the trial starts anew, as from one that is damaged."""
    if not isinstance(state, bytes) or not state.startswith(MARK):
        return None
    parts, at = [], len(MARK)
    for _ in range(n_folds):
        start = at + 8
        at = start + int.from_bytes(state[at:start], "little")
        parts.append(state[start:at] or None)
    return parts if at == len(state) else None
