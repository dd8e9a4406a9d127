"""The report's page: what it shows of many classes, and that it is read in the dark, too."""

import numpy as np
import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("matplotlib")

from fastnn import TabularModel
from fastnn.tabular.report import MOST_CLASSES, report


def written(y):
    rng = np.random.default_rng(0)
    y = np.concatenate([y, np.zeros(40, np.int64)])
    table = {"a": y + rng.normal(size=len(y)), "b": rng.normal(size=len(y))}
    table["y"] = np.char.add("class ", y.astype(str)) if y.dtype.kind == "i" else y
    model = TabularModel("y", settings={"hidden_layer_sizes": (4,), "max_iter": 2}).fit(table)
    return report(model, table)


def test_of_many_classes_the_most_frequent_are_listed():
    page = written(np.resize(np.arange(60), 720))
    assert "And 10 classes of fewer rows." in page
    listed = page[page.index("<th>precision</th>") :].partition("</table>")[0]
    assert listed.count("</tr>") == MOST_CLASSES + 1
    assert "<td>class 0</td>" in listed


@pytest.mark.parametrize("y", [np.arange(90) % 3, np.linspace(0, 1, 90)])
def test_the_curves_bring_no_background_of_their_own(y):
    """White text would not be seen on it in the dark."""
    page = written(y)
    curves = page[page.index("<svg") : page.index("</svg>")]
    assert "currentColor" in curves
    assert "#ffffff" not in curves
    assert ("label smoothing" in page) == (y.dtype.kind == "i")
