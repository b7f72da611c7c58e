"""Names from outside are shown as text on every page: whatever somebody calls a dataset, class, file or run."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
from streamlit.testing.v1 import AppTest

from tests.pages.app_pages import ROOT, open_page
from tests.pages.made_runs import add_run, add_test_pictures
from tlcore.data.dataset import DatasetInfo
from tlcore.data.importer import import_pictures
from tlcore.files import read_json, write_json
from tlcore.runs.states import State
from tlcore.serving.bundle import BundleInfo, write_info
from tlcore.workspace import Workspace

HOSTILE = "**loud** <script> [bait](www.example.org) :material/skull: $x^2$"
# What the file system and the import let through; "/" and ":" can't be in names on every system, "<" can here.
IN_FILES = "<b>bold<b> [bait](www.example.org) :smile: **loud**"

# Fields that the browser shows as they are, by message and field. All others are Markdown, or may become it.
AS_TEXT = {
    ("Selectbox", "options"),
    ("Selectbox", "raw_value"),
    ("MultiSelect", "options"),
    ("TextInput", "default"),
    ("TextInput", "placeholder"),
    ("TextInput", "value"),
    ("TextArea", "default"),
    ("TextArea", "value"),
    ("Image", "alt"),
    ("PageLink", "query_string"),
    ("PlotlyChart", "alt"),
    ("BidiComponent", "json"),
    ("BidiComponent", "mixed"),
    ("MixedData", "json"),
}
ESCAPED = re.compile(r"\\[!-/:-@\[-`{-~]")  # a backslash makes punctuation a sign like any other
HTML = re.compile(r"<script|<b>bold")
MARKUP = re.compile(rf"{HTML.pattern}|\[bait|:material/skull|:smile|\*\*loud|\$x\^2|www\.example")


@pytest.fixture
def planted(home: Workspace, tmp_path: Path, crop: Callable[..., bytes]) -> DatasetInfo:
    """A dataset and runs of which every name is hostile."""
    for number, kind in enumerate(("cat", "coffee")):
        folder = tmp_path / "photos" / f"{kind} {IN_FILES}"
        folder.mkdir(parents=True)
        for one in range(6):
            (folder / f"{one} {IN_FILES}.jpg").write_bytes(crop(kind, 10 * number + one))
        (folder / f"broken {IN_FILES}.jpg").write_bytes(b"no picture")
    info = import_pictures(home, tmp_path / "photos", HOSTILE)
    write_json(home.drafts / "dataset.json", {"dataset": info.id})
    names = {"class_names": info.class_names, "per_class": _scores(info.class_names)}
    use = {"id": info.id, "name": HOSTILE, "fingerprint": "f", "train": 8, "validation": 2, "test": 2}
    for number in range(3):
        add_run(home, f"r{number}", minute=number, seed=number + 1, dataset=info.id, more={**names, "dataset": use})
        _call(home, f"r{number}", HOSTILE)
    add_run(home, "failed", state=State.FAILED, error=f"Something broke: {HOSTILE}.", with_report=False, minute=9)
    _call(home, "failed", HOSTILE)
    _let_predict(home, "r2", info.class_names)
    keys = [f"cat {IN_FILES}/{one} {IN_FILES}.jpg" for one in range(6)]
    add_test_pictures(home, "r2", keys, [0] * 6)
    return info


def _scores(names: tuple[str, ...]) -> dict[str, Any]:
    return {name: {"precision": 0.9, "recall": 0.9, "f1": 0.9, "count": 50} for name in names}


def _let_predict(home: Workspace, run: str, names: tuple[str, ...]) -> None:
    folder = home.runs / run / "bundle"
    folder.mkdir()
    about = BundleInfo(
        run_id=run,
        engine="keras",
        class_names=names,
        image_size=64,
        backbone="efficientnet-lite0",
        preprocessing="",
        versions={},
    )
    write_info(folder, about)


def _call(home: Workspace, run: str, name: str) -> None:
    """Gives a run the name that somebody typed."""
    meta = home.runs / run / "meta.json"
    write_json(meta, read_json(meta) | {"name": name, "notes": name, "tags": [name]})
    with sqlite3.connect(home.registry) as registry:
        registry.execute("UPDATE jobs SET title = ? WHERE id = ?", (name, run))
    registry.close()


def texts(message: Message) -> Iterator[tuple[str, str, str]]:
    """Every text that a page sends to the browser: message, field, text."""
    for field, value in message.ListFields():
        repeated = value if isinstance(value, list) or hasattr(value, "append") else [value]
        for one in repeated:
            if isinstance(one, Message):
                yield from texts(one)
            elif isinstance(one, str):
                yield message.DESCRIPTOR.name, field.name, one


def sent_by(app: AppTest) -> list[tuple[str, str, str]]:
    """Every text of the page and its sidebar."""
    assert not app.exception
    protos = (getattr(element, "proto", None) for element in app._tree)
    return [text for proto in protos if isinstance(proto, Message) for text in texts(proto)]


def markup_in(sent: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Names that somebody planted, in fields where they could become markup."""
    found = []
    for message, field, text in sent:
        # Charts know a few HTML tags and no Markdown.
        look = HTML if message == "PlotlyChart" else MARKUP
        if field != "id" and (message, field) not in AS_TEXT and (hit := look.search(ESCAPED.sub("·", text))):
            found.append((message, field, hit.group()))
    return found


PLACES = [
    ("home", {}),
    ("data", {}),
    *[("data", {"tab": tab}) for tab in ("gallery", "balance", "shape", "map", "check", "edit", "about")],
    ("model", {}),
    ("train", {"run": "r2"}),
    ("train", {"run": "failed"}),
    ("results", {"run": "r2"}),
    ("compare", {}),
    ("predict", {"run": "r2"}),
    ("system", {}),
]


def test_no_name_from_outside_becomes_markup_on_any_page(planted: DatasetInfo, home: Workspace) -> None:
    found, shown = {}, set()
    for page, query in PLACES:
        address = {"dataset": planted.id, **query} if page == "data" else query
        sent = sent_by(open_page(page, **address))
        if hits := markup_in(sent):
            found[page, *query.values()] = hits
        if any("loud" in text for _, _, text in sent):
            shown.add((page, *query.values()))
    assert found == {}
    assert [page for page, query in PLACES if (page, *query.values()) not in shown] == []  # every page does show them


def test_what_is_planted_would_be_found() -> None:
    def page() -> None:
        import streamlit as st

        st.markdown("A [bait](https://example.org)")
        st.button("**loud**")
        st.caption(r"\*\*loud\*\* \[bait\]\(https\://example.org\)")

    found = markup_in(sent_by(AppTest.from_function(page, default_timeout=60).run()))
    assert [(message, field) for message, field, _ in found] == [("Markdown", "body"), ("Button", "label")]


def test_no_page_asks_streamlit_for_raw_html_of_names() -> None:
    """`unsafe_allow_html` nowhere; `st.html` for the one style sheet that is written there."""
    sources = {path: path.read_text() for path in [*ROOT.glob("pages/**/*.py"), ROOT / "streamlit_app.py"]}
    assert not [path for path, text in sources.items() if re.search("unsafe_allow|components.v1|innerHTML", text)]
    assert [path.name for path, text in sources.items() if "st.html(" in text] == ["router.py"]
    assert "st.html(_STYLE)" in sources[ROOT / "pages" / "widgets" / "router.py"]
