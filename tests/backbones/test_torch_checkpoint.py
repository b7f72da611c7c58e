"""Reads files assembled opcode by opcode: neither PyTorch nor the reader's own ideas take part in making them."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from tlcore.backbones.torch_checkpoint import read_checkpoint
from tlcore.errors import WeightsUnavailable

MAGIC = pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2)
PROTOCOL = pickle.dumps(1001, protocol=2)
MACHINE = pickle.dumps({"protocol_version": 1001, "little_endian": True}, protocol=2)


def numbers(values: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(b"I%d\n" % value for value in values) + b"t"


def tensor(
    key: str,
    count: int,
    offset: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    kind: str = "FloatStorage",
) -> bytes:
    """The pickle opcodes that torch.save writes for one tensor."""
    storage = b"(Vstorage\nctorch\n%s\nV%s\nVcpu\nI%d\nNtQ" % (kind.encode(), key.encode(), count)
    hooks = b"ccollections\nOrderedDict\n)R"
    place = b"I%d\n" % offset + numbers(shape) + numbers(strides)
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + place + b"I00\n" + hooks + b"tR"


def named(entries: dict[str, bytes]) -> bytes:
    items = b"".join(b"V%s\n%ss" % (name.encode(), value) for name, value in entries.items())
    return b"ccollections\nOrderedDict\n)R" + items + b"."


def checkpoint(objects: bytes, storages: dict[str, np.ndarray]) -> bytes:
    data = b"".join(array.size.to_bytes(8, "little") + array.tobytes() for array in storages.values())
    return MAGIC + PROTOCOL + MACHINE + objects + pickle.dumps(list(storages), protocol=2) + data


def saved(folder: Path, content: bytes) -> Path:
    path = folder / "weights.pth"
    path.write_bytes(content)
    return path


def two_by_three() -> bytes:
    return checkpoint(named({"w": tensor("0", 6, 0, (2, 3), (3, 1))}), {"0": np.arange(6, dtype="<f4")})


def test_strides_and_offsets_into_one_storage_are_honoured(tmp_path: Path) -> None:
    objects = named(
        {
            "plain": tensor("7", 7, 0, (2, 3), (3, 1)),
            "transposed": tensor("7", 7, 1, (3, 2), (1, 3)),
            "steps": tensor("9", 3, 0, (3,), (1,), kind="LongStorage"),
            "scalar": tensor("9", 3, 2, (), (), kind="LongStorage"),
        }
    )
    storages = {"7": np.arange(7, dtype="<f4"), "9": np.array([5, -6, 2**40], dtype="<i8")}
    tensors = read_checkpoint(saved(tmp_path, checkpoint(objects, storages)))
    assert list(tensors) == ["plain", "transposed", "steps", "scalar"]
    assert tensors["plain"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert tensors["transposed"].tolist() == [[1, 4], [2, 5], [3, 6]]
    assert tensors["transposed"].dtype == np.float32
    assert tensors["transposed"].flags.c_contiguous
    assert tensors["steps"].tolist() == [5, -6, 2**40]
    assert tensors["scalar"].shape == ()
    assert tensors["scalar"] == 2**40


def test_arrays_are_independent_of_each_other(tmp_path: Path) -> None:
    objects = named({"a": tensor("0", 2, 0, (2,), (1,)), "b": tensor("0", 2, 0, (2,), (1,))})
    tensors = read_checkpoint(saved(tmp_path, checkpoint(objects, {"0": np.ones(2, "<f4")})))
    tensors["a"][:] = 5
    assert tensors["b"].tolist() == [1, 1]


@pytest.mark.parametrize("position", ["instead of the tensors", "among the tensors", "first thing in the file"])
def test_code_in_a_pickle_is_refused_and_does_not_run(tmp_path: Path, position: str) -> None:
    victim = tmp_path / "made-by-the-pickle"
    call = b"cos\nmkdir\n(V%s\ntR" % str(victim).encode()
    content = {
        "instead of the tensors": checkpoint(call + b".", {}),
        "among the tensors": checkpoint(named({"w": call}), {}),
        "first thing in the file": call + b"." + two_by_three(),
    }[position]
    with pytest.raises(WeightsUnavailable, match=r"os\.mkdir"):
        read_checkpoint(saved(tmp_path, content))
    assert not victim.exists()


@pytest.mark.parametrize("name", [b"builtins\neval", b"torch\nload", b"torch._utils\n_rebuild_tensor", b"torch\ndtype"])
def test_names_that_weights_do_not_need_are_refused(tmp_path: Path, name: bytes) -> None:
    with pytest.raises(WeightsUnavailable, match="no plain weight file needs"):
        read_checkpoint(saved(tmp_path, checkpoint(named({"w": b"c" + name + b"\n"}), {})))


def test_a_pickle_cannot_change_what_was_already_checked(tmp_path: Path) -> None:
    moved = tensor("0", 6, 0, (2, 3), (3, 1)) + b"N}Voffset\nI999999\nstb"
    with pytest.raises(WeightsUnavailable):
        read_checkpoint(saved(tmp_path, checkpoint(named({"w": moved}), {"0": np.arange(6, dtype="<f4")})))


@pytest.mark.parametrize("kept", [0, 5, 20, 60, 150, 0.8, 0.99])
def test_a_truncated_file_is_named_as_such(tmp_path: Path, kept: float) -> None:
    content = two_by_three()
    shorter = content[: kept if isinstance(kept, int) else int(len(content) * kept)]
    with pytest.raises(WeightsUnavailable, match="cut off") as caught:
        read_checkpoint(saved(tmp_path, shorter))
    assert "weights.pth" in str(caught.value)
    assert "Install the package" in str(caught.value)


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [
        (1, (2, 3), (3, 1)),
        (0, (2, 3), (4, 1)),
        (-1, (2,), (1,)),
        (5, (2,), (-1,)),
        (0, (10**12,), (0,)),
        (0, (2, 3), (1,)),
    ],
)
def test_tensors_outside_their_storage_are_refused(
    tmp_path: Path, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]
) -> None:
    content = checkpoint(named({"w": tensor("0", 6, offset, shape, strides)}), {"0": np.arange(6, dtype="<f4")})
    with pytest.raises(WeightsUnavailable, match="tensor"):
        read_checkpoint(saved(tmp_path, content))


def test_contradictions_are_refused(tmp_path: Path) -> None:
    six = np.arange(6, dtype="<f4")
    one = tensor("0", 6, 0, (2, 3), (3, 1))
    for objects, storages, reason in [
        (named({"w": one}), {"1": six}, "list of storages"),
        (named({"w": one, "v": tensor("0", 6, 0, (6,), (1,), kind="LongStorage")}), {"0": six}, "damaged|cut off|two"),
        (named({"w": b"I5\n"}), {}, "something else than named tensors"),
        (named({"w": one}), {"0": six[:4]}, "damaged or cut off"),
    ]:
        with pytest.raises(WeightsUnavailable, match=reason):
            read_checkpoint(saved(tmp_path, checkpoint(objects, storages)))


@pytest.mark.parametrize(
    "content",
    [b"PK\x03\x04 the newer format is a zip", pickle.dumps(5, protocol=2), b"<html>not found</html>"],
)
def test_other_formats_are_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(WeightsUnavailable, match="older file format"):
        read_checkpoint(saved(tmp_path, content))


def test_a_missing_file_is_told_plainly(tmp_path: Path) -> None:
    with pytest.raises(WeightsUnavailable, match="can't be read"):
        read_checkpoint(tmp_path / "absent.pth")
