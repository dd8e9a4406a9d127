"""TabularModel: from a table to predictions, with nothing learned from rows that judge."""

import importlib.util
import re

import numpy as np
import pytest

pytest.importorskip("pyarrow")

from tabular_data import people

import fastnn
from fastnn import TabularModel
from fastnn.export.formulas import softly_scaled
from fastnn.files.persistence import ModelFileError
from fastnn.tabular import TableError, load_model, read_table
from fastnn.tabular.encoder import Encoder
from fastnn.tabular.folds import member_folds
from fastnn.tabular.report import report

QUICK = {"max_iter": 12}


@pytest.fixture(scope="module")
def buyers():
    table = people()
    del table["spent"]
    return table, TabularModel("buys", settings={"max_iter": 60}).fit(table)


def rows_of(table, rows):
    return {name: np.asarray(column, object)[rows].tolist() for name, column in table.items()}


def test_it_learns_and_says_what_columns_are(buyers):
    table, model = buyers
    assert {c.name: c.kind for c in model.columns_} == {
        "id": "drop", "age": "number", "town": "category", "day": "date",
    }  # fmt: skip
    assert model.target_.classes == ("no", "yes")
    assert model.scores_["accuracy"] > 0.85
    assert model.evaluate(table)["accuracy"] > 0.9
    assert set(model.predict(table).tolist()) == {"no", "yes"}
    probabilities = model.predict_proba(table)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)
    assert len(model.members_) == 5


def test_the_same_seed_gives_the_same_bits(buyers):
    table, _ = buyers
    one, two = (TabularModel("buys", settings=QUICK).fit(table).predict_proba(table) for _ in "ab")
    np.testing.assert_array_equal(one, two)


def test_a_regression(tmp_path):
    table = people()
    del table["buys"]
    model = TabularModel("spent", settings={"max_iter": 80}).fit(table)
    assert model.scores_["r2"] > 0.8
    assert model.predict(table).dtype == np.float64
    with pytest.raises(ValueError, match="predict_proba is for classes"):
        model.predict_proba(table)
    model.save(tmp_path / "m.safetensors")
    again = fastnn.load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(again.predict(table), model.predict(table))


def test_nothing_is_learned_from_rows_held_out(buyers):
    table, model = buyers
    held_out = model.held_out_
    changed = {name: np.array(column, object) for name, column in table.items()}
    changed["age"][held_out] = 1e6
    changed["town"][held_out] = "Atlantis"
    changed["day"][held_out] = "1901-01-01"
    other = TabularModel("buys", settings={"max_iter": 60}).fit(changed)
    np.testing.assert_array_equal(other.held_out_, held_out)
    np.testing.assert_array_equal(other.predict_proba(table), model.predict_proba(table))


def test_a_member_learns_nothing_from_the_rows_that_stop_it(buyers):
    table, model = buyers
    y = np.array([model.target_.classes.index(name) for name in table["buys"]])
    learned = np.setdiff1d(np.arange(len(y)), model.held_out_)
    age = np.asarray(table["age"], float)
    for k, (train, stop) in enumerate(member_folds(y[learned], "classification", model.seed)):
        rule = model.members_[k].encoder.rules[0]
        assert rule.median == np.nanmedian(age[learned[train]])
        assert len(np.intersect1d(train, stop)) == 0


def test_columns_in_any_order_more_of_them_and_missing_ones(buyers):
    table, model = buyers
    shuffled = {"more": [0] * len(table["age"]), **dict(reversed(table.items()))}
    np.testing.assert_array_equal(model.predict_proba(shuffled), model.predict_proba(table))
    with pytest.raises(TableError, match="lacks the columns age, day"):
        model.predict({"town": ["Ulm"]})


