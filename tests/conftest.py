"""What every test stands on: Ctrl-C raises KeyboardInterrupt, also in a job in the background."""

import signal


def pytest_configure():
    # A shell starts background jobs with SIGINT ignored, and Python then leaves it so.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
