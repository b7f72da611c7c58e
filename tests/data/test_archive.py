from __future__ import annotations

import io
import os
import stat
import struct
import sys
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tlcore.data.archive import open_archive
from tlcore.data.layout import arrange
from tlcore.data.listing import Listing, list_folder, read_file
from tlcore.errors import ImportRefused, PictureError
from tlcore.workspace import MEBIBYTE, Limits

LIMITS = Limits()


@dataclass
class Raw:
    """A member written by hand: what the table of contents says need not be so. None is the truth."""

    name: str | bytes
    data: bytes = b"x"
    told_size: int | None = None
    told_packed: int | None = None
    offset: int | None = None
    method: int = zipfile.ZIP_DEFLATED
    flags: int = 0
    mode: int = 0


def write_zip(path: Path, members: list[Raw], tail: Callable[[int, int, int], bytes] | None = None) -> Path:
    """tail(entries, table size, table offset) replaces the end record."""
    body, table = bytearray(), bytearray()
    for member in members:
        name = member.name if isinstance(member.name, bytes) else member.name.encode()
        flags = member.flags | (0 if isinstance(member.name, bytes) else 0x800)
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = packer.compress(member.data) + packer.flush()
        checksum = zlib.crc32(member.data)
        size = len(member.data) if member.told_size is None else member.told_size
        told = len(packed) if member.told_packed is None else member.told_packed
        offset = len(body) if member.offset is None else member.offset
        common = struct.pack("<3H2x2xLLLHH", 20, flags, member.method, checksum, told, size, len(name), 0)
        body += b"PK\x03\x04" + common + name + packed
        table += b"PK\x01\x02" + struct.pack("<H", 3 << 8 | 20) + common
        table += struct.pack("<HHHLL", 0, 0, 0, member.mode << 16, offset) + name
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, len(members), len(members), len(table), len(body), 0)
    path.write_bytes(bytes(body + table) + (end if tail is None else tail(len(members), len(table), len(body))))
    return path


def listed(path: Path, limits: Limits = LIMITS) -> Listing:
    with open_archive(path, limits) as listing:
        return listing


def refusal(path: Path, limits: Limits = LIMITS) -> str:
    with pytest.raises(ImportRefused) as caught:
        listed(path, limits)
    assert caught.value.hint
    return str(caught.value)


