#!/usr/bin/env bash
# optax 0.2.8: rprop makes no step at first, and loses two at each change of sign.
#
# Rprop compares the sign of a gradient with the one before. After a change of sign iRprop- forgets the gradient, so that
# the next step, whose product of signs is 0, is made with the step size as it stands (Igel and Huesken 2000, and
# torch.optim.Rprop). optax takes a product of 0 for "no step": the very first update is 0, and after each change of sign the
# next one is lost as well. Where the sign changes every second step (near a minimum) it never moves again.
#
# Seen: gradients 1 1 -1 -1 1 1 -1 -1, rate 0.1: optax moves in 1 of 8 steps: 1.0 0.9 0.9 0.9 0.9 0.9 0.9 0.9
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q optax==0.2.8 jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import jax.numpy as jnp
import optax

rule = optax.rprop(0.1)
weight = jnp.array([1.0])
state, path = rule.init(weight), []
for gradient in (1.0, 1.0, -1.0, -1.0, 1.0, 1.0, -1.0, -1.0):
    update, state = rule.update(jnp.array([gradient]), state, weight)
    weight = optax.apply_updates(weight, update)
    path.append(round(float(weight[0]), 6))
moved = sum(a != b for a, b in zip([1.0, *path], path))
print(f"optax moves in {moved} of 8 steps:", *path)
assert path == [1.0, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9]
PY
