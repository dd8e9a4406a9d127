"""The judge of learning quality: which tables, what a regret is, what is compared."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.quality import job, judge, tables


def line(table, learner, fold, error, seconds=1.0):
    return {"table": table, "learner": learner, "fold": fold, "error": error, "seconds": seconds,
            "size": "small", "log_loss": None, "brier": 0.1, "calibration": 0.02}  # fmt: skip


def ledger(means, folds=2):
    """`means`: table -> learner -> error."""
    return pd.DataFrame(
        [
            line(table, learner, fold, error + (fold - 0.5) * 0.01)
            for table, row in means.items()
            for learner, error in row.items()
            for fold in range(folds)
        ]
    )


MEANS = {
    "a": {"fastnn": 0.1, "linear": 0.2, "trees": 0.3},
    "b": {"fastnn": 0.4, "linear": 0.2, "trees": 0.3},
    "c": {"fastnn": 0.1, "linear": 0.3, "trees": 0.2},
}


def test_regret_is_the_share_of_the_way_from_the_best_to_the_worst():
    found = judge.regret(judge.errors(ledger(MEANS)))
    np.testing.assert_allclose(found.loc["a"], [0, 0.5, 1])
    np.testing.assert_allclose(found.loc["b"], [1, 0, 0.5])


def test_a_table_on_which_all_are_equal_says_nothing():
    equal = {"d": dict.fromkeys(MEANS["a"], 0.5)}
    assert list(judge.regret(judge.errors(ledger(MEANS | equal))).index) == list("abc")


def test_only_tables_with_all_folds_of_all_learners_count():
    lines = ledger(MEANS)
    cut = lines[~((lines["table"] == "b") & (lines["learner"] == "trees") & (lines["fold"] == 1))]
    assert set(judge.complete(cut)["table"]) == {"a", "c"}


def test_verdict_orders_by_regret_and_its_interval_holds_the_mean():
    found = judge.verdict(ledger(MEANS))
    assert list(found.index) == ["fastnn", "linear", "trees"]
    assert (found["low"] <= found["regret"]).all()
    assert (found["regret"] <= found["high"]).all()
    assert found.loc["fastnn", "rank"] == pytest.approx(5 / 3)


def test_pairs_count_wins_and_what_is_clearly_worse():
    found = judge.against(ledger(MEANS), "fastnn").loc["linear"]
    assert (found["wins"], found["losses"], found["clearly_worse"]) == (2, 1, 1)
    assert found["times_as_fast"] == pytest.approx(1)


def test_what_differs_by_rounding_is_no_worse():
    lines = ledger(MEANS | {"d": {"fastnn": 0.3, "linear": 0.3, "trees": 0.2}})
    rounded = (lines["table"] == "d") & (lines["learner"] == "linear")
    lines.loc[rounded, "error"] -= 1e-16
    assert judge.against(lines, "fastnn").loc["linear", "clearly_worse"] == 1


def test_a_picture_of_the_verdict(tmp_path):
    pytest.importorskip("matplotlib")
    judge.draw(judge.verdict(ledger(MEANS)), tmp_path / "regret.png")
    assert (tmp_path / "regret.png").stat().st_size > 1000


def frame(**columns):
    rng = np.random.default_rng(0)
    numbers = {f"x{k}": rng.normal(size=200) for k in range(3)}
    return pd.DataFrame({**numbers, **columns})


def test_the_target_is_the_last_column_that_can_be_one():
    text = np.array(["a", "b"])[np.arange(200) % 2]
    assert tables.target_of(frame(t=text)) == ("t", "classification")
    assert tables.target_of(frame(t=np.arange(200) % 3)) == ("t", "classification")
    assert tables.target_of(frame(t=np.arange(200) % 3 / 2)) == ("x2", "regression")
    assert tables.target_of(frame(counter=np.arange(200))) == ("x2", "regression")
    rare = np.array(["a"] * 195 + ["b"] * 5)
    assert tables.target_of(frame(t=rare)) == ("x2", "regression")
    assert tables.target_of(pd.DataFrame({"one": ["a"] * 200})) is None


def test_rows_without_a_target_and_what_says_nothing_are_left_out():
    text = np.array(["a", "b"], object)[np.arange(200) % 2]
    text[:20] = None
    case = tables.as_case("n", frame(rownames=np.arange(200), same=1, t=text), "held")
    assert case.X.shape == (180, 3)
    assert list(case.X) == ["x0", "x1", "x2"]
    assert (case.task, case.size, case.part) == ("classification", "small", "held")
    assert tables.as_case("n", frame(t=text)[:150], "held") is None


def test_calibration_error_of_what_is_known():
    proba = np.array([[0.8, 0.2]] * 10)
    assert job.calibration_error(proba, np.arange(10) < 8) == pytest.approx(0)
    assert job.calibration_error(proba, np.arange(10) < 5) == pytest.approx(0.3)


def test_a_job_gives_a_line_for_each_fold_and_one_calibration_for_the_table(monkeypatch):
    class Certain:
        """The first class in three rows of four, else the second, and 0.75 sure of the first."""

        def fit(self, X, y):
            return self

        def predict_proba(self, X):
            return np.tile([0.75, 0.25], (len(X), 1))

    monkeypatch.setitem(job.LEARNERS, "certain", ("numpy", lambda task: Certain()))
    text = np.array(["a", "a", "a", "b"])[np.arange(200) % 4]
    lines = job.run("certain", tables.as_case("n", frame(t=text), "held"))
    assert [line["fold"] for line in lines] == list(range(job.FOLDS))
    for line in lines:
        assert line["error"] == pytest.approx(0.25)
        assert line["brier"] == pytest.approx(0.375)
        assert line["calibration"] == pytest.approx(0)
