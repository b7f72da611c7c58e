from __future__ import annotations

import shutil
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tlcore.data.catalog import open_dataset
from tlcore.data.importer import import_pictures
from tlcore.data.label_table import read_table
from tlcore.data.labels import arrange_by_table, find_table, named_table
from tlcore.data.layout import Layout
from tlcore.data.listing import Listing, Member
from tlcore.errors import ImportRefused
from tlcore.workspace import Limits, Workspace

LIMITS = Limits()


def listed(*names: str, **texts: str) -> Listing:
    """A listing of files that hold nothing but the text of tables; a table's name is its keyword, `_` for the dot."""
    listing = Listing()
    tables = {name.replace("_", ".", 1): text.encode() for name, text in texts.items()}
    for name, data in {**dict.fromkeys(names, b""), **tables}.items():
        path = tuple(name.split("/"))
        listing.members.append(Member(path, len(data), 0, lambda data=data: data))  # type: ignore[misc]
        listing.folders.update(path[:depth] for depth in range(1, len(path)))
    listing.sort()
    return listing


def arranged(listing: Listing) -> Layout:
    table = find_table(listing, LIMITS)
    assert table is not None
    return arrange_by_table(listing, table, LIMITS)


def labels(layout: Layout) -> dict[str, str]:
    return {candidate.key: candidate.class_name for candidate in layout.candidates}


def parts(layout: Layout) -> dict[str, str | None]:
    return {candidate.key: candidate.part for candidate in layout.candidates}


def reasons(layout: Layout) -> dict[str, str]:
    return {rejected.file: rejected.reason for rejected in layout.rejected}


FOUR = ("1.jpg", "2.jpg", "3.jpg", "4.jpg")
EXPECTED = {"1.jpg": "cat", "2.jpg": "dog", "3.jpg": "cat", "4.jpg": "dog"}


@pytest.mark.parametrize(
    "text",
    [
        "file,label\n1.jpg,cat\n2.jpg,dog\n3.jpg,cat\n4.jpg,dog\n",
        "1.jpg,cat\n2.jpg,dog\n3.jpg,cat\n4.jpg,dog",
        "filename;class\r\n1.jpg;cat\r\n2.jpg;dog\r\n3.jpg;cat\r\n4.jpg;dog\r\n",
        "image\tcategory\n1.jpg\tcat\n2.jpg\tdog\n3.jpg\tcat\n4.jpg\tdog\n",
        "id,breed\n1,cat\n2,dog\n3,cat\n4,dog\n",
        "label,image_id\ncat,1\ndog,2\ncat,3\ndog,4\n",
        '\ufefffile,label\n"1.jpg","cat"\n"2.jpg","dog"\n\n"3.jpg"," cat "\n4.JPG,dog\n',
        "n,class id,labels,file\n9,0,cat,./1.jpg\n8,1,dog,2.jpg\n7,0,cat,3.jpg\n6,1,dog,C:\\photos\\4.jpg\n",
    ],
    ids=["plain", "no header", "semicolons", "tabs", "ids", "label first", "quoted with a mark", "more columns"],
)
def test_tables_of_many_kinds_are_read(text: str) -> None:
    layout = arranged(listed(*FOUR, labels_csv=text))
    assert labels(layout) == EXPECTED
    assert reasons(layout) == {}
    assert layout.folders == {"cat", "dog"}
    assert set(parts(layout).values()) == {None}


def test_a_table_may_be_in_another_encoding() -> None:
    for encoding in ("utf-8", "utf-16", "cp1252"):
        table = read_table("labels.csv", "1.jpg,Ährenfeld\n".encode(encoding), {"1.jpg"}.__contains__, 10)
        assert [row.label for row in table.rows] == ["Ährenfeld"]


def test_a_column_or_folders_say_the_part() -> None:
    column = "file,label,split\n1.jpg,cat,train\n2.jpg,dog,Training\n3.jpg,cat,val\n4.jpg,dog,TEST\n"
    layout = arranged(listed(*FOUR, labels_csv=column))
    assert parts(layout) == {"1.jpg": "train", "2.jpg": "train", "3.jpg": "validation", "4.jpg": "test"}
    one = arranged(listed(*FOUR, labels_csv=column.replace("val", "train").replace("TEST", "train")))
    assert set(parts(one).values()) == {None}
    folders = ("train/1.jpg", "train/2.jpg", "valid/3.jpg", "valid/4.jpg")
    layout = arranged(listed(*folders, labels_csv="1.jpg,cat\n2.jpg,dog\n3.jpg,cat\n4.jpg,dog\n"))
    assert parts(layout) == dict(zip(folders, ["train", "train", "validation", "validation"], strict=True))


