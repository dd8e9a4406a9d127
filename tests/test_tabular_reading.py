"""Tables as they come: each file is read right, and said how, or refused in one sentence."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

pytest.importorskip("pyarrow")

from fastnn.tabular import TableError, read_table
from fastnn.tabular.columns import describe_columns
from fastnn.tabular.encoder import MISSING, MOST_CATEGORIES, OTHER, Encoder
from fastnn.tabular.target import describe_target


def written(tmp_path, data, name="t.csv"):
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def kinds(table, **chosen):
    return {c.name: c.kind for c in describe_columns(table, chosen=chosen)}


def encoded(table, name):
    """The encoded columns of one column, learned and encoded on the same rows."""
    columns = [c for c in describe_columns(table) if c.name == name]
    encoder = Encoder.learn(columns, table)
    return encoder.outputs, encoder.encode(table)


def test_no_such_file_and_no_table(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_table(tmp_path / "none.csv")
    with pytest.raises(FileNotFoundError):
        read_table(tmp_path / "none.parquet")
    with pytest.raises(TableError, match="no Parquet file"):
        read_table(written(tmp_path, "a,b\n1,2\n", "t.parquet"))
    with pytest.raises(TypeError, match="expected a path"):
        read_table(3)


@pytest.mark.parametrize(
    "data",
    [
        b"a,b\n1,x\n2,y\n",
        b"\xef\xbb\xbfa,b\r\n1,x\r\n2,y\r\n",
        b"a,b\r1,x\n2,y\r\n",
        b"a;b\n1;x\n2;y\n",
        b"a\tb\n1\tx\n2\ty",
        "a,b\n1,x\n2,y\n".encode("utf-16"),
    ],
    ids=["plain", "bom", "line ends", "semicolons", "tabs", "utf-16"],
)
def test_one_table_in_many_writings(tmp_path, data):
    table = read_table(written(tmp_path, data))
    assert table.data.to_pydict() == {"a": ["1", "2"], "b": ["x", "y"]}


def test_frames_dicts_and_files_are_read_alike(tmp_path):
    frame = pd.DataFrame({"n": [1.5, np.nan, 3.0], "c": ["x", None, "y"], "k": [1, 2, 3]})
    path = tmp_path / "t.parquet"
    pl.from_pandas(frame).write_parquet(path)
    frame.to_csv(tmp_path / "t.csv", index=False)
    sources = frame, pl.from_pandas(frame), frame.to_dict("list"), path, tmp_path / "t.csv"
    for source in sources:
        table = read_table(source)
        assert table.columns == ["n", "c", "k"]
        assert kinds(table) == {"n": "number", "c": "category", "k": "number"}
        np.testing.assert_array_equal(encoded(table, "n")[1][:, 0], [1.5, 2.25, 3])


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["1.5", "-2e3", ".5"], [1.5, -2000, 0.5]),
        (["1,234.5", "12", "1,000,000"], [1234.5, 12, 1e6]),
        (["1,5", "2", "-1.234,25"], [1.5, 2, -1234.25]),
        ([" 1", "2 ", "+3"], [1, 2, 3]),
        (["1 234", "12", "1\u202f000\xa0000"], [1234, 12, 1e6]),
        (["1'234", "12.5", "1'000'000"], [1234, 12.5, 1e6]),
        (["$1,234.50", "-$3", "$ 7"], [1234.5, -3, 7]),
        (["12,5 €", "1 000 €", "3 €"], [12.5, 1000, 3]),
        (["12.5%", "3 %", "-1%"], [12.5, 3, -1]),
    ],
    ids=[
        "plain",
        "thousands",
        "decimal comma",
        "spaces",
        "thousands by spaces",
        "by apostrophes",
        "dollars",
        "euros",
        "per cent",
    ],
)
@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_numbers_in_many_writings(tmp_path, texts, numbers, delimiter):
    rows = "\n".join(f"{text}{delimiter}x" for text in texts)
    table = read_table(written(tmp_path, f"n{delimiter}c\n{rows}\n"))
    assert encoded(table, "n")[1][:, 0].tolist() == numbers


def test_a_stray_text_among_many_numbers_is_missing_and_said():
    texts = [str(k / 7) for k in range(5000)]
    texts[3210] = "n.n."
    table = read_table({"n": texts, "c": ["x"] * 2500 + ["y"] * 2500})
    column = describe_columns(table)[0]
    assert (column.kind, "'n.n.' in row 3211" in column.why) == ("number", True)
    outputs, X = encoded(table, "n")
    assert outputs == ["n", "n missing"]
    assert np.flatnonzero(X[:, 1]).tolist() == [3210]
    assert X[3210, 0] == np.median([k / 7 for k in range(5000) if k != 3210])


def test_infinite_numbers_are_missing_and_said():
    column = describe_columns(read_table({"n": [1.5, np.inf, 2.5], "c": ["1", "-inf", "1e400"]}))
    assert column[0].why == "numbers; 1 infinite, taken for missing"
    assert column[1].why == "whole numbers; 2 infinite, taken for missing"


def test_numbers_among_which_there_is_much_text_are_categories_and_it_is_said():
    table = read_table({"n": ["1", "x", "2", "1"], "c": [1, 2, 3, 1]}).take([1, 2, 3])
    assert describe_columns(table)[0].why == (
        "text of 3 different values; 2 numbers, but 1 others ('x' in row 2)"
    )


def test_a_counter_is_one_also_where_rows_are_held_out():
    rows = np.sort(np.random.default_rng(0).choice(100, 80, replace=False))
    table = read_table({"row": np.arange(5, 105), "n": np.arange(100) ** 2, "c": [1, 2] * 50})
    assert kinds(table.take(rows)) == {"row": "drop", "n": "number", "c": "number"}


def test_one_word_may_be_written_as_two_numbers():
    table = read_table({"c": ["1", "1.0", "02", "x"]})
    columns = describe_columns(table, chosen={"c": "category"})
    encoder = Encoder.learn(columns, table)
    assert encoder.outputs == ["c=02", "c=1", "c=x"]
    assert encoder.encode(read_table({"c": [1.0, 2.0]})).tolist() == [[0, 1, 0], [0, 0, 0]]
    assert describe_target(read_table({"y": ["1", "1.0", "2.0"]}), "y").classes == ("1", "2")


def test_what_columns_are_taken_for():
    n = 40
    rng = np.random.default_rng(0)
    table = read_table({
        "row": np.arange(n)[::-1] + 7, "user_id": rng.permutation(10**6)[:n], "empty": [None] * n,
        "same": ["x"] * n, "zip": [f"{k:05d}" for k in rng.integers(0, 9, n)],
        "day": np.datetime64("2024-02-27") + np.arange(n), "text": [f"words {k}" for k in range(n)],
        "yes": rng.random(n) > 0.5, "wait": np.arange(n) * np.timedelta64(3, "s"),
        "some": pd.Categorical(rng.integers(0, 3, n)), "n": rng.normal(size=n),
    })  # fmt: skip
    assert kinds(table) == {
        "row": "drop", "user_id": "drop", "empty": "drop", "same": "drop", "zip": "category",
        "day": "date", "text": "drop", "yes": "category", "wait": "number", "some": "category",
        "n": "number",
    }  # fmt: skip
    assert kinds(table, row="number", some="drop")["row"] == "number"


def test_a_wrong_choice_of_a_kind_is_refused():
    table = read_table({"age": [1, 2], "town": ["x", "y"]})
    with pytest.raises(TableError, match=r'no column "agee".*did you mean "age"'):
        describe_columns(table, chosen={"agee": "number"})
    with pytest.raises(ValueError, match="expected one of number, category, date, drop"):
        describe_columns(table, chosen={"age": "integer"})
    with pytest.raises(TableError, match='"town" of the table is to be numbers, but holds none'):
        describe_columns(table, chosen={"town": "number"})
    with pytest.raises(TableError, match='"town" of the table is to be dates'):
        describe_columns(table, chosen={"town": "date"})


def test_dates_become_seconds_and_places_in_cycles():
    outputs, X = encoded(read_table({"d": ["1970-01-01", "1970-01-02", None]}), "d")
    assert outputs[:3] == ["d", "d (sine of the year)", "d (cosine of the year)"]
    assert X[:, 0].tolist() == [0, 86_400, 43_200]
    assert X[:, -1].tolist() == [0, 0, 1]
    np.testing.assert_allclose(X[1, 1], np.sin(2 * np.pi * 86_400 / 31_556_952), rtol=1e-12)


def test_categories_that_are_rare_missing_or_new():
    words = [f"w{k:03d}" for k in range(200) for _ in range(1 + (k < 150))] + [None]
    table = read_table({"c": words})
    columns = describe_columns(table)
    encoder = Encoder.learn(columns, table)
    categories = encoder.rules[0].categories
    assert len(categories) == MOST_CATEGORIES + 2
    assert categories[-2:] == [MISSING, OTHER]
    X = encoder.encode(read_table({"c": ["w000", "w199", "never seen", None]}))
    found = [categories[k] for k in X.argmax(axis=1)]
    assert (found, X.sum(axis=1).tolist()) == (["w000", OTHER, OTHER, MISSING], [1, 1, 1, 1])


def test_a_new_category_where_all_were_kept_is_none_of_them():
    table = read_table({"c": ["a", "b", "a"]})
    encoder = Encoder.learn(describe_columns(table), table)
    assert encoder.encode(read_table({"c": ["b", "z", None]})).tolist() == [[0, 1], [0, 0], [0, 0]]


def test_columns_in_any_order_and_missing_ones():
    table = read_table({"a": [1.0, 2.0], "b": [3.0, 5.0]})
    encoder = Encoder.learn(describe_columns(table), table)
    again = encoder.encode(read_table({"x": [0, 0], "b": [3, 5], "a": ["1", "2"]}))
    np.testing.assert_array_equal(again, encoder.encode(table))
    with pytest.raises(TableError, match="lacks the column b"):
        encoder.encode(read_table({"a": [1.0]}))


def test_two_thousand_columns(tmp_path):
    names = [f"c{k}" for k in range(2000)]
    rows = [",".join(str((k * j) % 11) for k in range(2000)) for j in range(5)]
    table = read_table(written(tmp_path, "\n".join([",".join(names), *rows])))
    assert len(describe_columns(table)) == 2000


@pytest.mark.parametrize(
    ("y", "task", "classes"),
    [
        (["b", "a", "b"], "classification", ("a", "b")),
        (["01", "1", "01"], "classification", ("01", "1")),
        (["10", "9", "10"], "classification", ("9", "10")),
        ([True, False, True], "classification", ("False", "True")),
        ([1.0, 2.0, 1.0], "classification", ("1", "2")),
        ([1.5, 2.0, 1.0], "regression", ()),
        (list(range(50)), "regression", ()),
    ],
)
def test_what_a_target_is(y, task, classes):
    target = describe_target(read_table({"y": y}), "y")
    assert (target.task, target.classes) == (task, classes)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([None, None], "all values of the target"),
        (["a", "a"], 'one class, "a", in all rows'),
        ([f"c{k}" for k in range(10_000)], "10,000 different values in 10,000 rows"),
    ],
)
def test_what_is_no_target(y, message):
    with pytest.raises(TableError, match=message):
        describe_target(read_table({"y": y}), "y")


def test_a_target_of_text_is_no_regression_and_its_name_is_known():
    table = read_table({"income": ["low", "high", "low"]})
    with pytest.raises(TableError, match="expected numbers for a regression"):
        describe_target(table, "income", "regression")
    with pytest.raises(TableError, match='did you mean "income"'):
        describe_target(table, "incme")
    with pytest.raises(ValueError, match="task is 'classify'"):
        describe_target(table, "income", "classify")


NUMBERS = np.arange(40.0)
ODD = {
    "intervals": (pd.cut(pd.Series(NUMBERS), 4), "category"),
    "days": (pd.period_range("2020", periods=40), "date"),
    "large numbers": (2**60 + np.arange(40) * 2**52 + (np.arange(40) % 7), "number"),
    "numbers without a sign": (2**63 + np.arange(40, dtype="u8") * 2**54, "number"),
    "lists": ([[1, 2]] * 40, "drop"),
    "bytes": ([b"a", b"\xff"] * 20, "drop"),
    "texts with gaps": (pd.Series(["a", pd.NA] * 20, dtype="string"), "category"),
    "numbers and texts": ([1, "a", None, np.nan] * 10, "category"),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_columns_are_what_they_can_be(name):
    values, kind = ODD[name]
    table = read_table({"odd": values, "n": NUMBERS[::-1] % 11})
    assert kinds(table)["odd"] == kind
    assert kinds(read_table(pd.DataFrame({"odd": values, "n": NUMBERS})))["odd"] == kind
    if kind != "drop":
        assert np.isfinite(encoded(table, "odd")[1]).all()
    assert table.data["odd"].null_count == (20 if "texts" in name else 0)


def test_what_no_table_holds_is_refused_by_its_name():
    with pytest.raises(TableError, match='column "z" holds complex128; expected numbers, dates or'):
        read_table({"z": NUMBERS * 1j, "n": NUMBERS})


@pytest.mark.parametrize("names", [["a", "a"], [1, "1"]])
def test_a_name_that_stands_twice_is_refused_in_memory_too(names):
    frame = pd.DataFrame(np.ones((4, 2)), columns=names)
    with pytest.raises(TableError, match=f'the table has 2 columns named "{names[0]}"'):
        read_table(frame)


@pytest.mark.parametrize("table", [{"a": ["u", "\ud800"]}, {"\ud800": [1, 2]}])
def test_half_a_letter_is_refused(table):
    with pytest.raises(TableError, match="holds half a letter, which no table can hold: mend that"):
        read_table(table)
