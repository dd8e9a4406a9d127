"""What a description may say: each form at its bounds."""

import math

import numpy as np
import pytest

from fastnn import Dense, Sequential, load
from fastnn.files import forms, persistence, specs, texts
from fastnn.files.persistence import (
    ModelFileError,
    pack,
    read_json,
)

HALF = "\ud800"
# form, what it takes, what it refuses, words of the refusal
FORMS = {
    "whole": (forms.whole(2, 5), [2, 5], [1, 6, 2.0, True, "2", None, [2]],
              "a whole number from 2 to 5"),
    "whole by default": (forms.whole(), [0, 2**53], [-1, 2**53 + 1], "from 0 to 9.01e\\+15"),
    "number": (forms.number(), [-1e300, 0, 1.5, 2**53, -(2**53)],
               [math.inf, -math.inf, math.nan, 2**53 + 1, True, "1", None], "a finite number$"),
    "number from": (forms.number(0.5), [0.5, 1], [0.4999, -1, 0], "of at least 0.5"),
    "switch": (forms.switch, [True, False], [0, 1, None, "true"], "true or false"),
    "text": (forms.text, ["", "a", "\u20ac"], [HALF, b"a", 1, None, ["a"]], "a text"),
    "choice": (forms.choice("a", "b"), ["a", "b"], ["c", "", 1, None, ["a"]], "'a' or 'b'"),
    "maybe": (forms.maybe(forms.whole(1)), [None, 1], [0, "a"], "a whole number"),
    "listed": (forms.listed(forms.whole(1), 1, 3), [[1], [1, 2, 3]],
               [[], [1, 2, 3, 4], (1,), {1: 1}, 1, None], "a list of 1 to 3 entries"),
    "listed by default": (forms.listed(forms.switch), [[], [True] * 9], [(), None], "a list of 0"),
    "listed items": (forms.listed(forms.whole(1)), [[1]], [[1, 0], ["a"], [None]],
                     r"here\[\d\] is"),
    "row": (forms.row(forms.whole(1), forms.switch), [[1, True]],
            [[1], [1, True, 1], [], (1, True), None], "a list of 2"),
    "row items": (forms.row(forms.whole(1), forms.switch), [[1, True]],
                  [[True, 1], [0, True], [1, 1]], r"here\[[01]\] is"),
    "mapping": (forms.mapping(forms.whole(1)), [{}, {"a": 1}], [[], None, [("a", 1)]], "a mapping"),
    "mapping items": (forms.mapping(forms.whole(1)), [{"a": 1}],
                      [{"a": 0}, {HALF: 1}, {1: 1}], "here(\\['a'\\])? is"),
    "record": (forms.record({"a": forms.whole(1)}, {"b": forms.switch}),
               [{"a": 1}, {"a": 1, "b": True}], [[], None, "a"], "a mapping with a"),
    "record without": (forms.record({"a": forms.whole(1)}, {"b": forms.switch}),
                       [{"a": 1}], [{}, {"b": True}], "here lacks 'a'"),
    "record with more": (forms.record({"a": forms.whole(1)}), [{"a": 1}],
                         [{"a": 1, "c": 1}], "here holds 'c', which is unknown"),
    "record items": (forms.record({"a": forms.whole(1)}, {"b": forms.switch}), [{"a": 1}],
                     [{"a": 0}, {"a": 1, "b": 1}], r"here\.[ab] is"),
    "array": (forms.array("float64", "int8"), [np.zeros(2), np.zeros(0, "i1")],
              [np.zeros((1, 1)), np.zeros(2, "f4"), np.array([np.nan]), [0.0], None, 0.0],
              "finite float64 or int8 of 1 dim"),
    "array of two dimensions": (forms.array("float64", ndim=2), [np.zeros((0, 3))],
                                [np.zeros(3)], "2 dim"),
    "texts": (forms.texts, [texts.to_array(["a", "", "\u20ac"]), texts.to_array([]), ["a"], []],
              [np.frombuffer(b"a", "u1"), np.frombuffer(b"\xe2\x82\xff\xff", "u1"), [HALF], [1],
               np.zeros(3), texts.to_array(["a"])[None], None, "a"], "text|uint8"),
    "either": (forms.either(forms.listed(forms.switch), forms.whole(1)), [[True], 1],
               [[1], True, 0], "here"),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_a_form_takes_what_it_should_and_refuses_the_rest(name):
    form, taken, refused, words = FORMS[name]
    for value in taken:
        form(value, "here")
    for value in refused:
        with pytest.raises(ValueError, match=words):
            form(value, "here")


def test_a_refusal_is_short_whatever_came():
    deep = [[[[[["x" * 10_000] * 100]]]]]
    with pytest.raises(ValueError, match="here is") as caught:
        forms.switch(deep, "here")
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "words", ["NaN", "Infinity", "-Infinity", '{"a": 1, "a": 2}', "[" * 10_000]
)
def test_json_that_is_none(words):
    with pytest.raises(ValueError, match=r"is no JSON|stands twice|nested too deeply"):
        read_json(words)


