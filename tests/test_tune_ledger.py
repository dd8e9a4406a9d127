"""The ledger: one row a trial, each run by one process, nothing lost with a process that dies."""

import contextlib
import json
import math
import sqlite3
import subprocess
import sys

import pytest

from fastnn.tune import Choice, Ledger, LogUniform, Space, ledger
from fastnn.tune.trial import Trial, mean_curves

SPACE = Space({"rate": LogUniform(1e-4, 1), "kind": Choice([len, max])})


def trial(number, **columns):
    point = {"rate": 0.01 * (number + 1), "kind": len}
    return Trial(number, point, point, seed=number, **columns)


@pytest.fixture
def shared(tmp_path):
    """Two users of one file, their study, and four trials."""
    path = tmp_path / "study.db"
    first, second = Ledger(path), Ledger(path)
    study = first.study("key", {"a": 1})
    first.enrol(study, [trial(k, target=3) for k in range(4)], SPACE.labels)
    yield first, second, study
    for one in (first, second):
        with contextlib.suppress(sqlite3.ProgrammingError):
            one.close()


def test_a_study_is_found_again_by_its_key(shared):
    _first, second, study = shared
    assert second.study("key", {}) == study
    assert second.study("other", {}) != study


def test_a_trial_is_claimed_once(shared):
    first, second, study = shared
    assert first.claim(study, 0)
    assert not second.claim(study, 0)
    assert not first.claim(study, 0)
    assert not first.claim(study, 99)


def test_what_was_recorded_is_read_back(shared):
    first, second, study = shared
    first.claim(study, 1)
    done = trial(
        1, status="done", value=0.25, epoch=2, epochs=3, target=3, seconds=0.5, reason="why",
        curves={"val_loss": [math.nan, 0.25, math.inf]}, folds=[{"loss": [1.0]}],
    )  # fmt: skip
    assert first.record(study, done)
    found = second.trials(study, SPACE)[1]
    assert math.isnan(found.curves["val_loss"][0])
    assert math.isnan(found.curves["val_loss"][2])
    found.curves = done.curves
    assert found == done
    assert second.trials(study, SPACE)[0].status == "waiting"


def test_plain_sql_reads_it(shared):
    first, _second, study = shared
    first.claim(study, 2)
    first.record(study, trial(2, status="done", value=0.5, curves={"loss": [math.nan, 1.0]}))
    with sqlite3.connect(first.path) as db:
        row = db.execute(
            "SELECT value, json_extract(params, '$.rate'), json_extract(curves, '$.loss[1]'), "
            "params FROM trials WHERE status = 'done'"
        ).fetchone()
    db.close()
    assert row[:3] == (0.5, 0.03, 1.0)
    assert json.loads(row[3])["kind"] == repr(len)


def test_a_trial_that_was_taken_away_is_not_recorded(shared, monkeypatch):
    first, second, study = shared
    first.claim(study, 0)
    assert second.revive(study) == []
    monkeypatch.setattr(ledger, "STALE_SECONDS", -1)
    assert second.revive(study) == [0]
    assert second.claim(study, 0)
    assert not first.record(study, trial(0, status="done", value=1.0))
    assert second.record(study, trial(0, status="done", value=2.0))
    assert first.trials(study, SPACE)[0].value == 2.0


def test_a_heartbeat_keeps_a_trial(shared, monkeypatch):
    first, second, study = shared
    first.claim(study, 0)
    with first.writing():
        first._db.execute("UPDATE trials SET heartbeat = heartbeat - 100")
    first.beat()
    assert second.revive(study) == []


def test_closing_gives_running_trials_back(shared):
    first, second, study = shared
    first.claim(study, 3)
    third = Ledger(first.path)
    assert third.claim(study, 0)
    third.close()
    assert [t.status for t in second.trials(study, SPACE)] == ["waiting"] * 3 + ["running"]


