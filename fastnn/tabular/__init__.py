"""Tables: from a file or a data frame, with its text and its gaps, to predictions."""

from fastnn.tabular.loading import load_model as load_model
from fastnn.tabular.model import TabularModel as TabularModel
from fastnn.tabular.reading import read_table as read_table
from fastnn.tabular.table import TableError as TableError
