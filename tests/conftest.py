"""What several test files share."""

import pytest


@pytest.fixture(scope="session")
def warm_kernels():
    """One server of warm kernels for the whole session, also for child processes."""
    from helpers.staff import warm

    with warm.kernels():
        yield


@pytest.fixture(scope="session")
def tiny_book(tmp_path_factory, warm_kernels):
    """The folder of a built book that holds one of everything; tests that change it copy it first."""
    from helpers.staff.book import build
    from tests.tiny_book import make_tiny_book

    root = make_tiny_book(tmp_path_factory.mktemp("book"))
    build(root)
    return root
