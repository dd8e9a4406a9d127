"""What every test stands on: Ctrl-C raises KeyboardInterrupt, also in a job in the background."""

import signal

import pytest


def pytest_configure():
    # A shell starts background jobs with SIGINT ignored, and Python then leaves it so.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def threads():
    """Sets the number of threads, until the end of the test."""
    # Not before a test asks for it: some look at what an import costs, or at its first moments.
    import fastnn

    yield fastnn.set_num_threads
    fastnn.set_num_threads(None)
