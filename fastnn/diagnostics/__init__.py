"""Diagnostics: has the data moved since training, and is the network able to learn?

Both functions only look: they train copies, and leave the model as it is, to the bit.
"""

from fastnn.diagnostics.health import check
from fastnn.diagnostics.movement import shift
from fastnn.diagnostics.report import Finding, Report
from fastnn.diagnostics.tables import Columns, LayerShift, Shift

__all__ = ["Columns", "Finding", "LayerShift", "Report", "Shift", "check", "shift"]
