"""Tables: from a file or a data frame, with its text and its gaps, to predictions."""

from fastnn.tabular.loading import load_model
from fastnn.tabular.model import TabularModel
from fastnn.tabular.reading import read_table
from fastnn.tabular.table import TableError

__all__ = ["TableError", "TabularModel", "load_model", "read_table"]
