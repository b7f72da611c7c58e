"""Writes an array_record file of equal records: `python write_records.py FILE RECORDS BYTES`."""

from __future__ import annotations

import sys

from array_record.python.array_record_module import ArrayRecordWriter


def main() -> None:
    file, records, size = sys.argv[1:]
    writer = ArrayRecordWriter(file, "group_size:1")
    for _ in range(int(records)):
        writer.write(bytes(int(size)))
    writer.close()


if __name__ == "__main__":
    main()
