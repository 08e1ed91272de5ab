"""The command line of the staff room: ``python -m helpers COMMAND``.

Every command is a module of `helpers.staff` with two functions: ``add_arguments(parser)`` and ``run(args) -> int``,
whose result is the exit status. A module is imported only when its command is asked for.
"""

import argparse
import importlib
import os
import signal
import sys

# command: (module or module:suffix of its two functions, one line of help)
COMMANDS = {
    "doctor": ("doctor", "show what this machine can do: device, threads, sandbox"),
    "check": ("notebooks:check", "lint notebooks: names file, cell and remedy of each finding"),
    "fix": ("notebooks:fix", "bring notebooks into canonical form"),
    "from-text": ("text:from_text", "make a notebook from its text form"),
    "to-text": ("text:to_text", "print a notebook as text"),
    "run": ("execute", "execute notebooks and fail on errors, warnings and empty figures"),
    "release": ("release", "make exercises/ from solutions/ with nbgrader"),
    "mutants": ("mutants", "grade right and wrong answers of each task and print what each gets"),
    "book": ("book", "build the site into _build/html"),
    "slides": ("slides", "turn chapters into reveal.js decks"),
    "colab-test": ("colab", "run every notebook alone in a Colab-shaped environment"),
    "cover": ("cover", "make the picture on the first page"),
    "photographs": ("photographs", "train on a folder of real photographs, from nothing or from ImageNet weights"),
    "grade": ("grade", "grade submissions in a sandbox"),
    "overrides": ("overrides", "enter scores from a CSV file by hand"),
    "feedback": ("feedback", "write the feedback pages again"),
    "report": ("report", "write report.html and grades.csv again"),
}


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit status; 130 if it was stopped by hand."""
    status = 128 + signal.SIGPIPE if hasattr(signal, "SIGPIPE") else 1  # if it ends before it has one of its own
    try:
        status = _main(argv)
        sys.stdout.flush()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # what is left is to end
        print("Stopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # whoever read has had enough, as `head` has: what is still to be said goes nowhere, at the very end too
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return status


def _main(argv: list[str] | None) -> int:
    argv = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(prog="python -m helpers", description="Tools of the staff room.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (where, line) in COMMANDS.items():
        command = commands.add_parser(name, help=line, description=line)
        if name == next((word for word in argv if not word.startswith("-")), None):
            module, _, suffix = where.partition(":")
            code = importlib.import_module(f"helpers.staff.{module}")
            getattr(code, f"add_{suffix}_arguments" if suffix else "add_arguments")(command)
            command.set_defaults(run=getattr(code, f"run_{suffix}" if suffix else "run"))
    args = parser.parse_args(argv)
    return args.run(args)


if __name__ == "__main__":
    sys.exit(main())
