"""`import fastnn` in a new process, beside the libraries that it needs."""


class Import:
    """numpy and fastnn; `import fastnn` compiles nothing."""

    repeat = (2, 5, 3.0)
    number = 1

    def timeraw_fastnn(self):
        return "import fastnn"

    def timeraw_sequential(self):
        return "from fastnn import Sequential"

    def timeraw_numpy(self):
        return "import numpy"
