"""A ledger that is damaged, full or forged: one clear sentence, no code of anybody's is run."""

import contextlib
import errno
import itertools
import os
import pickle
import sqlite3

import numpy as np
import pytest
from tune_study import study, table

from fastnn import tune
from fastnn.tune import Ledger, ledger
from fastnn.tune.states import joined, parted

DAMAGES = 60
DAMAGES_AT_NIGHT = 5_000
SETTINGS = {"strategy": "halving", "trials": 9, "epochs": 9}


@pytest.fixture(scope="module")
def paused(tmp_path_factory):
    """The bytes of a ledger whose search was stopped with networks under training."""
    path, real = tmp_path_factory.mktemp("tune") / "study.db", Ledger.record
    records = itertools.count()

    def record(self, *given):
        if next(records) == 7:
            raise KeyboardInterrupt
        return real(self, *given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Ledger, "record", record)
        with pytest.raises(KeyboardInterrupt):
            study(path, **SETTINGS)
    states = sql(path, "SELECT state FROM trials WHERE state IS NOT NULL")
    assert len(states) > 2
    assert not any(state.startswith(b"\x80") for (state,) in states)
    return path.read_bytes()


def sql(path, command, *arguments):
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        return db.execute(command, arguments).fetchall()


@pytest.fixture(scope="module")
def whole():
    return table(study(":memory:", **SETTINGS))


def test_paused_networks_go_on_from_their_states(paused, whole, tmp_path, monkeypatch):
    (tmp_path / "s").write_bytes(paused)
    begun = sql(tmp_path / "s", "SELECT count(*) FROM trials WHERE epochs > 0")[0][0]
    revived, real = [], tune.subjects.Builder.revived
    monkeypatch.setattr(
        tune.subjects.Builder, "revived",
        lambda self, *given: revived.append(given[1]) or real(self, *given),
    )  # fmt: skip
    assert table(study(tmp_path / "s", **SETTINGS)) == whole
    assert begun > 2
    assert revived


class Attack:
    """What a pickle can do."""

    def __reduce__(self):
        return os.mkdir, (os.environ["FASTNN_TEST_ATTACK"],)


STATES = {
    "a pickle": lambda state: pickle.dumps(Attack()),
    "a pickle in it": lambda state: joined([pickle.dumps(Attack())]),
    "nothing": lambda state: b"",
    "a text": lambda state: "state",
    "half of it": lambda state: state[: len(state) // 2],
    "a changed byte": lambda state: state[:-9] + bytes([state[-9] ^ 1]) + state[-8:],
    "a length beyond it": lambda state: state[:8] + b"\xff" * 8 + state[16:],
}


@pytest.mark.parametrize("forged", STATES)
def test_a_state_that_is_none_begins_its_trial_anew(forged, paused, whole, tmp_path, monkeypatch):
    monkeypatch.setenv("FASTNN_TEST_ATTACK", str(tmp_path / "attacked"))
    path = tmp_path / "s"
    path.write_bytes(paused)
    for number, state in sql(path, "SELECT number, state FROM trials WHERE state IS NOT NULL"):
        sql(path, "UPDATE trials SET state = ? WHERE number = ?", STATES[forged](state), number)
    assert table(study(path, **SETTINGS)) == whole
    assert os.listdir(tmp_path) == ["s"]


def test_the_states_of_folds_keep_their_places():
    state = joined([None, b"two", b"three"])
    assert parted(state, 3) == [None, b"two", b"three"]
    assert parted(state, 2) is parted(state, 4) is parted(None, 1) is None
    assert joined([None, None]) is None


def damage(rng, data):
    """Some bytes changed, cut off or overwritten by others of the file."""
    data = bytearray(data)
    for _ in range(rng.integers(1, 30)):
        at = int(rng.integers(len(data)))
        way = rng.integers(4)
        if way == 0:
            data[at] ^= 1 << rng.integers(8)
        elif way == 1:
            data[at : at + 64] = rng.bytes(64)
        elif way == 2:
            other = int(rng.integers(len(data)))
            data[at : at + 256] = data[other : other + 256]
        elif rng.integers(10) == 0:
            del data[at:]
            break
    return bytes(data)


def go_on_with_damaged(rng, data, path, count):
    """How many of so many damaged ledgers were refused; the others were gone on with."""
    refused = 0
    for _ in range(count):
        for old in path.parent.iterdir():
            old.unlink()
        path.write_bytes(damage(rng, data))
        try:
            study(path, **SETTINGS)
        except ValueError as error:
            assert str(path) in str(error)  # noqa: PT017
            refused += 1
        # It is not held open.
        os.rename(path, path)
    return refused


def test_damaged_ledgers_are_refused_in_words(paused, tmp_path):
    rng = np.random.default_rng(0)
    assert 0 < go_on_with_damaged(rng, paused, tmp_path / "s", DAMAGES) <= DAMAGES


@pytest.mark.nightly
def test_thousands_of_damaged_ledgers_are_refused_in_words(paused, tmp_path):
    go_on_with_damaged(np.random.default_rng(), paused, tmp_path / "s", DAMAGES_AT_NIGHT)


ROWS = {
    "curves": "[1]", "folds": "{}", "point": '{"units": "x"}', "status": "finished",
    "epochs": "many", "target": None, "value": "x", "seconds": -1.0, "reason": b"why", "round": 1.5,
}  # fmt: skip


@pytest.mark.parametrize("column", ROWS)
def test_a_row_that_is_none_is_named(column, paused, tmp_path):
    path = tmp_path / "s"
    path.write_bytes(paused)
    with contextlib.suppress(sqlite3.IntegrityError):
        sql(path, f"UPDATE trials SET {column} = ? WHERE number = 2", ROWS[column])
        with pytest.raises(ValueError, match=r"the ledger .* is damaged \(.*; restore it from"):
            study(path, **SETTINGS)


def test_a_full_disk_is_told_and_loses_nothing(tmp_path, monkeypatch):
    path, real = tmp_path / "s", Ledger._open

    def on_a_small_disk(self):
        real(self)
        self._db.execute("PRAGMA max_page_count = 16")

    settings = {"trials": 60, "epochs": 4}
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "_open", on_a_small_disk)
        with pytest.raises(OSError, match=r"the disk is full: make room.*same call") as caught:
            study(path, **settings)
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == str(path)
    kept = sql(path, "SELECT count(*) FROM trials WHERE status = 'done'")[0][0]
    assert kept
    seconds = sql(path, "SELECT seconds FROM trials WHERE status = 'done'")
    assert table(study(path, **settings)) == table(study(":memory:", **settings))
    assert set(seconds) <= set(sql(path, "SELECT seconds FROM trials"))


def test_a_ledger_that_is_held_or_protected_says_so(tmp_path, monkeypatch):
    path = tmp_path / "s"
    one = Ledger(path)
    one._db.execute("PRAGMA busy_timeout = 0")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OSError, match="another program holds the ledger"):
            one.study("key", {})
        other.execute("ROLLBACK")
    one._db.execute("PRAGMA query_only = 1")
    with pytest.raises(PermissionError, match="cannot be written to"):
        one.study("key", {})
    one._db.execute("PRAGMA query_only = 0")
    assert one.study("key", {}) == 1
    one.close()


def test_a_heart_that_cannot_beat_is_silent(tmp_path, monkeypatch):
    def fail(self):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(Ledger, "beat", fail)
    monkeypatch.setattr(tune.population, "BEAT_SECONDS", 0)
    assert study(tmp_path / "s", trials=4).complete
    assert ledger.BEAT_SECONDS > 0
