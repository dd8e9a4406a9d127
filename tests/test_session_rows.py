"""A session goes on with the rows that it was begun with, and its journal tells nothing untrue."""

import errno
import json
import os

import numpy as np
import pytest
from test_continue import assert_same

from fastnn import Dense, Sequential, Session, Softmax, Standardize
from fastnn.datasets import load_iris
from fastnn.session.journal import Journal
from fastnn.session.rows import _of_some_rows

X, y = load_iris()
X = np.tile(X, (40, 1)) + np.arange(6000)[:, None] / 1e4
y = np.tile(y, 40)
WEIGHT = np.linspace(0.5, 1.5, len(X))
HELD_OUT = X[:50] + 0.01, y[:50], WEIGHT[:50]


def network(*first):
    model = Sequential([*first, Dense(4), "tanh", Dense(3), Softmax()], seed=0)
    model.compile("adam")
    return model


def changed(array, row=4321):
    array = np.array(array)
    array[row % len(array)] += 1 if array.dtype.kind == "f" else 1 - 2 * (array[row] > 1)
    return array


def begin(path, *first, **given):
    Session(network(*first), X, y, directory=path, **given).close()
    return path


def resume(path, X=X, y=y, **given):
    Session.resume(path, X, y, **given).close()


OTHERS = {
    "one row of X": ({}, {"X": changed(X)}, "X is not that"),
    "one row of y": ({}, {"y": changed(y)}, "y is not that"),
    "rows in another order": ({}, {"X": X[::-1]}, "X is not that"),
    "fewer rows": ({}, {"X": X[:-1], "y": y[:-1]}, "X is not that"),
    "no weights": ({"sample_weight": WEIGHT}, {}, "begun with sample_weight; pass the same"),
    "new weights": ({}, {"sample_weight": WEIGHT}, "begun without sample_weight; leave it out"),
    "other weights": (
        {"sample_weight": WEIGHT}, {"sample_weight": changed(WEIGHT)}, "sample_weight is not that",
    ),
    "no validation": ({"validation_data": HELD_OUT}, {}, "begun with validation_data; pass the"),
    "new validation": ({}, {"validation_data": HELD_OUT}, "begun without validation_data; leave"),
    "other validation": (
        {"validation_data": HELD_OUT},
        {"validation_data": (HELD_OUT[0], changed(HELD_OUT[1], 20), HELD_OUT[2])},
        "validation y is not that of the session",
    ),
    "validation without weights": (
        {"validation_data": HELD_OUT}, {"validation_data": HELD_OUT[:2]},
        "begun with validation sample_weight",
    ),
}  # fmt: skip


@pytest.mark.parametrize("other", OTHERS)
def test_other_rows_are_refused(other, tmp_path):
    given, now, message = OTHERS[other]
    begin(tmp_path, **given)
    with pytest.raises(ValueError, match=message):
        resume(tmp_path, **now)
    # It was closed again, and the right ones are taken.
    resume(tmp_path, **given)


def test_the_same_rows_of_another_type_are_taken(tmp_path):
    begin(tmp_path, validation_data=HELD_OUT)
    for same in (X.astype(np.float32), X.tolist(), np.asfortranarray(X), X.astype(">f8")):
        resume(tmp_path, X=same, validation_data=list(HELD_OUT))
    for same in (y.astype(np.int16), y.astype(float), y[:, None], y.tolist()):
        resume(tmp_path, y=same, validation_data=HELD_OUT)


def test_what_standardize_reads_in_double_is_compared_in_double(tmp_path):
    begin(tmp_path, Standardize())
    with pytest.raises(ValueError, match="X is not that"):
        resume(tmp_path, X=X.astype(np.float32))


def journal_of_before(path):
    """As an earlier version wrote it: no checksums, a digest of some rows."""
    lines = [json.loads(line) for line in (path / "journal.jsonl").read_text().splitlines()]
    for line in lines:
        del line["crc32"]
    lines[0]["data"] = _of_some_rows(X, y, np.dtype(np.float32))
    (path / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_a_session_of_before_goes_on(tmp_path):
    journal_of_before(begin(tmp_path))
    with pytest.raises(ValueError, match="X and y are not those of the session"):
        resume(tmp_path, X=X[::-1])
    for _ in range(2):
        session = Session.resume(tmp_path, X, y)
        session.run(1, verbose=0)
        session.close()
    plain = network()
    plain.fit(X, y, 2, verbose=0)
    assert_same(session.model, plain)


# --- the journal ----------------------------------------------------------------------------


def test_every_changed_byte_of_a_journal_is_found(tmp_path):
    path = begin(tmp_path) / "journal.jsonl"
    whole = path.read_bytes()
    for at in range(len(whole)):
        for bit in (0, 3, 6):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
            with pytest.raises(ValueError, match=r"line \d of .* is damaged, or has been changed"):
                Journal(path)


def test_a_line_of_a_later_journal_without_its_checksum_is_found(tmp_path):
    path = begin(tmp_path) / "journal.jsonl"
    path.write_bytes(path.read_bytes() + b'{"event": "run", "time": "", "epochs": [0, 9]}\n')
    with pytest.raises(ValueError, match=r"line 3 .*it has no checksum"):
        Journal(path)


def test_a_line_that_was_cut_short_is_dropped(tmp_path):
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.append("one")
    size = path.stat().st_size
    journal.append("two")
    journal.close()
    whole = path.read_bytes()
    for cut in range(size, len(whole)):
        path.write_bytes(whole[:cut])
        journal = Journal(path)
        assert [entry["event"] for entry in journal.events] == ["one"]
        journal.append("three")
        journal.close()
        assert [entry["event"] for entry in Journal(path).events] == ["one", "three"]


class Full:
    """A file on a disk that takes a part of what is written, and no more."""

    def __init__(self, file):
        self.file, self.rest = file, 7

    def __getattr__(self, name):
        return getattr(self.file, name)

    def write(self, data):
        if not self.rest:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        part, self.rest = data[: self.rest], 0
        return self.file.write(part)


def test_what_a_full_disk_has_refused_is_never_written(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    journal.append("before")
    real = journal._file
    journal._file = Full(real)
    with pytest.raises(OSError, match="No space"):
        journal.append("refused")
    journal._file = real
    journal.append("after")
    journal.close()
    told = [entry["event"] for entry in journal.events]
    assert told == ["before", "after"]
    assert [entry["event"] for entry in Journal(tmp_path / "journal.jsonl").events] == told


def test_what_could_not_be_made_to_last_is_taken_back(tmp_path, monkeypatch):
    journal = Journal(tmp_path / "journal.jsonl")

    def fail(_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="error"):
            journal.append("lost")
    assert (tmp_path / "journal.jsonl").read_bytes() == b""
    journal.close()
