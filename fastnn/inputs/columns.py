"""Columns of a frame: their names, and whether they are those of the training."""

from __future__ import annotations

from fastnn.inputs.arrays import column_names


def text_names(frame: object) -> tuple[str, ...] | None:
    """The column names of a frame, where all of them are texts; numbers are no names."""
    names = column_names(frame)
    if not names or not all(isinstance(name, str) for name in names):
        return None
    return tuple(map(str, names))


def check_names(frame: object, known: tuple[str, ...] | None, name: str) -> None:
    """Refuse a frame whose columns are not those of the training, in their order."""
    given = None if known is None else text_names(frame)
    if known is None or given is None or given == known:
        return
    if sorted(given) == sorted(known):
        at = next(k for k, pair in enumerate(zip(given, known, strict=True)) if len({*pair}) == 2)
        raise ValueError(
            f"{name} has the columns in another order than in training: column {at} is "
            f'"{given[at]}" and was "{known[at]}"; pass {name}[model.feature_names]'
        )
    missing = [column for column in known if column not in given]
    others = [column for column in given if column not in known]
    what = f"lacks {_some(missing)}" if missing else ""
    what += " and " * bool(missing and others) + (f"has {_some(others)}" if others else "")
    raise ValueError(
        f"{name} {what or 'repeats a column'}; expected the columns of the training, "
        f"{_some(list(known))}, in that order: model.feature_names"
    )


def _some(names: list[str]) -> str:
    shown = ", ".join(f'"{name}"' for name in names[:5])
    return shown + f" and {len(names) - 5} more" * (len(names) > 5)
