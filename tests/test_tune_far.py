"""Trials in other processes and on a cluster: the same table, and nothing lost with a worker."""

import logging
import os
import signal
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from tune_study import SPACE, X, Y, build, study, table

from fastnn import tune

posix = pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")


def rows(path):
    """The trials of the only study of a ledger; none before it is there."""
    if not Path(path).exists():
        return []
    ledger = tune.Ledger(path)
    try:
        return ledger.trials(1, tune.Space(SPACE))
    finally:
        ledger.close()


def test_processes_of_an_executor():
    with ProcessPoolExecutor(2) as executor:
        far = study(":memory:", "halving", 9, 9, executor=executor)
    assert table(far) == table(study(":memory:", "halving", 9, 9))


def test_an_executor_that_breaks_down_loses_nothing(tmp_path):
    path = tmp_path / "study.db"
    message = r"broken down.*study\.db.*goes on from there"
    settings = {"trials": 9, "epochs": 6, "storage": path, "verbose": 0}
    with ProcessPoolExecutor(1) as executor, pytest.raises(RuntimeError, match=message):
        tune.search(die_at_few, SPACE, X, Y, executor=executor, **settings)
    statuses = [t.status for t in rows(path)]
    assert "done" in statuses
    assert "running" not in statuses


def test_what_has_no_pickle_is_told():
    with ProcessPoolExecutor(1) as executor, pytest.raises(ValueError, match=r"(?i)pickle|local"):
        tune.search(
            lambda learning_rate, units: build(learning_rate, units), SPACE, X, Y, trials=2,
            storage=":memory:", verbose=0, executor=executor,
        )  # fmt: skip


def die_at_few(learning_rate, units):
    if units < 8 and os.getpid() != MAIN:
        os._exit(1)
    return build(learning_rate, units)


MAIN = os.getpid()


def test_a_time_limit_takes_back_what_has_not_begun(tmp_path):
    settings = {"strategy": "halving", "trials": 40, "epochs": 81}
    path, calls = tmp_path / "study.db", 0
    with ProcessPoolExecutor(1) as executor:
        # All jobs are handed out at once, as to a cluster.
        executor._max_workers = 100
        far = study(path, executor=executor, seconds=0.15, **settings)
        assert not far.complete
        assert {t.status for t in far.trials} <= {"waiting", "paused", "pruned", "done"}
        while not far.complete:
            calls += 1
            far = study(path, executor=executor, seconds=0.15 + calls, **settings)
    assert table(far) == table(study(":memory:", **settings))


def kill_when_busy(path, pid, seen):
    """Kill a process as soon as some, but not all, trials have been trained."""
    while sum(t.epochs > 0 for t in rows(path)) < 3:
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    seen += [t.epochs for t in rows(path)]


@posix
def test_dask_runs_a_search_and_outlives_a_worker(tmp_path):
    distributed = pytest.importorskip("distributed")
    settings = {"strategy": "halving", "trials": 27, "epochs": 243}
    path, seen = tmp_path / "study.db", []
    workers = {"n_workers": 2, "threads_per_worker": 1, "local_directory": str(tmp_path)}
    quiet = {"dashboard_address": None, "silence_logs": logging.CRITICAL}
    with (
        distributed.LocalCluster(**workers, **quiet) as cluster,
        distributed.Client(cluster) as client,
    ):
        pid = next(iter(client.run(os.getpid).values()))
        killer = threading.Thread(target=kill_when_busy, args=(path, pid, seen))
        killer.start()
        far = study(path, executor=client.get_executor(), **settings)
        killer.join()
    assert max(seen) < 243
    assert far.complete
    assert table(far) == table(study(":memory:", **settings))
