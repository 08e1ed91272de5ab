"""What several test files share."""

import os

import pytest

# One thread per process: tests run side by side, and two threads on shared cores are up to eight times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def warm_kernels():
    """One server of warm kernels for the whole session, also for child processes."""
    from helpers.staff import warm

    with warm.kernels():
        yield
