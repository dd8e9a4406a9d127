"""The disk cache of compiled kernels: never wrong, never fatal, at most one warning.

Failures are tried on a few bytes in place of object code.
"""

import errno
import hashlib
import os
import pickle
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from fastnn.kernels.machine import cache, objects

CODE = b"some object code"
posix = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no owners and modes as in POSIX")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty cache folder, in a process that has not warned yet."""
    monkeypatch.setenv("FASTNN_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "_warned", False)
    return tmp_path / "cache"


def used(code=CODE, dtype="float32"):
    """As the engine does it: "loaded", or "compiled" and written."""
    found = cache.read(dtype)
    if found is None:
        cache.write(dtype, code)
        return "compiled"
    assert found == code
    return "loaded"


def entries(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def the_entry(folder):
    (path,) = entries(folder)
    return path


@pytest.fixture
def one_warning():
    """Exactly one, whatever goes wrong how often."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught
    texts = [str(w.message) for w in caught]
    assert len(texts) == 1, texts
    assert "it compiles without the cache" in texts[0]
    assert "Set FASTNN_CACHE_DIR to a folder" in texts[0]


# --- one entry ------------------------------------------------------------------------------


def test_an_entry_is_written_once_and_read_again(folder):
    assert used() == "compiled"
    written = the_entry(folder).stat().st_mtime_ns
    assert used() == "loaded"
    assert the_entry(folder).stat().st_mtime_ns == written


def test_other_sources_are_another_entry(folder, monkeypatch):
    used()
    monkeypatch.setattr(cache, "sources_digest", lambda: "0" * 64)
    assert used(b"other code") == "compiled"
    assert len(entries(folder)) == 2


def test_another_processor_is_another_entry(folder, monkeypatch):
    used()
    here = cache.target.current()
    monkeypatch.setattr(cache.target, "current", lambda: here._replace(cpu="another"))
    assert used(b"other code") == "compiled"


def test_the_digest_reads_every_kernel_source(tmp_path, monkeypatch):
    copy = shutil.copytree(cache.KERNELS, tmp_path / "kernels")
    monkeypatch.setattr(cache, "KERNELS", copy)
    digest = cache.sources_digest.__wrapped__
    before = digest()
    for path in sorted(copy.rglob("*.py")):
        path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
        after = digest()
        assert after != before, path.name
        before = after


@pytest.mark.parametrize("keep", [0, 10, 32, 40, -1])
@pytest.mark.usefixtures("one_warning")
def test_a_truncated_entry_is_replaced(folder, keep):
    used()
    path = the_entry(folder)
    path.write_bytes(path.read_bytes()[:keep])
    assert used() == "compiled"
    assert used() == "loaded"


@pytest.mark.parametrize("at", [0, 33, -1])
@pytest.mark.usefixtures("one_warning")
def test_a_flipped_bit_is_noticed(folder, at):
    used()
    path = the_entry(folder)
    blob = bytearray(path.read_bytes())
    blob[at] ^= 1
    path.write_bytes(blob)
    assert used() == "compiled"
    assert used() == "loaded"


@pytest.mark.usefixtures("one_warning")
def test_an_entry_under_another_name_is_noticed(folder):
    used()
    used(b"that of float64", "float64")
    small, large = sorted(entries(folder))
    large.write_bytes(small.read_bytes())
    assert used(dtype="float64", code=b"that of float64") == "compiled"
    assert used(dtype="float64", code=b"that of float64") == "loaded"


@pytest.mark.usefixtures("one_warning")
def test_an_entry_of_other_sources_is_noticed(folder, monkeypatch):
    used()
    path = the_entry(folder)
    monkeypatch.setattr(cache, "sources_digest", lambda: "0" * 64)
    shutil.copytree(path.parent, cache.current_directory())
    assert used() == "compiled"


class Trap:
    """An object whose pickle runs code when it is loaded."""

    def __reduce__(self):
        return sys.exit, ("a pickle was loaded",)


@pytest.mark.usefixtures("one_warning")
def test_a_pickle_is_not_loaded(folder):
    used()
    body = pickle.dumps(Trap())
    the_entry(folder).write_bytes(hashlib.sha256(body).digest() + body)
    assert used() == "compiled"


@pytest.mark.usefixtures("one_warning")
def test_a_folder_in_place_of_an_entry(folder):
    used()
    path = the_entry(folder)
    path.unlink()
    path.mkdir()
    assert used() == "compiled"
    assert used() == "compiled"


@pytest.mark.usefixtures("one_warning")
def test_a_place_that_cannot_be_a_folder(folder):
    folder.write_text("a file is here")
    assert used() == "compiled"
    assert used() == "compiled"


@pytest.mark.usefixtures("one_warning")
def test_no_home(monkeypatch):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    for name in ("FASTNN_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(cache, "_warned", False)
    monkeypatch.setattr(Path, "home", no_home)
    assert used() == "compiled"


@pytest.mark.usefixtures("one_warning")
def test_a_full_disk_leaves_nothing_half_written(folder, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        assert used() == "compiled"
    assert entries(folder) == []
    assert used() == "compiled"
    assert used() == "loaded"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes anywhere")
def test_a_folder_without_the_right_to_write(folder):
    used()
    inner = the_entry(folder).parent
    inner.chmod(0o555)
    try:
        assert used() == "loaded"
    finally:
        inner.chmod(0o755)


# --- who may read, and whose code is run ----------------------------------------------------


@posix
@pytest.mark.parametrize(("umask", "file"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o644)])
def test_others_may_read_where_the_umask_lets_them_and_never_write(folder, umask, file):
    before = os.umask(umask)
    try:
        used()
    finally:
        os.umask(before)
    path = the_entry(folder)
    assert path.stat().st_mode & 0o777 == file
    # Who may read an entry may also find it.
    found = (path.parent.stat().st_mode & 0o777, folder.stat().st_mode & 0o777)
    assert found == (0o755 & ~umask,) * 2
    assert used() == "loaded"


@posix
@pytest.mark.parametrize("place", ["entry", "inner", "outer"])
@pytest.mark.parametrize("mode", [0o020, 0o002])
def test_what_others_can_write_is_not_loaded(folder, place, mode, one_warning):
    used()
    entry = the_entry(folder)
    path = {"entry": entry, "inner": entry.parent, "outer": folder}[place]
    before = path.stat().st_mode & 0o777
    path.chmod(before | mode)
    assert cache.read("float32") is None
    assert f"others can write to {path} (chmod go-w takes" in str(one_warning[0].message)
    path.chmod(before)
    assert used() == "loaded"


@posix
def test_a_sticky_folder_that_all_can_write_may_hold_the_cache(folder):
    folder.mkdir()
    folder.chmod(0o1777)
    assert used() == "compiled"
    assert used() == "loaded"


@posix
def test_what_another_user_owns_is_not_loaded(folder, monkeypatch, one_warning):
    used()
    uid = os.geteuid()
    stat = os.stat_result

    class Owned:
        """A file of somebody who is neither this user nor root."""

        def __init__(self, found):
            self.st_mode, self.st_uid = stat(found).st_mode, uid + 1

    check = cache._check
    monkeypatch.setattr(cache, "_check", lambda found, path: check(Owned(found), path))
    assert cache.read("float32") is None
    assert "belongs to another user" in str(one_warning[0].message)
    assert cache.write_error().endswith("belongs to another user")


@posix
def test_what_root_owns_is_loaded(folder, monkeypatch):
    """A container's image is warmed by root and run by somebody else."""
    used()
    if os.geteuid() == 0:
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        assert used() == "loaded"


def test_a_name_is_part_of_what_is_checked():
    blob = objects.sealed("one", CODE)
    assert objects.opened("one", blob) == CODE
    with pytest.raises(ValueError, match="a damaged entry"):
        objects.opened("another", blob)


def test_without_numbas_compiler_one_sentence_says_what_to_do(tmp_path):
    code = (
        "import fastnn\n"
        "for _ in range(2):\n"
        "    try: fastnn.warmup()\n"
        "    except RuntimeError as error: print(error)\n"
    )
    empty = {"NUMBA_DISABLE_JIT": "1", "FASTNN_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={**os.environ, **empty},
    )  # fmt: skip
    first, second = done.stdout.splitlines()
    assert first == second
    assert first.startswith("NUMBA_DISABLE_JIT is set, and fastnn's kernels are not compiled yet")
