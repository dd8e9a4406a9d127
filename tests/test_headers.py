"""Headers of model files: lists of arrays at their bounds, lengths, versions, digests."""

import hashlib
import json

import numpy as np
import pytest

from fastnn import Dense, Sequential, load
from fastnn.files import persistence, texts
from fastnn.files.persistence import (
    DIGEST,
    NO_DIGEST,
    ModelFileError,
    pack,
    unpack_bytes,
)

HALF = "\ud800"


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
