#!/usr/bin/env bash
# JAX 0.10.2 on a CPU: a float32 of 1e-40 equals 0 to JAX, and is handed back as 1e-40.
#
# Subnormal operands are read as zeros by what computes, and kept by what copies: x == 0 is True, x > 0 is False, log(x)
# is -inf (NumPy and PyTorch: -92.1), a sum or a maximum of such numbers is 0, while np.asarray(x), a sort, and x + 0
# under jit, which compiles to nothing, give 1e-40. So the logarithm of a softmax is -inf from a gap of 88 between two
# logits on, in PyTorch from 104 on; and a mask made by NumPy of an array disagrees with the one made by jax.numpy.
#
# Seen: jax: == 0 True, > 0 False, log -inf, sum 0.0, sort 1e-40, jit(x + 0) 1e-40, log softmax -inf
#       numpy: == 0 False, > 0 True, log -92.103; torch 2.13.0: log -92.103, log softmax -95.0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6 torch==2.13.0
cd "$folder"
JAX_PLATFORMS=cpu "$folder/venv/bin/python" - <<'PY'
import jax
import jax.numpy as jnp
import numpy as np
import torch

small = np.full(8, 1e-40, np.float32)
x = jnp.asarray(small)
back, ordered, same = (np.asarray(v)[0] for v in (x, jnp.sort(x), jax.jit(lambda v: v + 0)(x)))
assert back == ordered == same == small[0] != 0
equal, above, log, total = bool((x == 0)[0]), bool((x > 0)[0]), float(jnp.log(x)[0]), float(jnp.sum(x))
logits = [0.0, -95.0]
of_softmax = float(jnp.log(jax.nn.softmax(jnp.asarray(logits)))[1])
print(f"jax: == 0 {equal}, > 0 {above}, log {log}, sum {total}, sort {ordered:.0e}, jit(x + 0) {same:.0e}, log softmax {of_softmax}")
assert (equal, above, total) == (True, False, 0.0)
assert log == of_softmax == -np.inf
theirs = float(torch.log(torch.from_numpy(small))[0])
their_softmax = float(torch.log(torch.softmax(torch.tensor(logits), 0))[1])
print(f"numpy: == 0 {bool((small == 0)[0])}, > 0 {bool((small > 0)[0])}, log {np.log(small)[0]:.3f}; "
      f"torch 2.13.0: log {theirs:.3f}, log softmax {their_softmax:.1f}")
assert not (small == 0).any() and abs(np.log(small)[0] + 92.103) < 1e-2
assert abs(theirs + 92.103) < 1e-2 and abs(their_softmax + 95) < 1e-2
PY
