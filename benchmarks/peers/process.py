"""The peers, and a process for each: start it, ask it, stop it."""

import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.peers.workloads import make_data

ROOT = Path(__file__).parents[2]


class Peer(NamedTuple):
    """A library, run by `run_<library>.py`."""

    library: str
    packages: tuple[str, ...]  # what must be importable
    variant: str | None = None
    batch_norm: bool = True


PEERS = {
    "fastnn": Peer("fastnn", ("fastnn",)),
    "jax": Peer("jax", ("jax",)),
    "torch": Peer("torch", ("torch",)),
    "torch-fused": Peer("torch", ("torch",), variant="fused"),
    "sklearn": Peer("sklearn", ("sklearn",), batch_norm=False),
    "keras": Peer("keras", ("keras", "jax")),
    "limit": Peer("limit", ("scipy", "numba", "threadpoolctl")),
}
# ONNX Runtime trains nothing: it is asked for its latency only.
ALL = PEERS | {"onnxruntime": Peer("onnxruntime", ("onnxruntime", "onnx"))}
DISTRIBUTIONS = {"sklearn": "scikit-learn"}


class PeerError(RuntimeError):
    """A peer's process ended instead of answering; the message is its last line."""


def absent(peer):
    """Which of the peer's packages are not installed."""
    return [name for name in peer.packages if importlib.util.find_spec(name) is None]


def present(names):
    """Those of the peers that are installed; one line for each of the others."""
    for name in names:
        if missing := absent(ALL[name]):
            print(f"{name} is skipped: not installed: {', '.join(missing)}", file=sys.stderr)
    return [name for name in names if not absent(ALL[name])]


def versions(peers):
    """Package name -> installed version, for all packages of these peers."""
    found = {}
    for name in sorted({name for peer in peers for name in peer.packages}):
        try:
            found[name] = importlib.metadata.version(DISTRIBUTIONS.get(name, name))
        except importlib.metadata.PackageNotFoundError:
            found[name] = "source tree"
    return found


def command(peer, workload, threads, data, *options):
    """The command line of a peer's process."""
    variant = ["--variant", peer.variant] if peer.variant else []
    module = [sys.executable, "-m", "benchmarks.peers.runner", peer.library]
    return [*module, workload.name, str(threads), "--data", str(data), *variant, *options]


def save_data(workload, folder):
    """Make the workload's data once for all peers; the path of the .npz file."""
    path = Path(folder) / f"{workload.name}.npz"
    if not path.exists():
        X, y = make_data(workload)
        np.savez(path, X=X, y=y)
    return path


def last_line(text):
    """The last line that is not empty: of a traceback, the error."""
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "no message"


class Process:
    """A peer at one workload; it sleeps between questions, so that only one works at a time."""

    def __init__(self, peer, workload, threads, data):
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115, __exit__ closes it
        self.process = subprocess.Popen(
            command(peer, workload, threads, data),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            cwd=ROOT,
            env=os.environ | {"PYTHONWARNINGS": "ignore"},
            text=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.errors.close()

    def ready(self):
        """Wait until the library is imported and the network is built."""
        self._read()

    def ask(self, do, **arguments):
        """Send one command, wait for its answer (see `runner`)."""
        try:
            self.process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # reading says why
        return self._read()

    def _read(self):
        line = self.process.stdout.readline()
        if line:
            return json.loads(line)
        self.process.wait()
        self.errors.seek(0)
        raise PeerError(last_line(self.errors.read()))