def test_an_unknown_part_costs_its_row() -> None:
    layout = arranged(listed(*FOUR, labels_csv="file,label,set\n1.jpg,cat,train\n2.jpg,dog,test\n3.jpg,cat,holdout\n"))
    assert labels(layout) == {"1.jpg": "cat", "2.jpg": "dog"}
    assert "holdout" in reasons(layout)["labels.csv, line 4: 3.jpg"]


def test_what_does_not_fit_together_is_told_row_by_row() -> None:
    text = "file,label\n1.jpg,cat\n2.jpg,dog\n2.jpg,cat\n9.jpg,cat\n3.jpg,\n,cat\n1.jpg,cat\n4.jpg,a\u202eb\n"
    layout = arranged(listed(*FOUR, "5.jpg", "notes.pdf", labels_csv=text))
    assert labels(layout) == {"1.jpg": "cat"}
    told = reasons(layout)
    assert told["2.jpg"] == "labels.csv says both dog and cat of it."
    assert told["labels.csv, line 5: 9.jpg"] == "There is no such picture."
    assert told["labels.csv, line 6: 3.jpg"] == "The line has no label."
    assert told["labels.csv, line 7: "] == "The line names no file."
    assert "can't be the name of a class" in told["labels.csv, line 9: 4.jpg"]
    assert told["5.jpg"] == "labels.csv has no label for it."
    assert "Not a picture" in told["notes.pdf"]
    assert "labels.csv" not in told


def test_a_name_that_two_pictures_have_needs_its_folder() -> None:
    files = ("a/1.jpg", "b/1.jpg", "b/2.jpg")
    bare = listed(*files, labels_csv="1.jpg,cat\n2.jpg,dog\n")
    assert find_table(bare, LIMITS) is None  # a and b may be classes: the table has to be named
    layout = arrange_by_table(bare, named_table(bare, Path("labels.csv"), LIMITS), LIMITS)
    assert labels(layout) == {"b/2.jpg": "dog"}
    assert "a/1.jpg, b/1.jpg" in reasons(layout)["labels.csv, line 1: 1.jpg"]
    whole = listed(*files, labels_csv="a/1.jpg,cat\nb/1.jpg,dog\n/home/ann/set/b/2.jpg,cat\n../../etc/1.jpg,cat\n")
    layout = arrange_by_table(whole, named_table(whole, Path("labels.csv"), LIMITS), LIMITS)
    assert labels(layout) == {"a/1.jpg": "cat", "b/1.jpg": "dog", "b/2.jpg": "cat"}
    assert "etc" in next(file for file in reasons(layout) if "line 4" in file)


def test_train_csv_means_the_pictures_in_train() -> None:
    files = ("comp/train/1.jpg", "comp/train/2.jpg", "comp/test/1.jpg", "comp/test/3.jpg")
    text = {"comp/train_csv": "id,label\n1,cat\n2,dog\n", "comp/sample_submission_csv": "id,label\n1,cat\n3,cat\n"}
    texts = {name.replace("_submission", "-submission"): value for name, value in text.items()}
    layout = arranged(listed(*files, **texts))
    assert labels(layout) == {"train/1.jpg": "cat", "train/2.jpg": "dog"}
    assert "no label" in reasons(layout)["comp/test/1.jpg"]


def test_a_full_name_goes_before_one_without_its_extension() -> None:
    layout = arranged(listed("1", "1.jpg", "2.png", "2.jpg", labels_csv="1.jpg,cat\n1,dog\n2,dog\n"))
    assert labels(layout) == {"1": "dog", "1.jpg": "cat"}
    assert "Several pictures" in reasons(layout)["labels.csv, line 3: 2"]


def test_many_pictures_of_one_name_take_no_longer() -> None:
    files = [f"set/{number}/image.jpg" for number in range(20_000)]
    rows = "".join(f"{number}/image.jpg,{number % 2}\n" for number in range(20_000))
    listing = listed(*files, labels_csv=rows)
    started = time.monotonic()
    layout = arrange_by_table(listing, named_table(listing, Path("labels.csv"), LIMITS), LIMITS)
    assert time.monotonic() - started < 30  # half a second; with a look at every picture for every row, minutes
    assert len(layout.candidates) == 20_000
    assert layout.rejected == ()


