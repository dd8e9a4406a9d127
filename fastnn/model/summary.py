"""The table that `Sequential.summary` prints, and that a notebook shows."""

from collections.abc import Sequence

from fastnn.engine.layout import Layout, drop_redundant_biases
from fastnn.inputs import notebook
from fastnn.layers import BatchNorm, Dense, Layer


def describe(
    layers: Sequence[Layer], layout: Layout | None, frozen: int, fitted: bool = True
) -> str:
    """One line a layer: what it is, its output width, its number of parameters.

    `fitted` is whether a first Standardize knows the features.
    """
    lines = [f"{'layer':<34}{'output':>8}{'parameters':>12}"]
    for layer, width, count, notes in _rows(layers, layout, frozen, fitted):
        lines.append(f"{layer:<34.33}{width:>8}{count:>12}{f'  ({notes})' if notes else ''}")
    return "\n".join([*lines, *_totals(layers, layout)])


def drawn(layers: Sequence[Layer], layout: Layout | None, frozen: int, fitted: bool) -> str:
    """The same as HTML."""
    heads = "layer", "output", "parameters", ""
    table = notebook.table(heads, _rows(layers, layout, frozen, fitted))
    return notebook.shown("Sequential: " + "; ".join(_totals(layers, layout)), table)


def _rows(
    layers: Sequence[Layer], layout: Layout | None, frozen: int, fitted: bool
) -> list[tuple[str, str, str, str]]:
    """Of each layer: what it is, its output width, its number of parameters, and notes."""
    rows = []
    for k, (given, layer) in enumerate(zip(layers, drop_redundant_biases(layers), strict=True)):
        width, count = "?", "?"
        if layout is not None:
            members, width = layout.members[k + 1], str(layout.widths[k + 1])
            if members > 1:
                width = f"{members} x {layout.widths[k + 1] // members}"
            count = f"{sum(t.size for t in layout.parameters if t.layer == k):,}"
        notes = []
        if isinstance(given, Dense) and given != layer:
            notes.append("no bias: the batch norm after it takes it away")
        if k < frozen:
            notes.append("frozen")
        if k == 0 and not fitted:
            notes.append("not fitted yet")
        rows.append((repr(given), width, count, "; ".join(notes)))
    return rows


def _totals(layers: Sequence[Layer], layout: Layout | None) -> list[str]:
    """What stands below the table."""
    if layout is None:
        return ["not built yet: fit, or build(n_features), counts the parameters"]
    found = [f"inputs {layout.n_in}, parameters {sum(t.size for t in layout.parameters):,}"]
    kept = drop_redundant_biases(layers)
    normed = (2 * layout.widths[k] for k, x in enumerate(kept) if isinstance(x, BatchNorm))
    statistics = sum(normed)
    return [*found, f"running statistics {statistics:,}"] if statistics else found
