#!/usr/bin/env bash
# JAX's XLA_FLAGS=--xla_cpu_max_isa=... does not hold its matrix products: they run the widest set of the processor.
#
# The flag is read as a limit on the instructions of compiled code, and comparisons "on SSE" or "on AVX2" are made with it. It
# holds what XLA compiles itself: x * y + z is rounded twice under SSE4_2, which has no fused multiply-add, and once under
# AVX2. A product of matrices comes from a library of ready kernels that choose by the processor alone: with jax 0.10.2 it is
# fused under SSE4_2 too, with the highest precision asked for. (On a processor with AVX-512 and the flag at AVX2, products
# of 512 x 512 ran 85 to 130 GFLOP/s on a core whose 256-bit multiply-adds reach 75.)
#
# Needs a processor with FMA. The value is 2^-24 where fused, 0 where rounded twice, in units of 2^-24:
# Seen: SSE4_2: x*y+z 0, product 1; AVX2: x*y+z 1, product 1
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
grep -q -w fma /proc/cpuinfo || { echo "skipped: no FMA here"; exit 0; }
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
cd "$folder"
cat > fused.py <<'PY'
import jax
import numpy as np

near_one = np.float32(1 + 2**-12)
minus = np.float32(-(1 + 2**-11))
x, minus_row = np.full(64, near_one), np.full(64, minus)
alone = jax.jit(lambda x, y, z: x * y + z)(x, x, minus_row)
a, b = np.zeros((2, 64, 64), np.float32)
a[:, 0], a[:, 1] = minus, near_one
b[0], b[1] = 1, near_one
product = jax.jit(lambda a, b: jax.numpy.matmul(a, b, precision="highest"))(a, b)
print(f"x*y+z {float(alone[0]) * 2**24:.0f}, product {float(product[0, 0]) * 2**24:.0f}")
PY
for isa in SSE4_2 AVX2; do
    seen=$(XLA_FLAGS="--xla_cpu_max_isa=$isa" "$folder/venv/bin/python" fused.py)
    echo "$isa: $seen"
    [ "$isa" = SSE4_2 ] && expected="x*y+z 0, product 1" || expected="x*y+z 1, product 1"
    [ "$seen" = "$expected" ]
done