def test_anything_is_anything():
    forms.anything(object(), "here")


@pytest.mark.parametrize("lengths", [[], [0], [0, 0], [1, 0, 2], [2**16 - 1, 2**16, 5], [200_000]])
def test_texts_come_back_from_their_array(lengths):
    given = [("é" + "x" * length)[-length:] if length else "" for length in lengths]
    array = texts.to_array(given)
    assert texts.to_list(array) == given
    assert texts.to_list(given) is given
    assert texts.count(array) == texts.count(given) == len(given)
    forms.texts(array, "here")
    half = array.copy()
    half[half == 0xA9] = 0xFF  # the second byte of each é
    assert texts.are_whole(half) == (not any("é" in text for text in given))


@pytest.mark.parametrize(
    ("given", "ascend"),
    [([], True), (["b"], True), (["a", "ab", "b", "é", "\U0001f600"], True), (["a", "a"], False),
     (["b", "a"], False), (["", "a"], True), (["a", ""], False)],
)  # fmt: skip
def test_texts_in_order(given, ascend):
    assert texts.ascend(texts.to_array(given)) == ascend


@pytest.mark.parametrize("value", [object, {"a": 1}, b"ab", {1, 2}, 1j])
def test_what_no_file_can_hold_is_refused(value):
    with pytest.raises(TypeError, match="cannot be saved; expected numbers, texts and parts"):
        specs.to_spec(value, {})


def test_two_functions_of_one_name_are_told_apart():
    first, second = (lambda x: x), (lambda x: -x)
    own = {}
    assert specs.to_spec([first, second, first], own) == [
        {"own": "function"}, {"own": "function_2"}, {"own": "function"},
    ]  # fmt: skip
    assert own == {"function": first, "function_2": second}


WRONG_PARTS = {
    "no mapping": [],
    "no class": {"units": 3},
    "a class of another kind": {"class": "losses.MSE", "reduction": "mean"},
    "no such class": {"class": "layers.Wide", "units": 3},
    "a field too many": {"class": "layers.Dropout", "rate": 0.5, "more": 1},
    "a field too few": {"class": "layers.Dense"},
    "another form": {"class": "layers.Dropout", "rate": {"units": [True]}},
}


@pytest.mark.parametrize("name", WRONG_PARTS)
def test_parts_that_are_none(name):
    with pytest.raises(ValueError, match="here"):
        specs.part("layers")(WRONG_PARTS[name], "here")


def test_a_part_that_is_one():
    specs.part("layers")({"class": "layers.Dropout", "rate": 0.5}, "here")


@pytest.mark.parametrize("change", [lambda a: a.astype("<f8"), lambda a: a[:, None]])
def test_numbers_of_epochs_of_another_form(change, tmp_path):
    model = Sequential([Dense(2)], seed=0)
    model.compile("sgd", "mse")
    model.fit(np.eye(4), np.eye(4)[:, :2], epochs=3, verbose=0)
    model.save(tmp_path / "m")
    arrays, description = persistence.unpack(tmp_path / "m")
    changed = {**arrays, "history.epoch": change(arrays["history.epoch"])}
    (tmp_path / "m").write_bytes(pack(changed, description))
    with pytest.raises(ModelFileError, match=r"history\.epoch is"):
        load(tmp_path / "m")
