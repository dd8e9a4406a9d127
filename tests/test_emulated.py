"""On aarch64, emulated: a wheel's kernels, what they compute beside this processor, files, tests.

The root is made anew in each run, some hundred megabytes from Debian's mirror and the package
index; where one of these or a program is missing, the tests are skipped and say which.
"""

import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from emulated import ROOT, Emulated, missing
from test_shipped import TRAIN

from fastnn.kernels.machine import target

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(target.machine() == "aarch64", reason="this is such a processor"),
]
TESTS = (
    "functions", "ops", "batchnorm", "optimizers", "training", "team", "determinism", "threads",
    "persistence", "saving",
)  # fmt: skip


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    """A Debian of another processor, with fastnn's wheel."""
    folder = tmp_path_factory.mktemp("emulated")
    if lacking := missing(folder):
        pytest.skip(lacking)
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    environment = os.environ | {"FASTNN_WHEEL_FOR": "aarch64"}
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    (wheel,) = folder.glob("*_aarch64.whl")
    return Emulated(folder / "root", wheel, ["pytest", "hypothesis", "scikit-learn"])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_wheels_kernels_run_without_a_compiler(there, dtype):
    assert there.python("-W", "error", "-c", TRAIN, dtype).split() == ["wheel", "False"]


def here(*arguments):
    """What this processor's Python prints, in the folder of the sources."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": path, "NUMBA_NUM_THREADS": "2"},
    )  # fmt: skip
    return done.stdout


FITS = """
import hashlib, json, sys
import numpy as np
import fastnn, test_proof_bits as proof
from fastnn.engine import team
together, run = [], team.run
team.run = lambda *given: (together.append(given[2]), run(*given))
rng, found = np.random.default_rng(17), []
for _ in range(int(sys.argv[1])):
    given, bits = proof.setting(rng), []
    for threads in (1, 2):
        fastnn.set_num_threads(threads)
        make, X, y, fit = given
        model = make()
        model.fit(X, y, **fit)
        weights = np.concatenate([w.ravel() for w in [*model.get_weights(), model.predict(X)]])
        bits.append(hashlib.sha256(weights.tobytes()).hexdigest())
    found.append((model.history["loss"], bits))
print(json.dumps((found, len(together))))
"""
COUNT = 40


def test_losses_are_those_of_this_processor(there):
    """Sums add up in another order; one and two threads have the same bits on either processor."""
    usual, _ = json.loads(here("-c", FITS, str(COUNT)))
    found, together = json.loads(there.python("-c", FITS, str(COUNT)))
    assert together >= COUNT // 4
    assert len(found) == len(usual) == COUNT
    for (losses, bits), (expected, _) in zip(found, usual, strict=True):
        assert len(set(bits)) == 1
        np.testing.assert_allclose(losses, expected, rtol=1e-6)


SAVE = """
import sys
from test_saving import X, network, y
model = network()
model.fit(X, y, epochs=1, verbose=0)
model.save(sys.argv[1])
"""
GO_ON = """
import json, sys
import fastnn
from test_saving import X, y
model = fastnn.load(sys.argv[1])
model.save(sys.argv[2])
before = model.predict(X).tolist()
model.fit(X, y, epochs=1, verbose=0)
print(json.dumps((before, model.history["loss"])))
"""


def assert_alike(one, other):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("begun", ["here", "there"])
def test_a_model_goes_on_where_another_processor_saved_it(begun, there, tmp_path):
    away = there.folder / "tmp"
    if begun == "here":
        here("-c", SAVE, str(tmp_path / "first"))
        shutil.copy(tmp_path / "first", away)
    else:
        there.python("-c", SAVE, "/tmp/first")
        shutil.copy(away / "first", tmp_path)
    one = json.loads(here("-c", GO_ON, str(tmp_path / "first"), str(tmp_path / "again")))
    other = json.loads(there.python("-c", GO_ON, "/tmp/first", "/tmp/again"))
    assert_alike(one, other)
    saved = [folder / name for folder in (tmp_path, away) for name in ("first", "again")]
    assert len({path.read_bytes() for path in saved}) == 1


COMPILE = """
import sys
from pathlib import Path
from fastnn.kernels import shipping
from fastnn.kernels.machine import target
known = target.level("aarch64", "linux")
longer = known._replace(cpu="neoverse-v1", features="+neon,+sve,+lse,+rcpc,+dotprod,+fullfp16")
target.level = lambda name, system: longer
shipping.write(Path(sys.argv[1]), "aarch64", "linux", "float32")
"""


def test_kernels_for_vectors_of_any_length_train_alike(there):
    """Compiled on the user's machine they use what it has: SVE, here of 512 bits, and atomics."""
    there.python("-c", SAVE, "/tmp/first")
    usual = json.loads(there.python("-c", GO_ON, "/tmp/first", "/tmp/again"))
    shutil.copytree(there.packages / "fastnn", there.place("longer/fastnn"))
    shipped = there.place("longer/fastnn/kernels/shipped")
    before = (shipped / "float32-aarch64-linux.bin").read_bytes()
    here("-c", COMPILE, str(shipped))
    assert (shipped / "float32-aarch64-linux.bin").read_bytes() != before
    longer = {"PYTHONPATH": "longer:tests", "QEMU_CPU": "max"}
    assert there.python("-c", TRAIN, "float32", **longer).split()[0] == "wheel"
    assert_alike(usual, json.loads(there.python("-c", GO_ON, "/tmp/first", "/tmp/again", **longer)))


def test_the_tests_pass(there):
    """Of what a wheel brings; not those that call for this system's own programs."""
    files = [f"tests/test_{name}.py" for name in TESTS]
    said = there.python(
        "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider", "-k", "not full_disk", *files
    )
    passed = int(re.search(r"(\d+) passed", said)[1])
    assert passed >= 600, said
