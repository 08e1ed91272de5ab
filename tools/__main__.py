"""The maintainers' command line: ``python -m tools COMMAND``, in a checkout."""

import sys

from grader import commandline

COMMANDS = {
    "new": ("tools.new", "write what a new chapter needs, in all the places that the tests look at"),
    "check": ("tools.check:check", "lint notebooks: names file, cell and remedy of each finding"),
    "fix": ("tools.check:fix", "bring notebooks into canonical form"),
    "from-text": ("tools.text:from_text", "make a notebook from its text form"),
    "to-text": ("tools.text:to_text", "print a notebook as text"),
    "run": ("tools.book.execute", "execute notebooks and fail on errors, warnings and empty figures"),
    "release": ("tools.release", "make exercises/ from solutions/ with nbgrader"),
    "mutants": ("tools.mutants", "grade right and wrong answers of each task and print what each gets"),
    "book": ("tools.book.build", "build the site into _build/html"),
    "slides": ("tools.book.slides", "turn chapters into reveal.js decks"),
    "colab-test": ("tools.colab", "run every notebook alone in a Colab-shaped environment"),
    "measure": ("tools.measure", "print which chapters keep to width, plumbing, shape, order, time and try-its"),
    "try-its": ("tools.try_its", "do the edits that chapters ask for and compare what comes out"),
    "time": ("tools.minutes", "print how long each chapter takes, computed and stated"),
    "cover": ("tools.cover", "make the picture on the first page"),
}


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit status."""
    return commandline.main("python -m tools", "Tools for those who maintain this course.", COMMANDS, argv)


if __name__ == "__main__":
    sys.exit(main())
