"""Commands for students: ``python -m helpers COMMAND``."""

import argparse
import sys


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit status; 130 if it was stopped by hand."""
    from helpers import photographs, self_checking

    parser = argparse.ArgumentParser(prog="python -m helpers", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, module, line in (
        ("photographs", photographs, "train on a folder of real photographs, from nothing or from ImageNet weights"),
        ("self-check", self_checking, "run all checks of an exercise on the answers in your notebook"),
    ):
        command = commands.add_parser(name, help=line, description=line)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    for stream in (sys.stdout, sys.stderr):  # a terminal that lacks a letter must not end a command
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    args = parser.parse_args(argv)
    try:
        return args.run(args)
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    except (OSError, MemoryError) as error:  # of the disk or the device; the message says what to do
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
