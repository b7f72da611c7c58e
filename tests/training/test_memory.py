from __future__ import annotations

import errno
import gc
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tlcore.errors import TrainingFailed
from tlcore.progress import Silence
from tlcore.training.memory import MemoryWatch, anonymous_bytes, half_batch, is_out_of_memory, tell_memory

MEBIBYTE = 1 << 20


def error_of(action: Any) -> BaseException:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - of which kind is what is asked
        action()
    return caught.value


def test_numpy_and_arrow_out_of_memory_are_known() -> None:
    assert is_out_of_memory(error_of(lambda: np.empty((1 << 50,), dtype=np.float64)))
    assert is_out_of_memory(error_of(lambda: pa.allocate_buffer(1 << 60)))


def test_tensorflows_own_error_is_known_unless_it_means_the_disk() -> None:
    import tensorflow as tf

    assert is_out_of_memory(error_of(lambda: tf.zeros((1 << 21, 1 << 21))))
    disk = error_of(lambda: tf.io.write_file("/dev/full", "x" * 1_000_000))
    assert type(disk).__name__ == "ResourceExhaustedError"
    assert not is_out_of_memory(disk)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("Exception from src/inference/src/cpp/infer_request.cpp:224:\nstd::bad_alloc"),
        RuntimeError("[GPU] clEnqueueMapBuffer failed: CL_OUT_OF_HOST_MEMORY"),
        RuntimeError("Check 'ptr' failed: Failed to allocate 123456 bytes of memory"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        ExceptionGroup("readers", [ValueError("x"), MemoryError()]),
    ],
)
def test_what_libraries_say_only_in_words_is_understood(error: Exception) -> None:
    assert is_out_of_memory(error)


def test_the_cause_counts() -> None:
    error = TrainingFailed("The features could not be computed")
    error.__cause__ = RuntimeError("bad allocation")
    assert is_out_of_memory(error)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("The shapes (3,) and (4,) don't fit"),
        OSError(errno.ENOSPC, "No space left on device"),
        TrainingFailed("The loss became infinite", hint="This is not for being out of memory."),
        ValueError("room for memory"),
    ],
)
def test_other_errors_are_not_taken_for_it(error: Exception) -> None:
    assert not is_out_of_memory(error)


def test_half_batches_end_at_the_smallest() -> None:
    assert [half_batch(32), half_batch(3), half_batch(1)] == [16, 1, None]
    assert half_batch(6, smallest=4) == 4
    assert half_batch(4, smallest=4) is None


def test_memory_that_is_held_is_told_and_mapped_files_are_not(tmp_path: Path) -> None:
    told: list[dict[str, Any]] = []

    class Listener(Silence):
        def event(self, kind: str, **values: Any) -> None:
            told.append({"kind": kind, **values})

    gc.collect()  # what earlier tests left must not go in between
    before = tell_memory(Listener())
    held = np.ones(64 * MEBIBYTE, dtype=np.uint8)
    after = tell_memory(Listener())
    np.save(tmp_path / "mapped.npy", held)
    mapped = np.load(tmp_path / "mapped.npy", mmap_mode="r")
    assert int(mapped.sum()) == held.size  # every page was touched
    assert 56 * MEBIBYTE < after - before < 80 * MEBIBYTE
    assert anonymous_bytes() - after < 32 * MEBIBYTE
    assert [event["kind"] for event in told] == ["memory", "memory"]
    assert told[1]["anonymous"] == after
    assert told[1]["available"] > 0


def test_without_linuxs_description_resident_memory_is_told(tmp_path: Path) -> None:
    assert anonymous_bytes(tmp_path / "gone") > 10 * MEBIBYTE


def test_swapped_out_memory_is_held_too(tmp_path: Path) -> None:
    (tmp_path / "status").write_text("Name:\tpython\nRssAnon:\t    1000 kB\nRssFile:\t 999 kB\nVmSwap:\t  24 kB\n")
    assert anonymous_bytes(tmp_path / "status") == 1024 * 1024


def test_the_watch_sees_what_is_taken_for_a_moment_only() -> None:
    told: list[dict[str, Any]] = []

    class Listener(Silence):
        def event(self, kind: str, **values: Any) -> None:
            told.append({"kind": kind} | values)

    gc.collect()
    before = anonymous_bytes()
    with MemoryWatch(every=0.01) as memory:
        taken = np.ones(30_000_000)
        deadline = time.monotonic() + 60
        while memory.most - before <= 150e6:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        del taken
    memory.tell(Listener())
    assert memory.most - before > 150e6
    assert anonymous_bytes() - before < 150e6
    assert (told[0]["kind"], told[0]["anonymous"]) == ("memory", memory.most)
