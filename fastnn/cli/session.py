"""The command `fastnn session`: one model for a table, watched over days, with every step back."""

from __future__ import annotations

import argparse
import ast
from pathlib import Path
from typing import Any

from fastnn.cli.common import check_places, command, say, sizes, whole

FOLDER_HELP = "the session's folder"


def add_to(commands: Any) -> None:
    """Add the command, with its own, to the subparsers of `fastnn`."""
    session = commands.add_parser(
        "session", help="train one model for a table over days: change course, and go back"
    )
    session.set_defaults(command=_help(session))
    own = session.add_subparsers(title="commands", metavar="command")

    begin = _add(own, "begin", _begin, "take up a table, in a new folder")
    begin.add_argument("table", help="CSV or Parquet file; it has to stay where it is")
    begin.add_argument("--target", required=True, metavar="COLUMN", help="the column to predict")
    begin.add_argument("--layers", type=sizes, default=(64, 32), metavar="64,32",
                       help="units of hidden layers, default 64,32")  # fmt: skip
    begin.add_argument("--seed", type=whole(0), default=0, help="default 0")

    run = _add(own, "run", _run, "train so many epochs more")
    run.add_argument("epochs", type=whole(1))
    change = _add(own, "set", _set, "change settings from here on")
    change.add_argument("settings", nargs="+", type=_setting, metavar="NAME=VALUE",
                        help="learning_rate=1e-4, dropout=0.2, batch_size=64 ...")  # fmt: skip
    back = _add(own, "rollback", _rollback, "go back to an epoch, to the bit")
    back.add_argument("to", type=int, help="the epoch, or -k: k epochs back")
    branch = _add(own, "branch", _branch, "begin a branch here, and go on there")
    branch.add_argument("name")
    switch = _add(own, "switch", _switch, "go to another branch")
    switch.add_argument("name")
    plot = _add(own, "plot", _plot, "draw the curves, with what was changed when")
    plot.add_argument("picture", type=Path, help="a .png, .svg or .pdf file")
    _add(own, "show", _show, "say where it is, and what was done")


def _help(parser: argparse.ArgumentParser) -> Any:
    def show(options: argparse.Namespace) -> int:
        parser.print_help()
        return 0

    return show


def _add(commands: Any, name: str, run: Any, text: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text)
    parser.add_argument("folder", type=Path, help=FOLDER_HELP)
    parser.add_argument("--json", action="store_true", help="print JSON, for scripts")
    parser.set_defaults(command=command(f"session {name}", run))
    return parser


def _setting(text: str) -> tuple[str, Any]:
    name, found, value = text.partition("=")
    if not found or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE, such as learning_rate=1e-4")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


def _begin(options: argparse.Namespace) -> int:
    from fastnn.tabular.watched import Watched

    with Watched.begin(
        options.folder, options.table, options.target, options.layers, options.seed
    ) as watched:
        return _say(watched, options)


def _run(options: argparse.Namespace) -> int:
    with _opened(options) as watched:
        try:
            watched.session.run(options.epochs)
        finally:
            watched.save()
        return _say(watched, options)


def _set(options: argparse.Namespace) -> int:
    with _opened(options) as watched:
        watched.session.set(**dict(options.settings))
        return _say(watched, options)


def _rollback(options: argparse.Namespace) -> int:
    with _opened(options) as watched:
        watched.session.rollback(options.to)
        watched.save()
        return _say(watched, options)


def _branch(options: argparse.Namespace) -> int:
    with _opened(options) as watched:
        watched.session.branch(options.name)
        return _say(watched, options)


def _switch(options: argparse.Namespace) -> int:
    with _opened(options) as watched:
        watched.session.switch(options.name)
        watched.save()
        return _say(watched, options)


def _plot(options: argparse.Namespace) -> int:
    check_places(options.picture)
    with _opened(options) as watched:
        axes = watched.session.plot()
        axes[0].figure.savefig(options.picture, dpi=150)
        return _say(watched, options)


def _show(options: argparse.Namespace) -> int:
    with _opened(options) as watched:
        return _say(watched, options, journal=True)


def _opened(options: argparse.Namespace) -> Any:
    from fastnn.tabular.watched import Watched

    return Watched.open(options.folder)


def _say(watched: Any, options: argparse.Namespace, journal: bool = False) -> int:
    """Where the session is now."""
    session = watched.session
    history = session.model.history.history
    last = {name: column[-1] for name, column in history.items() if column}
    facts = {
        "branch": session.branch_name, "epoch": session.model.epoch, "branches": session.branches,
        "last": last, "model": str(watched.file),
    }  # fmt: skip
    lines = [f"branch {session.branch_name}, epoch {session.model.epoch}"]
    shown = ("loss", "val_loss", "val_accuracy")
    if last:
        lines[0] += ": " + ", ".join(f"{k} {last[k]:.4f}" for k in shown if k in last)
    others = {k: v for k, v in session.branches.items() if k != session.branch_name}
    lines += [f"branch {name}, epoch {epoch}" for name, epoch in others.items()]
    if journal:
        facts["journal"] = session.journal
        lines += [_event(event) for event in session.journal]
    lines.append(f"model: {watched.file}")
    say(lines, facts, options.json)
    return 0


def _event(event: dict[str, Any]) -> str:
    what = {k: v for k, v in event.items() if k not in ("event", "time", "data", "id", "save")}
    words = ", ".join(f"{k} {v}" for k, v in what.items())
    return f"{str(event.get('time', ''))[:19]}  {event['event']}  {words}".rstrip()
