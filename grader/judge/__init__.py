"""Cut tests in two, decide them, and word the verdict."""
