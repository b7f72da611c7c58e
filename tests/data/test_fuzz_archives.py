"""Archives of real pictures, mutated: each is imported or refused with a reason, and nothing else happens."""

from __future__ import annotations

import io
import random
import shutil
import stat
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tlcore.data.catalog import open_dataset
from tlcore.data.importer import import_pictures
from tlcore.errors import ImportRefused, PictureError
from tlcore.images.guard import GuardedDecoder
from tlcore.serving.inputs import pictures_from_zip
from tlcore.workspace import Limits, Workspace

CASES = 200
"""Of each of three ways."""

NAMES = (
    "cat/{}.jpg",
    "dog/{}.png",
    "cat/deep/er/{}.jpg",
    "train/cat/{}.jpg",
    "../{}.jpg",
    "cat/../../{}.jpg",
    "/etc/{}.jpg",
    "C:\\evil\\{}.jpg",
    "cat\\..\\..\\{}.jpg",
    "cat/\u202e{}gpj.exe",
    "cat/\x07{}.jpg",
    "CAT/{}.jpg",
    "con/{}.jpg",
    "{}" + "x" * 300 + ".jpg",
    "a/" * 12 + "{}.jpg",
    " /{}.jpg",
    "cat/{}.zip",
    "__MACOSX/{}.jpg",
    "cat/{}/",
    "",
)


@pytest.fixture(scope="module")
def decoders() -> Iterator[list[GuardedDecoder]]:
    with GuardedDecoder(Limits()) as one, GuardedDecoder(Limits()) as other:
        yield [one, other]


@pytest.fixture
def warm(decoders: list[GuardedDecoder], monkeypatch: pytest.MonkeyPatch) -> None:
    """Imports use helper processes that stay: starting two for each would take most of the time."""
    free = list(decoders)

    class Warm:
        def __init__(self, _limits: Limits) -> None:
            self.decoder = free.pop()

        def __enter__(self) -> GuardedDecoder:
            return self.decoder

        def __exit__(self, *error: object) -> None:
            free.append(self.decoder)

    monkeypatch.setattr("tlcore.images.pool.GuardedDecoder", Warm)


@pytest.fixture(scope="module")
def pictures(crop: Callable[..., bytes]) -> list[bytes]:
    return [crop(name, number, form) for number, name in enumerate(("cat", "coffee")) for form in ("JPEG", "PNG")] + [
        crop("rocket", number) for number in range(4)
    ]


@pytest.fixture(scope="module")
def archives(pictures: list[bytes]) -> list[bytes]:
    """Good zips of several makes."""
    plain = {f"{name}/{number}.jpg": data for number, data in enumerate(pictures) for name in ("cat", "dog")}
    parts = {f"pets/{part}/{name}": data for part in ("train", "test") for name, data in list(plain.items())[:6]}
    found = []
    for members, method in ((plain, zipfile.ZIP_STORED), (parts, zipfile.ZIP_DEFLATED)):
        for stream in (io.BytesIO(), _Unseekable()):
            with zipfile.ZipFile(stream, "w", method) as archive:
                archive.comment = b"made for a test"
                for number, (name, data) in enumerate(members.items()):
                    with archive.open(name.replace("cat", "Käse"), "w", force_zip64=number % 2 == 0) as file:
                        file.write(data)
            found.append(stream.getvalue())
    return found


class _Unseekable(io.BytesIO):
    """Makes `zipfile` write sizes after the data, as programs do that pack into a pipe."""

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise io.UnsupportedOperation


def anywhere(dice: random.Random, mutate: Callable[..., bytes], archives: list[bytes], pictures: list[bytes]) -> bytes:
    return mutate(dice, dice.choice(archives), archives + pictures)


def in_the_table(
    dice: random.Random, mutate: Callable[..., bytes], archives: list[bytes], pictures: list[bytes]
) -> bytes:
    data = dice.choice(archives)
    start = max(data.index(b"PK\x01\x02"), len(data) - dice.choice((22, 120, 400, 10**9)))
    return data[:start] + mutate(dice, data[start:], [data[start:]])


def by_hand(dice: random.Random, mutate: Callable[..., bytes], archives: list[bytes], pictures: list[bytes]) -> bytes:
    """Well-formed archives with hostile names, kinds and content among good ones."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", dice.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for number in range(dice.randrange(9)):
            archive.writestr(f"{dice.choice(('cat', 'dog'))}/good-{number}.jpg", dice.choice(pictures))
        for number in range(dice.choice((1, 1, 1, 2, 5))):
            member = zipfile.ZipInfo(dice.choice(NAMES).format(number))
            kinds = (0, 0, 0, stat.S_IFREG, stat.S_IFREG, stat.S_IFLNK, stat.S_IFIFO, stat.S_IFDIR)
            member.external_attr = (dice.choice(kinds) | 0o777) << 16
            data = dice.choice((b"", b"../../../etc/passwd", bytes(3_000_000), *pictures))
            archive.writestr(member, mutate(dice, data, pictures) if len(data) > 5000 else data)
    return file.getvalue()


def around(folder: Path) -> set[Path]:
    """Everything outside the workspace."""
    return {path for path in folder.rglob("*") if folder / "home" not in (path, *path.parents)}


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize("way", [anywhere, in_the_table, by_hand], ids=lambda way: way.__name__)
def test_every_mutated_archive_is_imported_or_refused_with_a_reason(
    way: Callable[..., bytes],
    archives: list[bytes],
    pictures: list[bytes],
    decoders: list[GuardedDecoder],
    mutate: Callable[..., bytes],
    fuzz_rounds: int,
    workspace: Workspace,
    tmp_path: Path,
    leftovers: Callable[[Any], list[Path]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    path = tmp_path / "given.zip"
    path.touch()
    before = around(tmp_path)
    outcomes: Counter[str] = Counter()
    for case in range(CASES * fuzz_rounds):
        dice = random.Random(f"{way.__name__}-{case}")  # noqa: S311 - repeatable, not secret
        with warnings.catch_warnings(action="ignore"):  # two members of one name
            path.write_bytes(way(dice, mutate, archives, pictures))
        try:
            info = import_pictures(workspace, path, "given")
        except ImportRefused as error:
            assert error.hint, case  # noqa: PT017 - a refusal is one of two right answers
            assert leftovers(workspace) == [], case
            outcomes[error.what] += 1
        else:
            dataset = open_dataset(workspace, info.id)
            assert len(info.class_names) >= 2, case
            assert all(len(dataset.read(index)) > 0 for index in range(len(dataset))), case
            assert all(entry.reason for entry in info.rejected), case
            shutil.rmtree(workspace.datasets / "my")
            outcomes["imported"] += 1
            outcomes["imported in part"] += bool(info.rejected)
        assert around(tmp_path) == before, case
        ask_about(path, decoders[0])
    assert outcomes["imported"] > 0
    assert outcomes.total() - outcomes["imported"] - outcomes["imported in part"] > CASES * fuzz_rounds / 10
    if fuzz_rounds > 1:
        print(way.__name__, dict(outcomes))  # noqa: T201 - for whoever asks for more rounds


def ask_about(path: Path, decoder: GuardedDecoder) -> None:
    """What prediction does with an archive: each picture is decoded or refused by itself."""
    try:
        for _, read in pictures_from_zip(path, Limits()):
            try:
                assert decoder.load(read(), 16).shape == (16, 16, 3)
            except PictureError as error:
                assert error.hint  # noqa: PT017
    except ImportRefused as error:
        assert error.hint  # noqa: PT017
