"""What the commands share: mistakes in one line, files written whole, standard input and output."""

from __future__ import annotations

import argparse
import errno
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from fastnn.files.whole import opened_whole

MISTAKE, INTERRUPTED = 2, 130
STANDARD = "-"
"""Stands for standard input, or standard output."""
SPOOLED = 64 << 20
"""Bytes that wait in memory, not on the disk, until all of an output is there."""

Command = Callable[[argparse.Namespace], int]


def command(name: str, run: Command) -> Command:
    """The command, with the user's mistakes as one line and exit code 2."""

    def guarded(options: argparse.Namespace) -> int:
        try:
            return run(options)
        except BrokenPipeError:
            # Whoever read standard output has seen enough: nothing more is to be written there.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        except (OSError, ValueError, TypeError, ImportError) as error:
            text = str(error)
            if isinstance(error, OSError) and error.filename is not None:
                text = f"{error.filename}: {error.strerror}"
            print(f"fastnn {name}: {' '.join(text.split())}", file=sys.stderr)
            return MISTAKE

    return guarded


def source(given: str) -> Any:
    """A path, or standard input."""
    return sys.stdin.buffer if given == STANDARD else given


def check_places(*places: str | Path | None) -> None:
    """Refuse a place that cannot be written to, before there is anything to write."""
    for place in places:
        if place is None or str(place) == STANDARD:
            continue
        path = Path(place).absolute()
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "a folder; expected a file", str(place))
        if not path.parent.is_dir():
            raise FileNotFoundError(
                errno.ENOENT, "its folder does not exist; make it first", str(place)
            )
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise PermissionError(errno.EACCES, "cannot be written to", str(place))
    twice = [str(place) for place in places if place is not None]
    if len(set(twice)) < len(twice):
        raise ValueError(f"two things are to be written to {twice[0]}; choose another place")


def write(files: Mapping[str | Path, bytes]) -> None:
    """Write each file whole or not at all; - is standard output."""
    for place, data in files.items():
        with opened(place) as file:
            file.write(data)


@contextmanager
def opened(place: str | Path) -> Iterator[IO[bytes]]:
    """A file to write to, of which all is kept at the end of the block, or nothing after an error;
    - is standard output."""
    if str(place) != STANDARD:
        with opened_whole(Path(place)) as file:
            yield file
        return
    with tempfile.SpooledTemporaryFile(SPOOLED) as file:
        yield file
        file.seek(0)
        shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.buffer.flush()


def say(lines: list[str], facts: Any, as_json: bool, aside: bool = False) -> None:
    """What was found: lines for a person, or JSON; `aside` where standard output is taken."""
    text = json.dumps(facts) if as_json else "\n".join(lines)
    print(text, file=sys.stderr if aside else sys.stdout)


def whole(low: int) -> Callable[[str], int]:
    """A type of arguments: whole numbers from `low`."""

    def number(text: str) -> int:
        if not text.isdigit() or int(text) < low:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {low}")
        return int(text)

    return number


def seconds(text: str) -> float:
    """A type of arguments: a time above 0."""
    try:
        found = float(text)
    except ValueError:
        found = 0
    if not 0 < found < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return found


def sizes(text: str) -> tuple[int, ...]:
    """A type of arguments: units of hidden layers."""
    found = text.split(",")
    if not all(size.strip().isdigit() and int(size) > 0 for size in found):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of whole numbers, such as 64,32")
    return tuple(map(int, found))