def test_what_is_refused(buyers):
    table, _ = buyers
    with pytest.raises(TableError, match=r'no column "buy".*did you mean "buys"'):
        TabularModel("buy").fit(table)
    with pytest.raises(TableError, match="has 4 rows with a target; expected at least 10"):
        TabularModel("buys").fit(rows_of(table, range(4)))
    with pytest.raises(ValueError, match="holdout is 1"):
        TabularModel("buys", holdout=1)
    with pytest.raises(ValueError, match="not trained yet"):
        TabularModel("buys").predict(table)
    unknown = rows_of(table, range(20)) | {"buys": ["perhaps"] * 20}
    model = TabularModel("buys", settings=QUICK).fit(table)
    with pytest.raises(TableError, match='row 1 of the table has the class "perhaps"'):
        model.evaluate(unknown)


def test_rows_without_a_target_and_weights(buyers):
    table, _ = buyers
    gaps = dict(table, buys=[None, None, *table["buys"][2:]], w=np.ones(240))
    model = TabularModel("buys", sample_weight="w", settings=QUICK).fit(gaps)
    assert model.notes_ == ["2 rows without a target were left out"]
    assert "w" not in {c.name for c in model.columns_}
    with pytest.raises(TableError, match='"w" is -1 in row 3'):
        TabularModel("buys", sample_weight="w").fit(dict(table, w=[1, 1, -1] + [1] * 237))


def test_a_class_of_one_row():
    table = people()
    del table["spent"]
    table["buys"] = np.array(table["buys"], object)
    table["buys"][7] = "perhaps"
    model = TabularModel("buys", settings=QUICK).fit(table)
    assert model.predict_proba(table).shape == (240, 3)


def test_many_classes_of_few_rows():
    rng = np.random.default_rng(0)
    table = {"n": rng.normal(size=60), "y": [f"c{k % 20}" for k in range(52)] + list("stuvwxyz")}
    model = TabularModel("y", settings=QUICK).fit(table)
    assert model.predict_proba(table).shape == (60, 28)
    numbers = np.array([model.target_.classes.index(name) for name in table["y"]])
    learned = np.setdiff1d(np.arange(60), model.held_out_)
    assert np.isin(numbers[model.held_out_], numbers[learned]).all()
    for train, stop in member_folds(numbers[learned], "classification", 0):
        assert np.isin(numbers[learned[stop]], numbers[learned[train]]).all()


def test_a_file_holds_all_of_it(buyers, tmp_path):
    table, model = buyers
    path = tmp_path / "m.safetensors"
    model.save(path)
    again = fastnn.load(path)
    assert isinstance(again, TabularModel)
    np.testing.assert_array_equal(again.predict_proba(table), model.predict_proba(table))
    for name in ("columns_", "target_", "scores_", "notes_", "n_rows_", "seconds_", "seed"):
        assert getattr(again, name) == getattr(model, name)
    assert again.members_[0].network.history.history == model.members_[0].network.history.history
    again.save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_a_file_of_another_kind_or_damaged(buyers, tmp_path):
    other = fastnn.Sequential([fastnn.Dense(1)], seed=0).build(2)
    other.save(tmp_path / "other.safetensors")
    with pytest.raises(ModelFileError, match="another kind of model"):
        load_model(tmp_path / "other.safetensors")
    path = tmp_path / "m.safetensors"
    buyers[1].save(path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelFileError):
        fastnn.load(path)


