"""Reads a PyTorch weight file in the older (legacy) format as NumPy arrays: no PyTorch, and no code of the file runs.

Such a file is a row of pickles (magic number, protocol, facts about the machine, the tensors' layout, the storages'
keys) and then every storage as a count of elements and its raw bytes. A pickle can name any function and have it
called, so that reading one with `pickle.load` means trusting its author; here only the few names that a plain weight
file needs are known, and everything else is refused before anything happens.

A tensor is a view of a storage: offset, shape and strides, which need not be those of a contiguous array.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tlcore.errors import WeightsUnavailable

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_COUNT_BYTES = 8

# bfloat16 is missing on purpose: NumPy has no such type.
_ELEMENTS = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}

# What Python's unpickler raises for bytes that are no pickle, or that misuse the names it is given.
_PICKLE_ERRORS = (
    pickle.UnpicklingError,
    EOFError,
    AttributeError,
    TypeError,
    ValueError,
    LookupError,
    OverflowError,
    MemoryError,
)

_HINT = "Install the package that the file came with again."


class _Refused(Exception):
    """The file asks for something that a plain weight file never needs, or contradicts itself."""


# Named tuples rather than frozen dataclasses: a pickle may set attributes of any object it has made, frozen or not,
# but a tuple has none to set. What was checked when these were made therefore stays true.
class _Storage(NamedTuple):
    key: str
    element: str
    size: int


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _CheckpointUnpickler(pickle.Unpickler):
    """Knows ordered dictionaries, tensors and storages; refuses every other name."""

    def find_class(self, module: str, name: str) -> Any:
        """What the pickle means by `module.name`, never an import."""
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return self._tensor
        if module == "torch" and name in _ELEMENTS:
            return _ELEMENTS[name]
        raise _Refused(f"it asks for {module}.{name}, which no plain weight file needs")

    def persistent_load(self, pid: Any) -> _Storage:
        """The storage that `pid` describes: ("storage", type, key, device, count, None)."""
        if not isinstance(pid, tuple) or len(pid) != 6:
            raise _Refused("it describes a storage in an unknown way")
        tag, element, key, _device, count, view = pid
        known = tag == "storage" and isinstance(element, str) and element in _ELEMENTS.values()
        if not known or view is not None or not isinstance(key, str) or not _is_count(count):
            raise _Refused("it describes a storage in an unknown way")
        return _Storage(key, element, count)

    def _tensor(self, storage: Any, offset: Any, shape: Any, strides: Any, *_gradient_facts: Any) -> _Tensor:
        """A tensor as the file describes it, after making sure that it lies inside its storage."""
        plain = (
            isinstance(storage, _Storage)
            and _is_count(offset)
            and all(isinstance(numbers, tuple) and all(map(_is_count, numbers)) for numbers in (shape, strides))
            and len(shape) == len(strides)
        )
        if not plain:
            raise _Refused("it describes a tensor in an unknown way")
        end = offset + sum((size - 1) * step for size, step in zip(shape, strides, strict=True)) + 1
        # The second condition: strides of zero would let a few bytes claim any amount of memory.
        if prod(shape) and (end > storage.size or prod(shape) > storage.size):
            raise _Refused("a tensor reaches beyond its storage")
        return _Tensor(storage, offset, shape, strides)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and value >= 0


def read_checkpoint(path: Path) -> dict[str, NDArray[Any]]:
    """Reads every tensor of a legacy PyTorch weight file (`.pth`).

    Args:
        path: A file that `torch.save(model.state_dict(), path)` wrote before PyTorch 1.6, or with the older format.

    Returns:
        Contiguous arrays of their own by the tensor's name, in the file's order and with the tensor's shape and type.

    Raises:
        WeightsUnavailable: The file can't be read, is cut off or damaged, has another format, or holds anything but
            tensors. No code in it has run.
    """
    try:
        stream = BytesIO(path.read_bytes())
    except OSError as error:
        raise WeightsUnavailable(
            f"The weight file can't be read: {error.strerror}", value=path.name, hint=_HINT
        ) from error
    try:
        return _read(stream)
    except _Refused as error:
        raise WeightsUnavailable(f"The weight file was not used: {error}", value=path.name, hint=_HINT) from error


def _read(stream: BytesIO) -> dict[str, NDArray[Any]]:
    if _unpickle(stream) != _MAGIC or _unpickle(stream) != _PROTOCOL:
        raise _Refused("it is not in PyTorch's older file format")
    machine = _unpickle(stream)
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise _Refused("it was written with another byte order")
    tensors = _unpickle(stream)
    if not isinstance(tensors, dict) or not all(isinstance(tensor, _Tensor) for tensor in tensors.values()):
        raise _Refused("it holds something else than named tensors")
    keys = _unpickle(stream)
    declared = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    if not isinstance(keys, list) or sorted(map(str, keys)) != sorted(declared):
        raise _Refused("its list of storages doesn't fit its tensors")
    storages = {key: _read_storage(stream, declared[key]) for key in keys}
    return {str(name): _view(tensor, storages[tensor.storage.key]) for name, tensor in tensors.items()}


def _unpickle(stream: BytesIO) -> Any:
    try:
        return _CheckpointUnpickler(stream).load()
    except _PICKLE_ERRORS as error:
        raise _Refused("it is damaged, cut off, or not in PyTorch's older file format") from error


def _read_storage(stream: BytesIO, storage: _Storage) -> NDArray[Any]:
    count = int.from_bytes(stream.read(_COUNT_BYTES), "little")
    if count != storage.size:
        raise _Refused("it is damaged or cut off")
    element = np.dtype(storage.element)
    data = stream.read(count * element.itemsize)
    if len(data) < count * element.itemsize:
        raise _Refused("it is cut off")
    return np.frombuffer(data, element)


def _view(tensor: _Tensor, storage: NDArray[Any]) -> NDArray[Any]:
    if tensor.storage.size != storage.size or np.dtype(tensor.storage.element) != storage.dtype:
        raise _Refused("two tensors describe one storage differently")
    return np.ndarray(
        tensor.shape,
        storage.dtype,
        buffer=storage,
        offset=tensor.offset * storage.itemsize,
        strides=[step * storage.itemsize for step in tensor.strides],
    ).copy(order="C")
