"""A session without a browser keeps the page as the frontend does, and notices what breaks or belongs to others."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks.soak_known import Known
from benchmarks.soak_record import Record
from benchmarks.soak_session import SessionHands
from benchmarks.soak_tree import BadPath, Tree
from benchmarks.soak_visitor import BROKEN, NAMES

ROUTER = "router"


def begin(tree: Tree, page: str, run: str, *fragments: str) -> None:
    message = ForwardMsg()
    message.new_session.page_script_hash, message.new_session.main_script_hash = page, ROUTER
    tree.begin(message.new_session, run, fragments)


def text(said: str, *path: int, fragment: str = "", script: str = "page") -> ForwardMsg:
    message = ForwardMsg()
    message.metadata.delta_path.extend(path)
    message.metadata.active_script_hash = script
    message.delta.fragment_id = fragment
    message.delta.new_element.markdown.body = said
    return message


def block(*path: int, fragment: str = "") -> ForwardMsg:
    message = ForwardMsg()
    message.metadata.delta_path.extend(path)
    message.metadata.active_script_hash = "page"
    message.delta.fragment_id = fragment
    message.delta.add_block.vertical.border = True
    return message


def drawn(*messages: ForwardMsg) -> Tree:
    tree = Tree()
    begin(tree, "page", "1")
    for message in messages:
        tree.apply(message)
    tree.finish("1", ())
    return tree


def test_what_a_run_does_not_draw_again_goes() -> None:
    tree = drawn(text("one", 0, 0), text("two", 0, 1), text("beside", 1, 0))
    begin(tree, "page", "2")
    tree.apply(text("first", 0, 0))
    assert tree.words() == "first\ntwo\nbeside"
    tree.finish("1", ())  # of a run that is over: told too late
    assert "two" in tree.words()
    tree.finish("2", ())
    assert tree.words() == "first"


def test_a_fragment_s_run_leaves_the_rest() -> None:
    mine = {"fragment": "f"}
    tree = drawn(text("page", 0, 0), block(0, 1, **mine), text("a", 0, 1, 0, **mine), text("b", 0, 1, 1, **mine))
    begin(tree, "page", "2", "f")
    tree.apply(block(0, 1, **mine))
    tree.apply(text("c", 0, 1, 0, **mine))
    tree.finish("2", ["f"])
    assert tree.words() == "page\nc"


def test_another_page_keeps_what_the_router_drew() -> None:
    tree = drawn(text("style", 0, 0, script=ROUTER), text("old", 0, 1))
    begin(tree, "next", "2")
    assert tree.words() == "style"


def test_a_message_without_a_place_is_what_breaks_the_page() -> None:
    tree = drawn(text("one", 0, 0))
    with pytest.raises(BadPath, match=r"index 2 \(should be between \[0, 1\]\)"):
        tree.apply(text("three", 0, 2))
    with pytest.raises(BadPath, match="ElementNode"):
        tree.apply(text("below an element", 0, 0, 0))


def test_what_was_sent_once_is_known_for_some_runs() -> None:
    known, message = Known(), text("long", 0, 0)
    message.hash, message.metadata.cacheable = "hash", True
    known.keep(message, message.SerializeToString())
    reference = ForwardMsg(ref_hash="hash")
    reference.metadata.delta_path.extend([1, 5])
    found = known.look_up(reference)
    assert found.delta.new_element.markdown.body == "long"
    assert list(found.metadata.delta_path) == [1, 5]
    for _ in range(3):
        known.age(2, ())
    assert list(known.hashes()) == []


def test_others_names_and_broken_pages_are_noticed_in_any_message() -> None:
    record = Record()
    hands = SessionHands("visitor-01-aaaaaa", "http://127.0.0.1:1", record)
    hands._heard(text("My visitor-01-aaaaaa", 0, 0).SerializeToString())
    assert not record.foreign
    assert not record.errors
    for _ in range(2):
        hands._heard(text("Import of visitor-02-bbbbbb", 0, 0).SerializeToString())
    hands._heard(text(f"{BROKEN} (E-1)", 0, 0).SerializeToString())
    assert [one["text"] for one in record.foreign] == ["visitor-02-bbbbbb"]
    assert [one["kind"] for one in record.errors] == ["session broken page"]
    assert NAMES.findall(str(Path("visitor-02-bbbbbb.zip"))) == ["visitor-02-bbbbbb"]