@pytest.mark.parametrize("target", ["buys", "spent"])
def test_onnx_takes_raw_columns(target, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    table = people()
    del table["spent" if target == "buys" else "buys"]
    model = TabularModel(target, settings=QUICK).fit(table)
    model.to_onnx(tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    other = people(60, seed=1)
    other["town"][0], other["day"][1] = "Atlantis", "1931-05-06"
    days = np.array(other["day"], "datetime64[s]").astype(np.float64)
    fed = {
        "town": np.array([w or "" for w in other["town"]], object)[:, None],
        "age": other["age"][:, None], "day": days[:, None],
    }  # fmt: skip
    found = session.run(None, fed)[0]
    known = model.predict_proba(other) if target == "buys" else model.predict(other)[:, None]
    np.testing.assert_allclose(found, known, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("target", ["buys", "spent"])
def test_numpy_takes_raw_columns(target, tmp_path):
    table = people()
    del table["spent" if target == "buys" else "buys"]
    model = TabularModel(target, settings=QUICK).fit(table)
    predict = model.to_numpy(tmp_path / "numbers.py")
    spec = importlib.util.spec_from_file_location("numbers_", tmp_path / "numbers.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    other = people(60, seed=1)
    other["town"][0], other["day"][1] = "Atlantis", "1931-05-06"
    days = np.array(other["day"], "datetime64[s]").astype(np.float64)
    fed = {"town": other["town"], "age": other["age"], "day": days}
    known = model.predict_proba(other) if target == "buys" else model.predict(other)[:, None]
    for found in (predict(fed), module.predict(fed)):
        np.testing.assert_allclose(found, known, rtol=2e-5, atol=1e-6)
    with pytest.raises(ValueError, match="lacks the columns day"):
        module.predict({"town": fed["town"], "age": fed["age"]})


def test_a_report_is_one_page_of_its_own(buyers):
    pytest.importorskip("matplotlib")
    table, model = buyers
    page = report(model, table)
    assert page.startswith("<!DOCTYPE html>")
    assert not re.search(r'(src|href)="(?!#|data:)', page)
    assert page.count("<svg") == 4
    for words in ("What the columns were", "most wrong", "fastnn.TabularModel(", "balanced"):
        assert words in page


def test_class_weights_by_name_and_balanced(buyers):
    table, _ = buyers
    y = np.array([k % 4 == 0 for k in range(240)]).astype(int)
    rare = dict(table, buys=np.where(y, "yes", "no"))
    shares = {}
    for given in (None, "balanced", {"yes": 9}):
        model = TabularModel("buys", class_weight=given, settings=QUICK).fit(rare)
        shares[str(given)] = model.predict_proba(rare)[:, 1].mean()
    assert shares["None"] < shares["balanced"] < shares["{'yes': 9}"]
    with pytest.raises(
        ValueError, match='class_weight names "maybe"; the classes of "buys" are no'
    ):
        TabularModel("buys", class_weight={"maybe": 2}).fit(rare)
    with pytest.raises(ValueError, match='expected "balanced", or numbers'):
        TabularModel("buys", class_weight={"yes": -1})
    with pytest.raises(ValueError, match="class_weight is for classes"):
        TabularModel("age", class_weight="balanced").fit(table)


def test_what_the_network_reads_is_the_scaled_encoding_to_the_bit(buyers):
    table, model = buyers
    other = dict(table, town=["Atlantis", None, *table["town"][2:]])
    for member in model.members_:
        plain = softly_scaled(
            member.encoder.encode(read_table(other)), member.median, member.factor
        )
        np.testing.assert_array_equal(member.features(read_table(other)), plain)


def test_a_notebook_shows_the_model(buyers):
    _, model = buyers
    page = model._repr_html_()
    assert "<b>buys</b>: classification, 2 classes; 5 networks trained on 192 rows" in page
    assert "<td>town</td><td>category</td>" in page
    assert TabularModel("buys")._repr_html_() is None


def test_encoders_medians_and_scales_come_from_the_rows_trained_on(buyers):
    table, model = buyers
    y = np.array([model.target_.classes.index(name) for name in table["buys"]])
    learned = np.setdiff1d(np.arange(len(y)), model.held_out_)
    folds = member_folds(y[learned], "classification", model.seed)
    for member, (train, _) in zip(model.members_, folds, strict=True):
        rows = read_table(rows_of(table, learned[train]))
        encoder = Encoder.learn(model.columns_, rows)
        assert [r.categories for r in member.encoder.rules] == [r.categories for r in encoder.rules]
        assert [r.median for r in member.encoder.rules] == [r.median for r in encoder.rules]
        np.testing.assert_array_equal(member.median, np.median(encoder.encode(rows), axis=0))
