"""What a session shows: its tree of elements, kept from the app's messages by the rules of Streamlit's frontend.

The rules are those of `AppRoot`, `setNodeAtPath` and `clearStaleNodes` in Streamlit 1.67's frontend, its errors
included: what would break the page in a browser breaks it here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from google.protobuf.message import Message
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.NewSession_pb2 import NewSession

_PLACES: Final = 4  # main, sidebar, event, bottom
_NO_WORDS: Final = {"plotly_chart", "bidi_component", "html", "component_instance", "imgs", "favicon", None}


class BadPath(Exception):
    """A message that the frontend has no place for: the page stays broken until it is loaded anew."""


@dataclass
class Node:
    """An element, a block of nodes, or the place of something that passes, as a spinner.

    Attributes:
        run: The run that drew it last.
        script: Hash of the script that drew it: the router's, or a page's.
        fragment: The fragment that it belongs to; "" for none.
        element: What it shows; None for a block, and for what passes.
        block: How a block is called, as an expander: its message.
        children: A block's; None for an element.
        passing: Whether the next run takes it away.
    """

    run: str
    script: str
    fragment: str = ""
    element: Element | None = None
    block: Message | None = None
    children: list[Node] | None = None
    passing: bool = False


@dataclass
class Tree:
    """All that is on the page.

    Attributes:
        page: Hash of the page that is shown.
        run: The run that was told last.
        router: Hash of the main script, whose elements stay when the page is changed.
    """

    page: str = ""
    run: str = ""
    router: str = ""
    _root: Node = field(default_factory=lambda: Node("", "", children=[]))

    def __post_init__(self) -> None:
        self._root.children = [Node("", "", children=[]) for _ in range(_PLACES)]

    def begin(self, said: NewSession, run: str, fragments: Sequence[str]) -> None:
        """A run of the page, or of some fragments, begins."""
        if self.router and said.page_script_hash == self.page:
            _take_passing(self._root, fragments)
        else:
            for place in self._root.children or []:
                place.children = _of_router(place, said.main_script_hash)
        self.run = run
        if not fragments:
            self.page, self.router = said.page_script_hash, said.main_script_hash

    def apply(self, message: ForwardMsg) -> Node | None:
        """Puts what a message brings in its place; the node if it is an element.

        Raises:
            BadPath: There is no such place.
        """
        delta, path = message.delta, list(message.metadata.delta_path)
        fresh = Node(self.run, message.metadata.active_script_hash, delta.fragment_id)
        kind = delta.WhichOneof("type")
        if kind == "new_element":
            fresh.element = delta.new_element
        elif kind == "add_block":
            fresh.block, fresh.children = delta.add_block, []
        else:
            fresh.passing = True
        block = self._block(path)
        siblings: list[Node] = block.children or []
        if path[-1] == len(siblings):
            siblings.append(fresh)
            block.children = siblings
        elif fresh.passing:
            return None  # lies over what stands there
        else:
            _keep_children(siblings[path[-1]], fresh)
            siblings[path[-1]] = fresh
        return fresh if fresh.element is not None else None

    def finish(self, run: str, fragments: Sequence[str]) -> None:
        """A run has ended well: what it did not draw again goes."""
        if not fragments and run != self.run:
            return
        for place in self._root.children or []:
            place.run = run
            place.children = _fresh_children(place, run, fragments, inside=False)

    def elements(self) -> Iterator[Node]:
        """Every element, from the top of the page down, then the sidebar's."""
        return (node for node in _walk(self._root) if node.element is not None)

    def find(self, kind: str, label: str) -> Node | None:
        """The first element of a kind, as "button", with this label."""
        for node in self.elements():
            element: Any = node.element
            if element.HasField(kind) and getattr(element, kind).label == label:
                return node
        return None

    def ids(self) -> set[str]:
        """Of all widgets."""
        found = set()
        for node in self.elements():
            kind = node.element.WhichOneof("type") if node.element else None
            if kind is not None and (id_ := getattr(getattr(node.element, kind), "id", "")):
                found.add(id_)
        return found

    def words(self) -> str:
        """All that can be read."""
        return "\n".join(text for node in _walk(self._root) for text in _words(node))

    def _block(self, path: list[int]) -> Node:
        """The block that a path leads into; every block on the way belongs to this run from now on."""
        block = self._root
        for depth, index in enumerate(path):
            if block.children is None:
                raise BadPath("'setIn' cannot be called on an ElementNode")
            if index > len(block.children):
                raise BadPath(f"Bad delta path index {index} (should be between [0, {len(block.children)}]), {path}")
            if depth == len(path) - 1:
                break
            if index == len(block.children):
                raise BadPath(f"Cannot set a node at a delta path, {path}")
            block.run = self.run
            block = block.children[index]
        block.run = self.run
        return block


def _keep_children(old: Node, new: Node) -> None:
    if old.block is None or new.block is None:
        return
    if old.block.WhichOneof("type") == new.block.WhichOneof("type"):
        new.children = old.children


def _of_router(block: Node, router: str) -> list[Node]:
    kept = [node for node in block.children or [] if node.script == router]
    for node in kept:
        if node.children is not None:
            node.children = _of_router(node, router)
    return kept


def _take_passing(block: Node, fragments: Collection[str]) -> None:
    if fragments and block.fragment and block.fragment not in fragments:
        return
    block.children = [node for node in block.children or [] if not node.passing]
    for node in block.children:
        if node.children is not None:
            _take_passing(node, fragments)


def _fresh_children(block: Node, run: str, fragments: Collection[str], *, inside: bool) -> list[Node]:
    inside = inside or (bool(block.fragment) and block.fragment in fragments and block.run == run)
    kept = [node for node in block.children or [] if _is_fresh(node, run, fragments, inside)]
    for node in kept:
        if node.children is not None:
            node.children = _fresh_children(node, run, fragments, inside=inside)
    return kept


def _is_fresh(node: Node, run: str, fragments: Collection[str], inside: bool) -> bool:
    if node.run == run or (node.element is not None and node.element.WhichOneof("type") == "toast"):
        return True
    if node.children is not None:
        return bool(fragments) and not inside
    return bool(fragments) and (not node.fragment or not inside)


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children or []:
        yield from _walk(child)


def _words(node: Node) -> Iterator[str]:
    if node.block is not None:
        yield from _strings(node.block)
    elif node.element is not None and (kind := node.element.WhichOneof("type")) not in _NO_WORDS:
        yield from _strings(getattr(node.element, str(kind)))


def _strings(message: Any) -> Iterator[str]:
    for described, value in message.ListFields():
        for one in value if described.is_repeated else [value]:
            if isinstance(one, str):
                yield one
            elif isinstance(one, Message):
                yield from _strings(one)
