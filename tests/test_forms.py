"""What a description may say: each form at its bounds, and a file's list of arrays at its own."""

import hashlib
import json
import math

import numpy as np
import pytest

from fastnn import Dense, Sequential, load
from fastnn.files import forms, persistence, specs, texts
from fastnn.files.persistence import (
    DIGEST,
    NO_DIGEST,
    ModelFileError,
    pack,
    read_json,
    unpack_bytes,
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
    "array": (forms.array("if"), [np.zeros(2), np.zeros(0, "u1").astype("i1")],
              [np.zeros((1, 1)), np.zeros(2, "u1"), np.array([np.nan]), [0.0], None, 0.0],
              "an array of finite numbers of 1 dim"),
    "array of two dimensions": (forms.array("f", 2), [np.zeros((0, 3))], [np.zeros(3)], "2 dim"),
    "texts": (forms.texts, [texts.to_array(["a", "", "\u20ac"]), texts.to_array([]), ["a"], []],
              [np.frombuffer(b"a", "u1"), np.frombuffer(b"\xe2\x82\xff\xff", "u1"), [HALF], [1],
               np.zeros(3), texts.to_array(["a"])[None], None, "a"], "texts?"),
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


def file_of(entries, data, version=persistence.VERSION, separators=None):
    """A model file whose digest is right, with any list of arrays."""
    description = {DIGEST: NO_DIGEST, "version": version, "fastnn": "9"}
    about = json.dumps(description, separators=separators)
    header = json.dumps({"__metadata__": {persistence.DESCRIPTION: about}, **entries}).encode()
    whole = len(header).to_bytes(8, "little") + header + data
    return whole.replace(NO_DIGEST.encode(), hashlib.sha256(whole).hexdigest().encode(), 1)


def entry(begin, end, shape, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


SOUND = {
    "none": ({}, 0),
    "one": ({"a": entry(0, 8, [2])}, 8),
    "a number": ({"a": entry(0, 4, [])}, 4),
    "two side by side": ({"b": entry(8, 16, [1], "F64"), "a": entry(0, 8, [2])}, 16),
    "an empty one": ({"a": entry(0, 0, [0, 3]), "b": entry(0, 8, [1], "I64")}, 8),
}
DAMAGED = {
    "three dimensions": ({"a": entry(0, 8, [1, 1, 2])}, 8),
    "a gap": ({"a": entry(0, 4, [1]), "b": entry(8, 12, [1])}, 12),
    "an overlap": ({"a": entry(0, 8, [2]), "b": entry(4, 12, [2])}, 12),
    "too small": ({"a": entry(0, 4, [2])}, 4),
    "too large": ({"a": entry(0, 12, [2])}, 12),
    "a start behind the first byte": ({"a": entry(4, 8, [1])}, 8),
    "below 0": ({"a": entry(-4, 4, [2])}, 4),
    "a shape below 0": ({"a": entry(0, 8, [-2])}, 8),
    "a shape that is none": ({"a": entry(0, 8, [2.0])}, 8),
    "another type": ({"a": entry(0, 8, [4], "BF16")}, 8),
    "three offsets": ({"a": entry(0, 8, [2]) | {"data_offsets": [0, 8, 8]}}, 8),
    "more bytes": ({"a": entry(0, 8, [2])}, 9),
    "fewer bytes": ({"a": entry(0, 8, [2])}, 7),
    "another word": ({"a": entry(0, 8, [2]) | {"more": 1}}, 8),
    "a name that is none": ({HALF: entry(0, 8, [2])}, 8),
}


@pytest.mark.parametrize("name", SOUND)
def test_lists_of_arrays_that_fit(name):
    entries, size = SOUND[name]
    arrays, description = unpack_bytes(file_of(entries, bytes(range(size))))
    assert {k: list(v.shape) for k, v in arrays.items()} == {
        k: e["shape"] for k, e in entries.items()
    }
    assert description["version"] == persistence.VERSION
    for key, array in arrays.items():
        begin, end = entries[key]["data_offsets"]
        assert array.tobytes() == bytes(range(size))[begin:end]
        assert not array.flags.writeable or not array.size


@pytest.mark.parametrize("name", DAMAGED)
def test_lists_of_arrays_that_do_not_fit(name):
    entries, size = DAMAGED[name]
    with pytest.raises(ModelFileError):
        unpack_bytes(file_of(entries, bytes(size)))


def test_every_byte_counts():
    data = pack({"a": np.arange(3.0)}, {"fastnn": "0"})
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1
        with pytest.raises(ModelFileError):
            unpack_bytes(bytes(changed))
    for end in range(len(data)):
        with pytest.raises(ModelFileError):
            unpack_bytes(data[:end])


def test_arrays_may_stand_in_a_description():
    own = {"a": np.arange(3.0), "b": [{"c": texts.to_array(["é"])}, (np.ones((1, 2), "i2"), 5)]}
    arrays, description = unpack_bytes(pack({"w": np.zeros(2)}, own))
    assert [*arrays] == ["w"]
    np.testing.assert_array_equal(description["a"], np.arange(3.0))
    assert texts.to_list(description["b"][0]["c"]) == ["é"]
    assert description["b"][1][0].dtype == np.int16
    assert description["b"][1][0].shape == (1, 2)
    assert description["b"][1][1] == 5


@pytest.mark.parametrize("name", ["fastnn.1", "w", None, 3, ["w"]])
def test_an_array_that_is_not_there(name):
    with pytest.raises(ModelFileError, match="its description is damaged"):
        unpack_bytes(pack({"v": np.zeros(2)}, {"a": {"tensor": name}}))


def test_an_array_stands_in_one_place():
    with pytest.raises(ModelFileError, match="its description is damaged"):
        unpack_bytes(pack({"w": np.zeros(2)}, {"a": {"tensor": "w"}, "b": {"tensor": "w"}}))


def with_header(length, version=persistence.VERSION, data=b""):
    """A file of so long a header, of the right digest."""
    entries = {"a": entry(0, len(data), [len(data)], "U8")} if data else {}
    empty = file_of(entries, data, version)
    missing = length - int.from_bytes(empty[:8], "little")
    header = empty[8 : len(empty) - len(data)].decode()
    # Spaces between the names of the list of arrays.
    start = header.rindex("}")
    longer = header[:start] + " " * missing + header[start:]
    whole = length.to_bytes(8, "little") + longer.encode() + data
    digest = header.split('sha256\\": \\"')[1][:64]
    whole = whole.replace(digest.encode(), NO_DIGEST.encode())
    return whole.replace(NO_DIGEST.encode(), hashlib.sha256(whole).hexdigest().encode())


def test_a_header_may_be_a_fiftieth_of_its_file_and_a_mebibyte():
    for size in (0, 10_000, 500_000):
        data = bytes(size)
        most = (2**20 + size + 8) // 49
        assert unpack_bytes(with_header(most, data=data))[1]["fastnn"] == "9"
        with pytest.raises(ModelFileError, match="its header has"):
            unpack_bytes(with_header(most + 1, data=data))


def test_a_header_of_version_1_may_be_longer():
    assert unpack_bytes(with_header(4_000_000, 1))[1]["version"] == 1
    with pytest.raises(ModelFileError, match="its header has"):
        unpack_bytes(with_header(4_000_001, 1))


@pytest.mark.parametrize(
    "more", [{"a": {"version": 1, "b": 0}, "version": 2}, {"a": "x" * 200, "version": 1}]
)
def test_a_version_stands_at_the_beginning(more):
    about = json.dumps({DIGEST: NO_DIGEST, **more})
    header = json.dumps({"__metadata__": {persistence.DESCRIPTION: about}})
    with pytest.raises(ModelFileError, match="its version does not stand at its beginning"):
        unpack_bytes(signed(header))


def signed(header):
    """A file of that header, and nothing else, with the right digest."""
    digest = header.split('sha256\\": \\"')[1][:64]
    data = header.replace(digest, NO_DIGEST).encode()
    whole = len(data).to_bytes(8, "little") + data
    return whole.replace(NO_DIGEST.encode(), hashlib.sha256(whole).hexdigest().encode())


def test_a_description_in_other_letters_is_refused():
    data = file_of({}, b"")[8:].decode()
    for header in (data.replace(r"\"9\"", '\\"é\\"'), data.replace(r"\"9\"", r"\"\u00e9\"")):
        with pytest.raises(ModelFileError, match=r"header is damaged|ASCII"):
            unpack_bytes(signed(header))


def test_a_model_of_many_layers_has_a_file_that_may_be_read(tmp_path):
    layers = [layer for _ in range(150) for layer in (Dense(1), "relu")]
    model = Sequential(layers, seed=0)
    model.compile("adam", "mse")
    model.fit(np.eye(4), np.ones(4), verbose=0)
    model.save(tmp_path / "m")
    size = (tmp_path / "m").stat().st_size
    assert int.from_bytes((tmp_path / "m").read_bytes()[:8], "little") > 2**20 / 50
    assert size < 4_000_000
    np.testing.assert_array_equal(load(tmp_path / "m").predict(np.eye(4)), model.predict(np.eye(4)))


@pytest.mark.parametrize("version", [0, -1, 1.0, True, None, "1", persistence.VERSION + 1])
def test_versions_that_are_not_read(version):
    with pytest.raises(ModelFileError, match=r"description is damaged|update fastnn"):
        unpack_bytes(file_of({}, b"", version))


def test_a_digest_that_is_written_in_another_way():
    with pytest.raises(ModelFileError, match="the digest is not where it belongs"):
        unpack_bytes(file_of({}, b"", separators=(",", ":")))


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
