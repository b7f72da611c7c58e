"""Hostile files on Predict: each costs its own entry, and neither the app nor the pictures beside it."""

from __future__ import annotations

import signal
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import psutil
import pytest
from PIL import Image

from tests.conftest import FinishedRun
from tlcore.images.guard import GuardedDecoder
from tlcore.images.messages import read_exactly
from tlcore.jobs.predictions import predict_pictures
from tlcore.serving.inputs import pictures_from
from tlcore.serving.predictor import Prediction
from tlcore.workspace import MEBIBYTE, Limits


@pytest.fixture(scope="module")
def hungry() -> bytes:
    """A good picture of 49 megapixels in a file of 1 MB: decoding it takes half a second and 600 MB."""
    file = BytesIO()
    Image.new("RGBA", (7000, 7000), (1, 2, 3, 4)).save(file, "PNG", compress_level=1)
    return file.getvalue()


def claiming(width: int, height: int) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(10_000))) + chunk(b"IEND", b"")


def ask(run: FinishedRun, decoder: GuardedDecoder, files: Iterable[bytes]) -> list[Prediction]:
    pictures = [(f"{number}.jpg", lambda data=data: data) for number, data in enumerate(files)]
    return list(predict_pictures(run.workspace, run.run_id, decoder, pictures))


def test_every_hostile_file_is_one_refused_entry(finished_run: FinishedRun, crop: Callable[..., bytes]) -> None:
    good = crop("cat", 0)
    hostile = [
        b"",
        b"<svg onload=alert(1)>",
        good[:1500],
        claiming(60_000, 60_000),
        claiming(7_000, 7_000),
        b"\0\0\0\x18ftypmp42" + bytes(500),
        b"GIF89a" + b"\xff" * 500,
        bytes(Limits().picture_bytes + 1),
    ]
    with GuardedDecoder(finished_run.workspace.limits) as decoder:
        answers = ask(finished_run, decoder, [part for data in hostile for part in (good, data)])
    assert [answer.error is None for answer in answers] == [True, False] * len(hostile)
    assert all(len(str(answer.error)) > 20 and "Traceback" not in str(answer.error) for answer in answers[1::2])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps a limit on a process's address space")
def test_the_memory_limit_holds_and_the_app_never_holds_the_pixels(
    finished_run: FinishedRun, hungry: bytes, crop: Callable[..., bytes]
) -> None:
    good = crop("cat", 0)
    with GuardedDecoder(Limits(decode_bytes=400 * MEBIBYTE)) as decoder:
        ask(finished_run, decoder, [good])  # the network and the helper are loaded now
        before = psutil.Process().memory_info().rss
        answers = ask(finished_run, decoder, [hungry, good, hungry, good])
        assert psutil.Process().memory_info().rss - before < 120 * MEBIBYTE  # one picture has 140
    assert [answer.error is None for answer in answers] == [False, True, False, True]
    assert "memory" in str(answers[0].error)


def started(run: FinishedRun, decoder: GuardedDecoder, good: bytes) -> subprocess.Popen[bytes]:
    """The helper, which has decoded a good picture."""
    ask(run, decoder, [good])
    assert decoder._helper is not None
    return decoder._helper.process


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_the_time_limit_holds(finished_run: FinishedRun, crop: Callable[..., bytes]) -> None:
    usual = Limits()
    with GuardedDecoder(usual) as decoder:
        process = started(finished_run, decoder, crop("cat", 0))

        def endless() -> bytes:
            # Halted, it takes too long on any machine; the good ones have time enough on any.
            process.send_signal(signal.SIGSTOP)
            decoder._limits = replace(usual, decode_seconds=0.3)
            return crop("cat", 1)

        def good() -> bytes:
            decoder._limits = usual
            return crop("cat", 2)

        pictures = [("endless.jpg", endless), ("good.jpg", good)]
        answers = list(predict_pictures(finished_run.workspace, finished_run.run_id, decoder, pictures))
        assert process.returncode == -signal.SIGKILL
    assert [answer.error is None for answer in answers] == [False, True]
    assert "too long" in str(answers[0].error)
    assert "0.3 seconds" in str(answers[0].error)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_a_decoder_that_crashes_takes_its_picture_along_and_nothing_else(
    finished_run: FinishedRun, crop: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    with GuardedDecoder(Limits()) as decoder:
        process = started(finished_run, decoder, crop("cat", 0))

        def evil() -> bytes:
            process.send_signal(signal.SIGSTOP)  # it gets the picture, and can't answer before it crashes
            return crop("cat", 1)

        def crash_and_read(answers: BinaryIO, count: int) -> bytes:
            if answers is process.stdout:
                process.send_signal(signal.SIGSEGV)
                process.send_signal(signal.SIGCONT)
            return read_exactly(answers, count)

        monkeypatch.setattr("tlcore.images.guard.read_exactly", crash_and_read)
        pictures = [("evil.jpg", evil), ("good.jpg", lambda: crop("cat", 2))]
        answers = list(predict_pictures(finished_run.workspace, finished_run.run_id, decoder, pictures))
        assert process.returncode == -signal.SIGSEGV
    assert [answer.error is None for answer in answers] == [False, True]
    assert "crash" in str(answers[0].error)


def test_pictures_in_a_zip_are_refused_one_by_one_too(
    finished_run: FinishedRun, tmp_path: Path, crop: Callable[..., bytes]
) -> None:
    path = tmp_path / "asked.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/good.jpg", crop("cat", 0))
        archive.writestr("a/bad.jpg", claiming(60_000, 60_000))
        archive.writestr("a/inner.zip", b"PK\5\6" + bytes(18))
    with GuardedDecoder(finished_run.workspace.limits) as decoder:
        pictures = pictures_from([path, path], finished_run.workspace.limits)
        answers = list(predict_pictures(finished_run.workspace, finished_run.run_id, decoder, pictures))
    assert [(answer.file.split("/")[-1], answer.error is None) for answer in answers] == [
        ("bad.jpg", False),
        ("good.jpg", True),
        ("inner.zip", False),
    ] * 2
