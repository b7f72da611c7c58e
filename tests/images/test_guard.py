from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tlcore.errors import PictureError, WorkspaceError
from tlcore.images import guard
from tlcore.images.decode import load_picture
from tlcore.images.guard import GuardedDecoder
from tlcore.workspace import Limits


@pytest.fixture(scope="module")
def decoder() -> Iterator[GuardedDecoder]:
    with GuardedDecoder(Limits()) as guarded:
        yield guarded


def large_picture() -> bytes:
    file = BytesIO()
    Image.new("RGBA", (6500, 6500), (1, 2, 3, 4)).save(file, "PNG", compress_level=1)
    return file.getvalue()


def test_it_decodes_exactly_as_training_does(decoder: GuardedDecoder, crop: Callable[..., bytes]) -> None:
    data = crop("cat", 3)
    assert np.array_equal(decoder.load(data, 64), load_picture(data, 64, Limits()))
    assert decoder.load(data, None).shape == (96, 96, 3)
    facts = decoder.inspect(data)
    assert (facts.width, facts.height, facts.format) == (96, 96, "JPEG")
    assert Image.open(BytesIO(decoder.shrink(data, 20))).size == (20, 20)


def test_a_bad_picture_is_refused_and_the_next_one_read(decoder: GuardedDecoder, crop: Callable[..., bytes]) -> None:
    with pytest.raises(PictureError, match="not a picture"):
        decoder.inspect(b"words")
    with pytest.raises(PictureError, match="cut off"):
        decoder.load(crop("cat", 0)[:1500], 32)
    assert decoder.inspect(crop("cat", 0)).width == 96


def test_threads_get_their_own_answers(decoder: GuardedDecoder, crop: Callable[..., bytes]) -> None:
    pictures = [crop("cat", number) for number in range(8)]
    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(lambda data: decoder.load(data, 16), pictures))
    assert all(np.array_equal(one, load_picture(data, 16, Limits())) for one, data in zip(got, pictures, strict=True))


def test_a_slow_picture_ends_the_process_and_the_next_one_is_read(crop: Callable[..., bytes]) -> None:
    with GuardedDecoder(Limits(decode_seconds=0.02)) as guarded:
        with pytest.raises(PictureError, match=r"too long.*0.02 seconds"):
            guarded.load(large_picture(), None)
        guarded._limits = Limits()  # a small picture may take longer than that on a busy machine
        assert guarded.load(crop("cat", 0), 8).shape == (8, 8, 3)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps a limit on a process's address space")
def test_a_picture_that_takes_too_much_memory_is_refused(crop: Callable[..., bytes]) -> None:
    with GuardedDecoder(Limits(decode_bytes=400 * 2**20)) as guarded:
        assert guarded.inspect(crop("cat", 0)).width == 96
        with pytest.raises(PictureError, match="too much memory"):
            guarded.load(large_picture(), None)
        assert guarded.inspect(crop("cat", 1)).width == 96


def test_a_process_that_died_between_pictures_blames_none(crop: Callable[..., bytes]) -> None:
    with GuardedDecoder(Limits()) as guarded:
        guarded.inspect(crop("cat", 0))
        assert guarded._helper is not None
        os.kill(guarded._helper.process.pid, signal.SIGTERM)
        guarded._helper.process.wait(60)
        assert guarded.inspect(crop("cat", 0)).width == 96


def test_closing_ends_the_process(crop: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "_SECONDS_TO_END", 60.0)  # then it would be killed
    with GuardedDecoder(Limits()) as guarded:
        guarded.inspect(crop("cat", 0))
        assert guarded._helper is not None
        process = guarded._helper.process
    assert process.poll() == 0


def test_a_helper_that_cannot_start_is_no_fault_of_the_picture(
    monkeypatch: pytest.MonkeyPatch, crop: Callable[..., bytes]
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with GuardedDecoder(Limits()) as guarded, pytest.raises(WorkspaceError, match="can't be started"):
        guarded.inspect(crop("cat", 0))


def test_it_works_from_any_working_directory_without_tensorflow(tmp_path: Path) -> None:
    home = str(Path(__file__).parents[2])
    code = (
        f"import sys; sys.path.insert(0, {home!r})\n"
        "import tlcore.images.helper\n"
        "print(sorted({'tensorflow', 'keras', 'pydantic', 'pyarrow', 'skimage', 'sklearn'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