def test_class_folders_go_before_a_table() -> None:
    folders = listed("cat/1.jpg", "dog/2.jpg", labels_csv="1.jpg,x\n2.jpg,y\n")
    assert find_table(folders, LIMITS) is None
    nested = listed("train/cat/1.jpg", "test/cat/2.jpg", "train/dog/3.jpg", labels_csv="1.jpg,x\n2.jpg,y\n")
    assert find_table(nested, LIMITS) is None
    assert find_table(listed("all/1.jpg", "all/2.jpg", labels_csv="1.jpg,x\n2.jpg,y\n"), LIMITS) is not None


def test_other_texts_are_no_tables_and_two_tables_are_too_many() -> None:
    readme = "These are 4 photos, taken in May.\nEnjoy, please."
    assert find_table(listed(*FOUR, README_txt=readme), LIMITS) is None
    table = "1.jpg,cat\n2.jpg,dog\n"
    assert find_table(listed(*FOUR, README_txt=readme, mine_csv=table), LIMITS) is not None
    with pytest.raises(ImportRefused, match=r"Several files.*mine\.csv, yours\.csv"):
        find_table(listed(*FOUR, mine_csv=table, yours_csv=table), LIMITS)
    best = find_table(listed(*FOUR, mine_csv=table, yours_csv=table, labels_txt=table), LIMITS)
    assert best is not None
    assert best.name == "labels.txt"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("file,label\n8.jpg,cat\n9.jpg,dog\n", "names one of the pictures"),
        ("", "an empty table"),
        ("file,healthy,rust,scab\n1.jpg,1,0,0\n2.jpg,0,1,0\n", "which column"),
        ("file,label\n1.jpg,\n2.jpg,\n", "gives a picture its label"),
        ("file,label\n1.jpg,Cat\n2.jpg,cat\n", "upper and lower case"),
        (f'1.jpg,"{"x" * 200_000}"\n', "not a table"),
    ],
    ids=["other pictures", "empty", "one column a class", "no labels", "case", "huge cell"],
)
def test_a_table_that_cannot_be_used_is_refused_in_plain_words(text: str, part: str) -> None:
    with pytest.raises(ImportRefused, match=part):
        arranged(listed(*FOUR, labels_csv=text))


def test_a_table_for_another_folder_does_not_fill_the_screen() -> None:
    rows = "".join(f"other{number}.jpg,cat\n" for number in range(5_000))
    layout = arranged(listed(*FOUR, labels_csv="file,label\n1.jpg,cat\n2.jpg,dog\n" + rows))
    told = reasons(layout)
    assert len(told) < 250
    assert "4,800 more lines" in told


def test_a_named_table_that_is_not_there_lists_those_that_are() -> None:
    with pytest.raises(ImportRefused, match=r"nothing\.csv.*labels\.csv"):
        named_table(listed(*FOUR, labels_csv="1.jpg,cat\n"), Path("nothing.csv"), LIMITS)


def test_too_many_lines_are_refused() -> None:
    with pytest.raises(ImportRefused, match="too many lines"):
        read_table("labels.csv", b"1.jpg,cat\n" * 12, {"1.jpg"}.__contains__, 10)


@pytest.fixture
def flat(tmp_path: Path, crop: Callable[..., bytes]) -> Path:
    """Six pictures in one folder, two of each of three classes by their table."""
    folder = tmp_path / "flat"
    folder.mkdir()
    lines = ["file,label"]
    for name in ("cat", "coffee", "rocket"):
        for number in range(2):
            (folder / f"{name[0]}{name[-1]}{number}.jpg").write_bytes(crop(name, number))
            lines.append(f"{name[0]}{name[-1]}{number}.jpg,<b>{name}</b>")
    (folder / "labels.csv").write_text("\n".join(lines))
    return folder


def test_a_flat_folder_and_a_zip_of_it_become_the_same_dataset(workspace: Workspace, flat: Path) -> None:
    folder = import_pictures(workspace, flat, "folder")
    archive = import_pictures(workspace, Path(shutil.make_archive(str(flat), "zip", flat)), "zip")
    assert folder.counts == {"<b>cat</b>": 2, "<b>coffee</b>": 2, "<b>rocket</b>": 2}
    assert folder.rejected == ()
    assert folder.fingerprint == archive.fingerprint
    dataset = open_dataset(workspace, folder.id)
    assert list(dataset.keys)[:2] == ["ce0.jpg", "ce1.jpg"]
    assert Counter(dataset.labels.tolist()) == {0: 2, 1: 2, 2: 2}


