"""A command line whose commands are modules, each imported only when it is asked for."""

import argparse
import errno
import importlib
import math
import os
import signal
import sys
from collections.abc import Mapping


class BadInput(ValueError):
    """What a command was given cannot be used; the message says why and what to do. It ends the command with 2."""


OWN = ("tools", "grader", "helpers")
_REMEDIES = {
    errno.ENOENT: "Correct the name, or make the file first.",
    errno.EISDIR: "Name a file in that folder.",
    errno.ENOTDIR: "Name a folder.",
    errno.EEXIST: "Name a folder.",
    errno.ELOOP: "Mend the link, or name another file.",
    errno.ENAMETOOLONG: "Take a shorter name.",
    errno.EACCES: "Let this user read and write there, or name another place.",
    errno.EPERM: "Let this user read and write there, or name another place.",
    errno.EROFS: "Name a place where this user may write.",
    errno.ENOSPC: "Make room on the disk, then run the same again.",
    errno.EDQUOT: "Make room on the disk, then run the same again.",
}


def count(text: str) -> int:
    """The argument of an option that counts something."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least 1")
    return int(text)


def seconds(text: str) -> float:
    """The argument of an option that says how long."""
    number = float(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return number


def main(program: str, purpose: str, commands: Mapping[str, tuple[str, str]], argv: list[str] | None = None) -> int:
    """Run one command and return its exit status; 2 if it cannot use what it was given, 130 if stopped by hand.

    Args:
        program: what the user types before the command.
        purpose: one sentence for ``--help``.
        commands: name: (``module`` or ``module:suffix``, one line of help). The module has two functions,
            ``add_arguments(parser)`` and ``run(args) -> int``, or ``add_suffix_arguments`` and ``run_suffix``.
        argv: in place of the arguments of this process.
    """
    for stream in (sys.stdout, sys.stderr):  # a terminal that lacks a letter must not end a command
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        os.getcwd()
    except FileNotFoundError:
        print("The folder that you are in was deleted: change to one that is there.", file=sys.stderr)
        return 2
    status = 128 + signal.SIGPIPE if hasattr(signal, "SIGPIPE") else 1  # if it ends before it has one of its own
    try:
        status = _main(program, purpose, commands, argv)
        sys.stdout.flush()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # what is left is to end
        print("Stopped.", file=sys.stderr)
        return 130
    except ModuleNotFoundError as error:
        if not error.name or error.name.partition(".")[0] in OWN:
            raise
        print(
            f"This command needs the package {error.name}, which is not installed: `make setup`, or "
            'pip install -e ".[book,grading,dev]" -e ./grader in a checkout of the course, brings all.',
            file=sys.stderr,
        )
        return 2
    except BadInput as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:
        # whoever read has had enough, as `head` has: what is still to be said goes nowhere, at the very end too
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:  # a command knows better what to say of the files that it expects
        if error.errno not in _REMEDIES or not isinstance(error.filename, (str, bytes, os.PathLike)):
            raise
        print(f"{os.fsdecode(error.filename)}: {error.strerror}. {_REMEDIES[error.errno]}", file=sys.stderr)
        return 2
    return status


def _main(program: str, purpose: str, commands: Mapping[str, tuple[str, str]], argv: list[str] | None) -> int:
    argv = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(prog=program, description=purpose)
    choices = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (where, line) in commands.items():
        command = choices.add_parser(name, help=line, description=line)
        if name == next((word for word in argv if not word.startswith("-")), None):
            module, _, suffix = where.partition(":")
            code = importlib.import_module(module)
            getattr(code, f"add_{suffix}_arguments" if suffix else "add_arguments")(command)
            command.set_defaults(run=getattr(code, f"run_{suffix}" if suffix else "run"))
    args = parser.parse_args(argv)
    return args.run(args)
