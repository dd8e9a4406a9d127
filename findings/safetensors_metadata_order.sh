#!/usr/bin/env bash
# safetensors 0.8.0: a file with two entries of metadata has no fixed bytes.
#
# `safetensors.numpy.save(tensors, metadata)` writes the metadata through a hash map of a random seed: the
# same tensors and the same two entries give files of different bytes from one process to the next, and
# within one process from call to call. Whoever signs such files, compares them or stores them by a digest
# must put all metadata into one entry. With one entry the bytes are always the same.
#
# Seen: 2 entries, 40 calls: 2 different files; 1 entry, 40 calls: 1 file.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q safetensors==0.8.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import numpy as np
from safetensors.numpy import save

tensors = {"w": np.zeros(3, np.float32)}
two = {save(tensors, {"name": "a", "unit": "b"}) for _ in range(40)}
one = {save(tensors, {"name": "a"}) for _ in range(40)}
print(f"2 entries, 40 calls: {len(two)} different files; 1 entry, 40 calls: {len(one)} file")
assert len(two) == 2 and len(one) == 1
PY
