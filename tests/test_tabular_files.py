"""CSV files that are broken, or written otherwise: read right and said, or refused by name."""

import gzip

import pytest

pytest.importorskip("pyarrow")

from fastnn import cli
from fastnn.tabular import TableError, read_table
from fastnn.tabular.columns import describe_columns

HEAD = "age,town,buys"
ROWS = [f"{20 + 7 * k % 60},{('Bonn', 'Ulm')[k % 2]},{('no', 'yes')[k % 3 > 0]}" for k in range(40)]


def written(tmp_path, data, name="t.csv"):
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def lines(*changed, head=HEAD):
    """The file's lines, some of them changed: (row, text)."""
    rows = list(ROWS)
    for row, text in changed:
        rows[row - 1] = text
    return "\n".join([head, *rows]) + "\n"


BROKEN = {
    "nothing": ("", "is empty"),
    "blank": ("\n\n", "is empty"),
    "no rows": ("a,b\n", "has no rows, only the names a, b"),
    "short row": (lines((7, "33")), 'row 7 (line 8) has 1 cell, the table 3 columns: '
                  'it ends before column "town"'),
    "long row": (lines((7, "33,Ulm,no,x")), "row 7 (line 8) has 4 cells, the table 3 columns: "
                 "'x' comes after the last column, \"buys\""),
    "ragged below a quoted newline": (lines((3, '"3\n3",Ulm,no'), (7, "33")), "row 7 (line 9) has"),
    "ragged below a blank line": (lines((3, ""), (7, "33")), "row 6 (line 8) has 1 cell"),
    "decimal commas without quotes": (lines((1, "3,5,Ulm,no")), "row 1 (line 2) has 4 cells"),
    "a title": ("Sales\n\n" + lines(), "row 1 (line 3) has 3 cells, the table 1 column: is "
                "'Sales' the row of names?"),
    "names twice": (lines(head="age,age,buys"), '2 columns named "age", in places 1 and 2'),
    "names twice but for spaces": (lines(head="age, age,buys"), '2 columns named "age"'),
    "open quote": (lines((7, '33,"Ulm,no')), "row 7 (line 8) opens a quote that is never closed"),
    "quote open in row 1": (lines((1, '"33,Ulm,no')), "row 1 (line 2) opens a quote"),
    "quote open at the end": (lines((40, '33,Ulm,"no')), "row 40 (line 41) opens a quote"),
    "zero byte": (lines((7, "3\0,Ulm,no")), "zero byte in line 8"),
    "UTF-16 without a mark": (lines().encode("utf-16-le"), "zero byte in line 1"),
    "no encoding": (lines((7, "33,K\u00f6ln,no")).encode("latin-1") + b"\x81,Ulm,no\n",
                    "neither UTF-8 (line 8) nor cp1252 (line 42); save it as UTF-8"),
    "Excel": (b"PK\x03\x04" + bytes(99), "is an Excel file or a ZIP archive"),
    "damaged gzip": (gzip.compress(lines().encode())[:-9], "damaged gzip"),
    "no such target": (lines(head="age,town,buy"), 'has no column "buys" (the target); did you '
                       'mean "buy"? It has: age, town, buy'),
    "no names": ("\n".join(ROWS), 'has no column "buys" (the target); '),
    "one row": (f"{HEAD}\n{ROWS[0]}\n", "one class"),
    "one class": ("a,buys\n" + "1,x\n" * 40, 'has one class, "x", in all rows'),
    "no class twice": ("a,buys\n" + "".join(f"1,c{k}\n" for k in range(15)), "15 different values"),
    "10,000 classes of a row each": ("a,buys\n" + "".join(f"1,c{k}\n" for k in range(10_000)),
                                     "10,000 different values in 10,000 rows"),
    "target missing": ("a,buys\n" + "1,\n" * 40, "all values of the target"),
    "the target alone": ("buys\n" + "x\ny\n" * 20, "it has no other"),
    "nothing to predict from": ("a,buys\n" + "1,x\n1,y\n" * 20, "a: all rows have the same value"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "message"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_refused_in_one_sentence(tmp_path, monkeypatch, capsys, data, message):
    monkeypatch.chdir(tmp_path)
    written(tmp_path, data)
    assert cli.main(["train", "t.csv", "--target", "buys", "--report", "r.html"]) == 2
    said = capsys.readouterr().err
    assert "t.csv" in said
    assert message in said
    assert said.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_an_encoding_that_is_not_utf_8_is_said(tmp_path):
    table = read_table(written(tmp_path, "town,n\nK\u00f6ln,1\nUlm,2\n".encode("latin-1")))
    assert table.data.to_pydict()["town"] == ["K\u00f6ln", "Ulm"]
    assert "line 2 is no UTF-8" in table.notes[0]


def test_line_breaks_and_delimiters_in_quotes(tmp_path):
    table = read_table(written(tmp_path, 'a,b\n"1, then\n2",x\n3,"y ""z"""\n'))
    assert table.data.to_pydict() == {"a": ["1, then\n2", "3"], "b": ["x", 'y "z"']}
    assert table.notes == []


def test_a_quote_within_a_cell_is_text(tmp_path):
    table = read_table(written(tmp_path, "height,n\n5'11\",1\n6'2\",2\n5',3\n"))
    assert table.data.to_pydict()["height"] == ["5'11\"", "6'2\"", "5'"]
    assert len(read_table(written(tmp_path, 'a,b\n6",1\n'))) == 1


def test_rows_that_two_stray_quotes_swallow_are_said(tmp_path):
    table = read_table(written(tmp_path, lines((7, '33,"Ulm,no'), (20, '33,"Ulm,no'))))
    assert len(table) == 27
    assert table.notes == [
        'row 7 holds 12 lines that look like rows, in column "town": is a quote not closed there?'
    ]


def test_spaces_around_names_and_cells_are_none_of_them(tmp_path):
    table = read_table(written(tmp_path, " a , b\n1, x\n2 , ?\n"))
    assert table.data.to_pydict() == {"a": ["1", "2"], "b": ["x", None]}


def test_a_column_without_a_name_gets_one(tmp_path):
    table = read_table(written(tmp_path, ",b\n1,x\n"))
    assert table.columns == ["column 1", "b"]
    assert table.notes == ['a column without a name is called "column 1"']


def test_a_ragged_row_does_not_hide_the_delimiter(tmp_path):
    rows = [f"{k};x" for k in range(20)]
    with pytest.raises(TableError, match=r"row 4 \(line 5\) has 1 cell"):
        read_table(written(tmp_path, "\n".join(["a;b", *rows[:3], "7", *rows[3:]])))


def test_gzip_and_parquet_by_how_they_begin(tmp_path):
    import polars as pl

    data = gzip.compress(lines().encode())
    assert len(read_table(written(tmp_path, data))) == 40
    pl.DataFrame({"a": [1, 2]}).write_parquet(tmp_path / "t")
    assert read_table(tmp_path / "t").data.to_pydict() == {"a": [1, 2]}


def test_messages_name_rows_as_the_file_has_them(tmp_path):
    texts = [str(k / 7) for k in range(5000)]
    texts[3210] = "n.n."
    rows = [f"{text},{'x' if k % 7 else ''},{k % 2}" for k, text in enumerate(texts)]
    path = written(tmp_path, "\n".join(["n,y,c", *rows]))
    table = read_table(path).take(list(range(100, 5000, 2)))
    assert "'n.n.' in row 3211" in describe_columns(table)[0].why