def test_a_table_of_ones_own_goes_before_folders(workspace: Workspace, picture_folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "mine.tsv"
    names = [f"{name}/{number:03d}.jpg" for name in ("cat", "coffee") for number in range(12)]
    table.write_text("".join(f"{name}\t{'even' if index % 2 == 0 else 'odd'}\n" for index, name in enumerate(names)))
    info = import_pictures(workspace, picture_folder, "pets", labels=table)
    assert info.counts == {"even": 12, "odd": 12}


def test_a_table_inside_a_zip_can_be_named(workspace: Workspace, flat: Path, tmp_path: Path) -> None:
    archive = tmp_path / "two.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(flat.glob("*.jpg")):
            file.write(path, f"photos/{path.name}")
        for name in ("a.csv", "b.csv"):
            file.write(flat / "labels.csv", f"meta/{name}")
    with pytest.raises(ImportRefused, match="Several files"):
        import_pictures(workspace, archive, "two")
    info = import_pictures(workspace, archive, "two", labels=Path("meta/a.csv"))
    assert sorted(info.counts or {}) == ["<b>cat</b>", "<b>coffee</b>", "<b>rocket</b>"]
    assert any(entry.file == "meta/b.csv" for entry in info.rejected)


def test_a_split_without_a_class_to_learn_from_is_refused(workspace: Workspace, flat: Path) -> None:
    lines = [f"{line},{'test' if 'rocket' in line else 'train'}" for line in (flat / "labels.csv").read_text().split()]
    (flat / "labels.csv").write_text("\n".join(lines).replace("label,train", "label,split"))
    with pytest.raises(ImportRefused, match=r"no picture in the train part.*rocket"):
        import_pictures(workspace, flat, "flat")


def test_many_pictures_of_one_folder_and_name_take_no_longer() -> None:
    files = [f"{number}/a/img.png" for number in range(4_000)]
    listing = listed(*files, labels_csv="0/a/img.png,cat\n" + "q/a/img.png,dog\n" * 4_000)
    table = named_table(listing, Path("labels.csv"), LIMITS)
    started = time.monotonic()
    layout = arrange_by_table(listing, table, LIMITS)
    assert time.monotonic() - started < 20  # a tenth of a second; with a look at each of them for every row, 40 seconds
    assert labels(layout) == {"0/a/img.png": "cat"}


def test_a_path_may_begin_above_the_pictures_or_inside_them() -> None:
    rows = "disk/set/x/1.jpg,a\nX/2.JPG,b\nset/x/3,c\nelse/4.jpg,d\nz/5.jpg,e\n5.jpg,f\n"
    files = ("set/x/1.jpg", "set/x/2.jpg", "set/x/3.jpg", "set/4.jpg", "set/x/5.jpg", "set/y/5.jpg")
    listing = listed(*files, labels_csv=rows)
    listing.members[:] = [member for member in listing.members if member.path != ("labels.csv",)]  # lies elsewhere
    table = read_table("labels.csv", rows.encode(), lambda cell: "." in cell, 10)
    layout = arrange_by_table(listing, table, LIMITS)
    assert labels(layout) == {"x/1.jpg": "a", "x/2.jpg": "b", "x/3.jpg": "c", "4.jpg": "d"}
    assert "no such picture" in reasons(layout)["labels.csv, line 5: z/5.jpg"]
    assert "Several pictures" in reasons(layout)["labels.csv, line 6: 5.jpg"]


def test_a_relative_table_is_never_one_of_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "labels.csv").write_text("1.jpg,wolf\n2.jpg,fox\n")
    (tmp_path / "other.csv").write_text("1.jpg,wolf\n2.jpg,fox\n")
    monkeypatch.chdir(tmp_path)
    listing = listed(*FOUR, labels_csv="1.jpg,cat\n2.jpg,dog\n")
    assert [row.label for row in named_table(listing, Path("labels.csv"), LIMITS).rows] == ["cat", "dog"]
    with pytest.raises(ImportRefused, match=r"other\.csv.*labels\.csv"):
        named_table(listing, Path("other.csv"), LIMITS)
    outside = named_table(listing, tmp_path / "other.csv", LIMITS)
    assert [row.label for row in outside.rows] == ["wolf", "fox"]
