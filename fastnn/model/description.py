"""What the description of a model file says: the form that is checked before anything is built."""

from fastnn.files.forms import (
    WORD,
    choice,
    listed,
    maybe,
    number,
    record,
    row,
    switch,
    text,
    texts,
    whole,
)
from fastnn.files.specs import metric, part

_SEED = whole(0, 2**512)
_GENERATOR = record({
    "bit_generator": choice("PCG64"),
    "state": record({"state": whole(0, 2**128 - 1), "inc": whole(0, 2**128 - 1)}),
    "has_uint32": whole(0, 1),
    "uinteger": whole(0, 2**32 - 1),
})  # fmt: skip
_SETUP = record(
    {
        "optimizer": part("optimizers"),
        "loss": part("losses"),
        "metrics": listed(row(text, metric)),
        "clip_norm": number(0),
        "clip_value": number(0),
    },
    {"weighted": listed(text)},
)
_NETWORK = record(
    {
        "n_features": whole(1),
        "step": whole(),
        "epoch": whole(),
        "frozen": whole(),
        "learning_rate_factor": number(0),
        "partial": maybe(row(whole(1), switch, whole())),
    },
    {"schedule_start": whole(), "feature_names": maybe(texts)},
)

DESCRIPTION = record(
    {
        "version": whole(1),
        "fastnn": text,
        "layers": listed(part("layers"), least=1),
        "dtype": choice("float32", "float64"),
        "seed": maybe(_SEED),
        "init": _GENERATOR,
        "shuffle": _GENERATOR,
        "split": record(
            {"entropy": maybe(_SEED), "spawn_key": listed(whole(0, 2**32 - 1), most=8)}
        ),
        "dropout_seed": whole(0, WORD),
        "setup": maybe(_SETUP),
        "columns": listed(text),
    },
    {"network": _NETWORK},
)
