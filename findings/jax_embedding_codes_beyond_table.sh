#!/usr/bin/env bash
# Flax 0.12.8 and Equinox 0.13.8 on JAX 0.10.2: a code beyond an embedding's table is NaN in one and the last row in the other.
#
# The same array indexed by the same code: flax.nnx.Embed goes through jnp.take, which fills with NaN what is out of bounds,
# equinox.nn.Embedding through weight[code], which takes the nearest row there is. To both -1, the usual code of a missing
# category, is the last row, without a word; below -rows one has NaN, the other row 0. jax.nn.one_hot(code) @ weight, often
# said to be the same thing, has zeros for all of them.
#
# Seen: codes 2, 3, -1, -4: Flax [12, nan, 12, nan], Equinox [12, 12, 12, 10], one_hot [12, 0, 0, 0]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q jax==0.10.2 jaxlib==0.10.2 flax==0.12.8 equinox==0.13.8 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import equinox
import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

codes, table = jnp.array([2, 3, -1, -4]), jnp.array([[10.0], [11.0], [12.0]])
flax_layer = nnx.Embed(3, 1, rngs=nnx.Rngs(0))
flax_layer.embedding.value = table
of_flax = np.asarray(flax_layer(codes)[:, 0])
layer = equinox.tree_at(lambda e: e.weight, equinox.nn.Embedding(3, 1, key=jax.random.key(0)), table)
of_equinox = np.asarray(jax.vmap(layer)(codes)[:, 0])
of_one_hot = np.asarray((jax.nn.one_hot(codes, 3) @ table)[:, 0])
shown = ["[" + ", ".join(f"{v:g}" for v in a) + "]" for a in (of_flax, of_equinox, of_one_hot)]
print(f"codes 2, 3, -1, -4: Flax {shown[0]}, Equinox {shown[1]}, one_hot {shown[2]}")
np.testing.assert_array_equal(of_flax, [12, np.nan, 12, np.nan])
np.testing.assert_array_equal(of_equinox, [12, 12, 12, 10])
np.testing.assert_array_equal(of_one_hot, [12, 0, 0, 0])
PY
