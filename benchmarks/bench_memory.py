"""Peak memory of a fit from a memory-mapped X, above the interpreter and its libraries.

A new process trains a tiny model first, so that all code is loaded, then fits from the file. A
thread beside it looks at the anonymous memory (RssAnon) every few milliseconds; pages of the file
itself, which the system may drop at any time, do not count there. `track_high_water` counts them.
"""

import os
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import support

FIT = """
import json, sys, threading, time
import numpy as np
from fastnn import Dense, ReLU, Sequential, Softmax

def status(name):
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))

def fit(X, y):
    model = Sequential([Dense(32), ReLU(), Dense(10), Softmax()], seed=0)
    model.compile()
    model.fit(X, y, epochs=1, batch_size=128, validation_split=0.1, verbose=0)

fit(np.eye(256, 64, dtype=np.float32), np.arange(256) % 10)
X = np.load(sys.argv[1], mmap_mode="r")
y = np.arange(len(X)) % 10
before = status("RssAnon"), status("VmHWM")
peak, done = before[0], threading.Event()

def watch():
    global peak
    while not done.is_set():
        peak = max(peak, status("RssAnon"))
        time.sleep(0.002)

watcher = threading.Thread(target=watch)
watcher.start()
fit(X, y)
done.set()
watcher.join()
print(json.dumps({"anonymous": peak - before[0], "high_water": status("VmHWM") - before[1]}))
"""


class Memmap:
    """A file of so many megabytes of float32, 256 columns; float16 has to be cast in blocks."""

    params = ("float32", "float16")
    param_names = ("dtype",)
    megabytes = 64
    unit = "MB"
    timeout = 120

    def setup(self, dtype):
        if not Path("/proc/self/status").exists():
            raise NotImplementedError("reads /proc")
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "X.npy"
        rows = self.megabytes * 2**20 // (256 * np.dtype(dtype).itemsize)
        file = np.lib.format.open_memmap(self.path, "w+", dtype, (rows, 256))
        block = np.random.default_rng(0).standard_normal((4096, 256), dtype=np.float32)
        for start in range(0, rows, len(block)):
            file[start : start + len(block)] = block[: rows - start]
        file.flush()

    def teardown(self, dtype):
        self.folder.cleanup()

    def track_anonymous(self, dtype):
        return support.in_a_process(FIT, self.path)[0]["anonymous"]

    def track_high_water(self, dtype):
        return support.in_a_process(FIT, self.path)[0]["high_water"]


class LargeMemmap(Memmap):
    """The same of 2 GB: only where FASTNN_BENCH_LARGE is set. Needs the disk, and minutes."""

    params = ("float32",)
    megabytes = 2048
    timeout = 1200

    def setup(self, dtype):
        if not os.environ.get("FASTNN_BENCH_LARGE"):
            raise NotImplementedError("set FASTNN_BENCH_LARGE to run it")
        super().setup(dtype)

    def teardown(self, dtype):
        if hasattr(self, "folder"):
            super().teardown(dtype)
