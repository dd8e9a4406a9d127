"""The table that `Sequential.summary` prints."""

from collections.abc import Sequence

from fastnn.engine.layout import Layout, drop_redundant_biases
from fastnn.layers import BatchNorm, Dense, Layer


def describe(
    layers: Sequence[Layer], layout: Layout | None, frozen: int, fitted: bool = True
) -> str:
    """One line a layer: what it is, its output width, its number of parameters.

    `fitted` is whether a first Standardize knows the features.
    """
    kept = drop_redundant_biases(layers)
    lines = [f"{'layer':<34}{'output':>8}{'parameters':>12}"]
    total = 0
    for k, (given, layer) in enumerate(zip(layers, kept, strict=True)):
        width, count = "?", "?"
        if layout is not None:
            width = str(layout.widths[k + 1])
            n = sum(t.size for t in layout.parameters if t.layer == k)
            total += n
            count = f"{n:,}"
        notes = []
        if isinstance(given, Dense) and given != layer:
            notes.append("no bias: the batch norm after it takes it away")
        if k < frozen:
            notes.append("frozen")
        if k == 0 and not fitted:
            notes.append("not fitted yet")
        after = f"  ({'; '.join(notes)})" if notes else ""
        lines.append(f"{given!r:<34.33}{width:>8}{count:>12}{after}")
    if layout is None:
        lines.append("not built yet: fit, or build(n_features), counts the parameters")
    else:
        lines.append(f"inputs {layout.n_in}, parameters {total:,}")
        statistics = sum(
            2 * layout.widths[k] for k, x in enumerate(kept) if isinstance(x, BatchNorm)
        )
        if statistics:
            lines.append(f"running statistics {statistics:,}")
    return "\n".join(lines)
