"""What several test files share."""

import pytest


@pytest.fixture(scope="session")
def warm_kernels():
    """One server of warm kernels for the whole session, also for child processes."""
    from tools import warm

    with warm.kernels():
        yield


@pytest.fixture(scope="session")
def tiny_book(tmp_path_factory, warm_kernels):
    """The folder of a built book that holds one of everything; tests that change it copy it first."""
    from tests.tiny_book import make_tiny_book
    from tools.book.build import build

    root = make_tiny_book(tmp_path_factory.mktemp("book"))
    build(root)
    return root


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium that reaches no other host."""
    from tests.browsing import chromium

    with chromium() as driver:
        yield driver


@pytest.fixture(scope="module", params=["tiny", "course"])
def site(request, browser):
    """A built site in it, served on loopback."""
    from tests.browsing import built, served

    with served(built(request.param, request), browser) as site:
        yield site