def test_a_paused_trial_is_continued_or_dropped(shared):
    first, second, study = shared
    for number in range(3):
        first.claim(study, number)
        first.record(study, trial(number, status="paused", epochs=3), b"network")
    assert not first.claim(study, 0)
    first.enrol(study, [trial(0, target=9, round=1)], SPACE.labels)
    first.drop(study, [1], "not among the best")
    found = first.trials(study, SPACE)
    assert [t.status for t in found] == ["paused", "pruned", "paused", "waiting"]
    assert (found[0].target, found[0].round, found[1].reason) == (9, 1, "not among the best")
    assert first.state(study, 0) == b"network"
    assert first.state(study, 1) is None
    assert first.claim(study, 0)
    assert not first.claim(study, 2)
    first.close()
    assert second.trials(study, SPACE)[0].status == "paused"


def test_enrolling_twice_changes_nothing(shared):
    first, second, study = shared
    first.claim(study, 0)
    first.record(study, trial(0, status="done", value=0.5, epochs=3))
    second.enrol(study, [trial(k, target=3) for k in range(4)], SPACE.labels)
    assert [t.status for t in second.trials(study, SPACE)] == ["done"] + ["waiting"] * 3


DEATH = """
import os, signal, sys
from fastnn.tune import Ledger
ledger = Ledger(sys.argv[1])
assert ledger.claim(1, 0)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_the_trial_of_a_killed_process_is_free_at_once(shared):
    first, second, study = shared
    subprocess.run([sys.executable, "-c", DEATH, first.path], check=False)
    assert not first.claim(study, 0)
    assert second.revive(study) == [0]
    assert first.claim(study, 0)


CLAIMS = """
import sys
from fastnn.tune import Ledger, Space, Uniform
from fastnn.tune.trial import Trial
ledger, space, mine = Ledger(sys.argv[1]), Space({"x": Uniform(0, 1)}), []
study = ledger.study("shared", {})
points = [{"x": k / 500} for k in range(500)]
ledger.enrol(study, [Trial(k, p, p, k) for k, p in enumerate(points)], space.labels)
for k in range(500):
    if len(mine) < 250 and ledger.claim(study, k):
        mine.append(k)
        assert ledger.record(study, Trial(k, points[k], points[k], k, status="done", value=1.0))
print(*mine)
ledger.close()
"""


def test_two_processes_of_250_trials_each_share_out_all_numbers(tmp_path):
    path = str(tmp_path / "study.db")
    Ledger(path).close()
    command = [sys.executable, "-c", CLAIMS, path]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    numbers = [[int(word) for word in p.communicate(timeout=900)[0].split()] for p in both]
    assert [len(part) for part in numbers] == [250, 250]
    assert sorted(numbers[0] + numbers[1]) == list(range(500))


def test_a_file_of_something_else_is_refused(tmp_path):
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE theirs (x)")
    db.close()
    with pytest.raises(ValueError, match=r"other\.db.*something else than fastnn"):
        Ledger(other)
    text = tmp_path / "notes.txt"
    text.write_text("no database, but a text that is long enough to be read as one" * 20)
    with pytest.raises(ValueError, match=r"notes\.txt.*cannot serve as a ledger"):
        Ledger(text)
    with pytest.raises(ValueError, match=r"cannot be opened.*folder that exists"):
        Ledger(tmp_path / "missing" / "study.db")
    assert text.read_text().startswith("no database")


def test_the_best_epoch_of_a_curve():
    some = Trial(0, {}, {}, 0, curves={"val_loss": [3.0, math.nan, 1.0, 2.0]})
    assert some.best("val_loss", 1.0) == (1.0, 3)
    assert some.best("val_loss", 1.0, 2) == (3.0, 1)
    assert some.best("val_loss", -1.0) == (3.0, 1)
    assert Trial(0, {}, {}, 0, curves={"val_loss": [2.0, 1.0, 1.0]}).best("val_loss", 1.0) == (
        1.0,
        2,
    )
    assert math.isnan(some.best("other", 1.0)[0])


def test_mean_curves_are_as_long_as_the_shortest_fold():
    assert mean_curves([{"a": [1.0, 2.0], "b": [1.0]}, {"a": [3.0]}]) == {"a": [2.0]}
    assert mean_curves([]) == {}
