"""The words that Python and the compiled loop share: codes and record types.

A network is data: `OP` is one row of the program, `TASK` one piece of a training step, and
`CONTEXT` is everything one run of the compiled loop needs. Offsets count elements from the start
of an arena; addresses are absolute; -1 (offset) and 0 (address) mean "absent".
"""

import numpy as np

# Operations. The elementwise ones follow ACTIVATION, in the order of `ACTIVATIONS`.
(DENSE, BATCHNORM, DROPOUT, STANDARDIZE, SOFTMAX, HARDMAX, CUSTOM, SCALE, MEMBERS,
 PERIODIC, EMBEDDING, PIECEWISE) = range(12)  # fmt: skip
EMBEDDINGS = EMBEDDING, PERIODIC
ENCODINGS = *EMBEDDINGS, PIECEWISE
WITH_GRADIENT = DENSE, SCALE, MEMBERS, *EMBEDDINGS
"""Those whose gradient of their input lies in a place of its own."""
WITH_ARRAYS = *WITH_GRADIENT, BATCHNORM, STANDARDIZE
"""Those that hold arrays."""
ACTIVATION = 12
ACTIVATIONS = (
    "identity", "relu", "leaky_relu", "elu", "selu", "gelu",
    "silu", "tanh", "sigmoid", "softplus", "mish",
)  # fmt: skip
IDENTITY, RELU, LEAKY_RELU, ELU, SELU, GELU, SILU, TANH, SIGMOID, SOFTPLUS, MISH = range(
    ACTIVATION, ACTIVATION + len(ACTIVATIONS)
)

# Scale and slope of SELU (Klambauer et al. 2017).
SELU_SCALE = 1.0507009873554804934193349852946
SELU_ALPHA = 1.6732632423543772848170429916717

# Losses; the first two read logits, because softmax and sigmoid are fused into them.
(CROSS_ENTROPY, BINARY_CROSS_ENTROPY, MSE, MAE, HUBER, POISSON, PINBALL, CUSTOM_LOSS,
 LOG_POISSON) = range(9)  # fmt: skip

# Optimizers.
SGD, RMSPROP, ADAM, NADAM, RPROP = range(5)

# Tasks of a step: see `interpreter.run_task`.
FORWARD, TURN, BACKWARD, UPDATE, GRADIENT, APPLY, PREDICT, EVALUATE = range(8)

# How many helpers of a team are inside a run: so many before it begins, and after its end.
WAITING, CLOSED = -(2**61), -(2**62)

# Where the rows of X come from, by element type.
X_FLOAT32, X_FLOAT64, X_UINT8 = range(3)


def _record(**fields: str) -> np.dtype:
    codes = {"int": np.int64, "float": np.float64}
    return np.dtype([(n, codes[t]) for t, names in fields.items() for n in names.split()])


OP = _record(
    int="""kind n_in n_out x y dy dx weight bias statistics partials running
           packed transposed strips function derivative layer trainable
           repeat groups depth units start phase linear waves ends knots""",
    float="alpha momentum l1 l2 rate bias_rate",
)
"""One row of the program.

`x, y` are offsets in the work arena of its input (B, n_in) and output (B, n_out), `dy, dx` of their
gradients (dx = -1: nobody asks); there too, `packed`, `transposed` and `strips` are copies of W,
W^T and dy where products want them, `statistics` and `partials` batch norm's sums over the batch
and over each chunk. `weight` (W or gamma), `bias` (b or beta) and `running` (mean, variance and
bias correction of batch norm) are offsets in the state arena. `function, derivative` are addresses
of a user's functions. A row of its input is `repeat` rows, one a member, which share W; or
`groups` pieces, each with a W (depth, units) of its own, one below the other; else both are 1. A
PERIODIC embeds the `groups` numbers from column `start` on of each of `repeat` rows: each has
`depth` frequencies (`weight`), their phases (`phase`), and a map (`linear`, `bias`) to `units`
numbers; `waves` is where their cosines lie, for each row apart. An EMBEDDING puts a row of its
table (`groups`, `units`) in the place of the code in column `start`. A PIECEWISE has the `knots` of
its columns at an address, and at another where those of each column end, `ends` (n_in + 1,).
`alpha` is the slope, the rate, the height or epsilon; `rate` and `bias_rate` are factors of the
learning rate.
"""

TASK = _record(int="kind first last begin end low")
"""One piece of a step. Ops `first .. last-1`; chunks `begin .. end-1` of the batch, or rows
`begin .. end-1` of a weight matrix; a TURN goes back down to op `low`. A task of no chunks has
nothing to do: the one before it has taken its chunk, and writes the loss of it in its place."""

CONTEXT = _record(
    int="""ops n_ops n_fused chunks tasks phases n_phases n_tasks n_steps bounds order n_order rates
           penalties step epoch_step epoch_steps seed
           X X_kind X_row X_column y labels n_targets sample_weight targets weights reduction
           loss loss_function quantiles n_quantiles optimizer nesterov inside_root epsilon_hat
           gradient scratch scratch_size slots n_params losses norms outputs
           training careful worker_stride ticket done failed arrived members n_outputs""",
    float="""smoothing delta beta_1 beta_2 epsilon momentum weight_decay momentum_decay
             clip_value clip_norm eta_minus eta_plus step_min step_max""",
)
"""Everything one run needs.

`bounds` (n_steps + 1,) cuts `order` into mini-batches; `rates` (n_steps,) are the learning rates,
`penalties` (n_steps,) factors of the penalties l1 and l2, 1 where absent;
`step` is the number of updates made before. `X_row, X_column` are strides in elements. `labels` is
1 where y holds class numbers. `n_fused` is the number of ops of a training pass: a softmax or
sigmoid that the loss has absorbed is left out; a batch has `chunks` chunks. `losses` (n_steps,
n_tasks) receives one partial sum a task or chunk, `norms` (epochs, n_tasks) one of the squared
gradient, of the last step of each epoch: epochs have `epoch_steps` steps, of the first of which
`epoch_step` came before. A prediction that is `careful` fails where a row is not finite, or an
output NaN. `ticket` and `done` count tasks handed out and finished, `failed` is the step of the
first non-finite loss, plus one. The `n_outputs` of each of `members` networks lie side by side: a
step's loss is the mean of theirs, what is predicted their average.
"""

N_STATISTICS = 7
"""Rows that batch norm keeps of a batch."""