def test_the_hand_made_archives_are_good_ones(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", [Raw("cat/1.jpg", b"one" * 100), Raw("dog/ä.jpg", b"two")])
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
    with open_archive(path, LIMITS) as listing:
        assert [(member.path, member.read()) for member in listing.members] == [
            (("cat", "1.jpg"), b"one" * 100),
            (("dog", "ä.jpg"), b"two"),
        ]


def test_a_member_that_unfolds_to_more_than_it_announced_never_fills_the_memory(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "liar.zip", [Raw("cat/1.jpg", bytes(300 * MEBIBYTE), told_size=1000)])
    with open_archive(path, LIMITS) as listing:
        tracemalloc.start()
        with pytest.raises(PictureError, match="damaged inside the archive"):
            listing.members[0].read()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 8 * MEBIBYTE


def test_a_member_that_is_larger_than_a_picture_is_not_read(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", [Raw("cat/1.jpg", os.urandom(5000))])
    with (
        open_archive(path, Limits(picture_bytes=4999)) as listing,
        pytest.raises(PictureError, match="too large for one picture"),
    ):
        listing.members[0].read()


def test_members_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    same = [Raw("cat/1.jpg", bytes(5000)), Raw("cat/1.jpg", bytes(5000), offset=0)]
    assert "overlaps" in refusal(write_zip(tmp_path / "same.zip", same))
    inside = [Raw("cat/1.jpg", os.urandom(5000)), Raw("cat/2.jpg", offset=100)]
    assert "overlaps" in refusal(write_zip(tmp_path / "inside.zip", inside))
    wide = [Raw("cat/1.jpg", told_packed=10**6)]
    assert "longer together than the archive" in refusal(write_zip(tmp_path / "wide.zip", wide))


def test_many_small_bombs_are_one_large_one(tmp_path: Path) -> None:
    drawings = [Raw(f"cat/{number}.bmp", bytes(MEBIBYTE)) for number in range(101)]
    assert "far more than pictures" in refusal(write_zip(tmp_path / "many.zip", drawings))
    assert len(listed(write_zip(tmp_path / "few.zip", drawings[:20])).members) == 20
    # The ratio can't be hidden behind packed bytes that are not there.
    hidden = [Raw(f"cat/{number}.bmp", bytes(MEBIBYTE), told_packed=MEBIBYTE) for number in range(101)]
    assert "does not fit its content" in refusal(write_zip(tmp_path / "hidden.zip", hidden))


def test_an_archive_in_an_archive_stays_closed(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("cat/../../evil.jpg", b"x")
    members = [Raw("cat/1.jpg"), Raw("dog/1.jpg"), Raw("dog/inner.zip", inner.getvalue()), Raw("dog/same.tar.gz")]
    layout = arrange(listed(write_zip(tmp_path / "outer.zip", members)), LIMITS)
    assert [candidate.key for candidate in layout.candidates] == ["cat/1.jpg", "dog/1.jpg"]
    assert all("archive inside" in entry.reason for entry in layout.rejected)
    assert len(layout.rejected) == 2


def test_a_long_table_of_contents_is_refused_before_it_is_read(tmp_path: Path) -> None:
    few = Limits(pictures=1)
    members = [Raw(f"cat/{number:05d}{'x' * 200}.jpg") for number in range(5000)]
    assert "far more files" in refusal(write_zip(tmp_path / "long.zip", members), few)

    # The 64-bit record that says so may lie where the locator points, or where readers look without asking it.
    def sixty_four(told_where: int, told_size: int, real_size: int) -> Callable[[int, int, int], bytes]:
        def tail(entries: int, size: int, offset: int) -> bytes:
            def record(length: int) -> bytes:
                return struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, entries, entries, length, offset)

            locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, offset + size + told_where, 1)
            end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
            return record(told_size) + record(real_size) + locator + end

        return tail

    small, large = 100, 2 * MEBIBYTE
    for number, (told, real) in enumerate([(large, small), (small, large), (large, large)]):
        path = write_zip(tmp_path / f"{number}.zip", [Raw("cat/1.jpg")], sixty_four(0, told, real))
        assert "far more files" in refusal(path, few)


def test_a_64_bit_archive_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive, archive.open("cat/1.jpg", "w", force_zip64=True) as file:
        file.write(b"picture")
    with open_archive(path, LIMITS) as listing:
        assert listing.members[0].read() == b"picture"


@pytest.mark.parametrize(
    "kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK], ids=lambda kind: oct(kind)
)
def test_links_and_devices_refuse_the_archive(tmp_path: Path, kind: int) -> None:
    path = write_zip(tmp_path / "a.zip", [Raw("cat/1.jpg", b"/etc/passwd", mode=kind | 0o777)])
    assert "link or a device" in refusal(path)


def test_encrypted_members_refuse_the_archive_whatever_the_method(tmp_path: Path) -> None:
    assert "password" in refusal(write_zip(tmp_path / "a.zip", [Raw("cat/1.jpg", flags=0x41, method=99)]))
    assert "method 99" in refusal(write_zip(tmp_path / "b.zip", [Raw("cat/1.jpg", method=99)]))


@pytest.mark.parametrize(
    "name",
    [
        "cat/photo\u202egpj.exe.jpg",
        "\u2066cat/1.jpg",
        "cat\u2028/1.jpg",
        "cat/a\x00.jpg",
        "cat/\x1b[31mred.jpg",
        " /1.jpg",
        "\u200b/1.jpg",
        "cat/\u00a0",
    ],
    ids=ascii,
)
def test_names_that_deceive_are_left_out_and_written_out(tmp_path: Path, name: str) -> None:
    listing = listed(write_zip(tmp_path / "a.zip", [Raw("cat/good.jpg"), Raw(name)]))
    assert [member.path for member in listing.members] == [("cat", "good.jpg")]
    (entry,) = listing.rejected
    assert entry.file.isascii()
    assert entry.file.isprintable()
    assert "rename" in entry.reason


@pytest.mark.parametrize(
    "name", ["Ünïcödé 名前/1.jpg", "👩‍👩‍👧/1.jpg", "CON/nul.jpg", "می‌خواهم/1.jpg", "what:is/c|d?.jpg"]
)
def test_names_that_are_only_unusual_are_kept(tmp_path: Path, name: str) -> None:
    listing = listed(write_zip(tmp_path / "a.zip", [Raw(name)]))
    assert listing.rejected == []
    assert "/".join(listing.members[0].path) == name


@pytest.mark.parametrize(
    ("one", "other"), [("Cat", "cat"), ("cat", "cat\u200b"), ("big cat", "big\u00a0cat"), ("ﬁsh", "fish")], ids=ascii
)
def test_classes_that_look_the_same_are_refused(tmp_path: Path, one: str, other: str) -> None:
    path = write_zip(tmp_path / "a.zip", [Raw(f"{one}/1.jpg"), Raw(f"{other}/2.jpg"), Raw("dog/1.jpg")])
    with pytest.raises(ImportRefused, match="can't be seen"):
        arrange(listed(path), LIMITS)


def test_pictures_that_differ_by_case_are_both_kept(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", [Raw("cat/a.jpg"), Raw("cat/A.JPG"), Raw("dog/1.jpg")])
    assert {candidate.key for candidate in arrange(listed(path), LIMITS).candidates} == {
        "cat/a.jpg",
        "cat/A.JPG",
        "dog/1.jpg",
    }


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
def test_only_files_are_read_and_no_more_than_a_picture_has(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(PictureError, match="not a file"):
            read_file(path, LIMITS)
    with pytest.raises(PictureError, match="can't be read"):
        read_file(tmp_path, LIMITS)
    (tmp_path / "large").write_bytes(bytes(101))
    with pytest.raises(PictureError, match="too large"):
        read_file(tmp_path / "large", Limits(picture_bytes=100))
    assert read_file(tmp_path / "large", LIMITS) == bytes(101)


def test_a_folder_has_the_same_limits(tmp_path: Path) -> None:
    folder = tmp_path.joinpath(*"abcdefghijk")
    folder.mkdir(parents=True)
    with pytest.raises(ImportRefused, match="too many folders"):
        list_folder(tmp_path, LIMITS)
    flat = tmp_path / "flat"
    flat.mkdir()
    (flat / ("x" * 200)).write_bytes(b"x")
    with pytest.raises(ImportRefused, match="too long"):
        list_folder(flat, Limits(path_length=100))
    for number in range(9):
        (flat / str(number)).write_bytes(b"x")
    with pytest.raises(ImportRefused, match="too many files"):
        list_folder(flat, Limits(pictures=2))


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="This system can't refuse links as it opens")
def test_a_file_that_became_a_link_after_listing_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"not for everybody")
    picture = tmp_path / "pictures" / "1.jpg"
    picture.parent.mkdir()
    picture.write_bytes(b"a picture")
    (member,) = list_folder(picture.parent, LIMITS).members
    picture.unlink()
    picture.symlink_to(tmp_path / "secret")
    with pytest.raises(PictureError, match="a link"):
        member.read()
