from __future__ import annotations

from pathlib import Path

import pytest

from tlcore.data.places import Place, read_place


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """An array_record file of ten records, 'record 0' …"""
    module = pytest.importorskip("array_record.python.array_record_module")
    path = tmp_path / "pictures.array_record"
    writer = module.ArrayRecordWriter(str(path), "group_size:1")
    for number in range(10):
        writer.write(f"record {number}".encode())
    writer.close()
    return path


def test_whole_files_and_slices_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"0123456789")
    assert read_place(tmp_path, Place("a.bin")) == b"0123456789"
    assert read_place(tmp_path, Place("a.bin", offset=3, length=4)) == b"3456"
    assert read_place(Path("/nowhere"), Place(str(tmp_path / "a.bin"), offset=8, length=2)) == b"89"
    assert not Place(str(tmp_path / "a.bin")).ours


def test_records_are_read_and_read_anew_when_the_file_changes(records: Path) -> None:
    place = Place(str(records), record=7, offset=2, length=4)
    assert read_place(records, place) == b"cord"
    module = pytest.importorskip("array_record.python.array_record_module")
    writer = module.ArrayRecordWriter(str(records), "group_size:1")
    for _ in range(8):
        writer.write(b"other content")
    writer.close()
    assert read_place(records, place) == b"her "


def test_what_is_not_there_is_an_error(tmp_path: Path, records: Path) -> None:
    (tmp_path / "short.bin").write_bytes(b"0123")
    for place in (
        Place("gone.bin"),
        Place("short.bin", offset=2, length=9),
        Place(str(records), record=10),
        Place(str(records), record=0, offset=2, length=99),
        Place("short.bin", record=0),
    ):
        with pytest.raises(OSError, match=r"."):
            read_place(tmp_path, place)
