"""A grid of small pictures that can be selected, drawn by the browser as one element.

Forty Streamlit pictures with forty checkboxes take the browser most of a second, and each click another; one element
takes a few hundredths, and a click none.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

_HTML: Final = '<div class="stamps" role="group"></div>'

_CSS: Final = """
.stamps { display: grid; grid-template-columns: repeat(auto-fill, minmax(96px, 1fr)); gap: 10px 8px;
  font-family: var(--st-font); color: var(--st-text-color); }
.stamp { position: relative; display: flex; flex-direction: column; gap: 3px; padding: 4px; margin: 0; min-width: 0;
  font: inherit; color: inherit; text-align: left; background: none; border: 1px solid transparent;
  border-radius: 8px; }
button.stamp { cursor: pointer; }
button.stamp:hover { border-color: var(--st-border-color); }
.stamp:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 1px; }
.stamp[aria-pressed="true"] { border-color: var(--st-primary-color);
  background: var(--st-secondary-background-color); }
.stamp .frame { position: relative; display: grid; place-items: center; width: 100%; aspect-ratio: 1;
  border-radius: 6px; overflow: hidden; background: var(--st-secondary-background-color); }
.stamp img { max-width: 100%; max-height: 100%; object-fit: contain; display: block; width: 100%; height: 100%; }
.stamp .frame::after { content: ""; position: absolute; inset: 0; border-radius: 6px; pointer-events: none;
  box-shadow: inset 0 0 0 1px var(--st-border-color); }
.stamp.out img { opacity: 0.35; filter: grayscale(1); }
.stamp .gone { padding: 6px; font-size: 0.72rem; text-align: center; opacity: 0.8; }
.stamp .mark { position: absolute; top: 5px; left: 5px; width: 18px; height: 18px; border-radius: 5px; display: none;
  place-items: center; font-size: 13px; line-height: 1; font-weight: 700; color: #fff;
  background: var(--st-primary-color); border: 1.5px solid #fff; box-sizing: border-box; }
button.stamp:hover .mark, button.stamp:focus-visible .mark { display: grid; background: rgba(60, 70, 80, 0.55); }
button.stamp[aria-pressed="true"] .mark { display: grid; background: var(--st-primary-color); }
button.stamp:not([aria-pressed="true"]) .mark { color: transparent; }
.stamp .name { font-size: 0.8rem; line-height: 1.25; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.stamp.right .name::before { content: "\\2713\\00a0"; font-weight: 700; color: var(--st-green-text-color, #1a7f37); }
.stamp.wrong .name::before { content: "\\2717\\00a0"; font-weight: 700; color: var(--st-red-text-color, #c62828); }
.stamp.wrong .name { font-weight: 600; }
.stamp .note { font-size: 0.72rem; line-height: 1.25; opacity: 0.75; overflow: hidden; display: -webkit-box;
  -webkit-line-clamp: 2; -webkit-box-orient: vertical; overflow-wrap: anywhere; }
"""

# What comes from outside is only ever put in as text. The page's token says what the grid shows: a run that changes
# nothing leaves it alone, and small copies that come late are put into their places. More of them are asked for again
# until some come: what is sent in the middle of a run can be lost on a busy machine.
_JS: Final = """
function makeStamp(stamp, selectable) {
  const element = document.createElement(selectable ? "button" : "div");
  element.className = ["stamp", stamp.out ? "out" : "", stamp.verdict].join(" ").trim();
  element.dataset.key = stamp.key;
  element.title = stamp.title;
  const frame = element.appendChild(document.createElement("span"));
  frame.className = "frame";
  if (selectable) {
    element.type = "button";
    const mark = frame.appendChild(document.createElement("span"));
    mark.className = "mark";
    mark.textContent = "\\u2713";
    mark.setAttribute("aria-hidden", "true");
  }
  for (const part of ["name", "note"]) {
    if (!stamp[part]) continue;
    const line = element.appendChild(document.createElement("span"));
    line.className = part;
    line.textContent = stamp[part];
  }
  return element;
}

function fill(element, stamp) {
  const frame = element.querySelector(".frame");
  if (frame.dataset.filled || stamp.source === null) return;
  frame.dataset.filled = "yes";
  let inner;
  if (stamp.source) {
    inner = document.createElement("img");
    inner.src = stamp.source;
    inner.alt = stamp.title;
    inner.decoding = "async";
  } else {
    inner = document.createElement("span");
    inner.className = "gone";
    inner.textContent = stamp.gone;
  }
  frame.prepend(inner);
}

export default function ({ parentElement, data, setStateValue, setTriggerValue }) {
  const grid = parentElement.querySelector(".stamps");
  grid.send = (keys) => setStateValue("picked", { token: data.token, keys });
  grid.setAttribute("aria-label", data.label);
  const pressed = () => [...grid.children].filter((one) => one.getAttribute("aria-pressed") === "true");
  if (grid.dataset.token !== data.token) {
    grid.dataset.token = data.token;
    grid.asked = "";
    let last = -1;
    const picked = new Set(data.picked);
    grid.replaceChildren(...data.stamps.map((stamp) => makeStamp(stamp, data.selectable)));
    [...grid.children].forEach((element, place) => {
      if (!data.selectable) return;
      element.setAttribute("aria-pressed", picked.has(element.dataset.key));
      element.addEventListener("click", (event) => {
        const on = element.getAttribute("aria-pressed") !== "true";
        const from = event.shiftKey && last >= 0 ? Math.min(last, place) : place;
        const to = event.shiftKey && last >= 0 ? Math.max(last, place) : place;
        for (let index = from; index <= to; index += 1) grid.children[index].setAttribute("aria-pressed", on);
        last = place;
        clearTimeout(grid.timer);
        grid.timer = setTimeout(() => grid.send(pressed().map((one) => one.dataset.key)), 120);
      });
    });
  }
  data.stamps.forEach((stamp, place) => fill(grid.children[place], stamp));
  clearTimeout(grid.again);
  if (!data.missing) return;
  const wanted = `${data.token} ${data.missing}`;
  const ask = () => {
    grid.asked = wanted;
    setTriggerValue("more", wanted);
    grid.again = setTimeout(ask, 5000);
  };
  if (grid.asked === wanted) grid.again = setTimeout(ask, 5000);
  else ask();
  return () => clearTimeout(grid.again);
}
"""


@dataclass(frozen=True)
class Stamp:
    """One picture of the grid.

    Attributes:
        key: Its name in the dataset.
        name: The line below it; "" for none.
        title: What it is, for those who point at it or can't see it.
        data: The small copy as WebP; None when there is no picture any more.
        loaded: Whether `data` is known yet.
        note: A further, smaller line.
        out: Whether it is left out of the dataset: it is drawn pale.
        verdict: "right" or "wrong" where the name is an answer; a mark before it tells.
        gone: What stands in the place of a picture that is not there any more.
    """

    key: str
    name: str
    title: str
    data: bytes | None
    loaded: bool = True
    note: str = ""
    out: bool = False
    verdict: Literal["", "right", "wrong"] = ""
    gone: str = "can't be read any more"


@cache
def _component() -> ComponentRenderer:
    return st.components.v2.component("dataset_stamps", html=_HTML, css=_CSS, js=_JS)


def stamp_grid(
    stamps: Sequence[Stamp],
    *,
    key: str,
    token: str,
    label: str,
    picked: Collection[str] = (),
    selectable: bool = False,
) -> None:
    """Draws the pictures.

    Args:
        stamps: The pictures. Those not loaded yet are empty squares; the page is then run again, to load some more.
        key: Unique on the page.
        token: Says which pictures these are; with the same one, the browser keeps what it has, selection included.
        label: What the grid shows, for those who can't see it.
        picked: Keys of those that are selected when the grid is drawn anew.
        selectable: Whether pictures can be selected; each click runs the page again, and `picked_of` tells it.
    """
    _component()(
        key=key,
        data={
            "token": token,
            "label": label,
            "selectable": selectable,
            "picked": [stamp.key for stamp in stamps if stamp.key in picked],
            "missing": sum(not stamp.loaded for stamp in stamps),
            "stamps": [_document(stamp) for stamp in stamps],
        },
        on_picked_change=lambda: None,  # the run that follows is all that is wanted
        on_more_change=lambda: None,
    )


def picked_of(key: str, token: str) -> tuple[str, ...] | None:
    """What the grid of this key says is selected; None when it says nothing, or speaks of other pictures."""
    state: Any = st.session_state.get(key) or {}
    said: Any = state.get("picked")
    if not isinstance(said, dict) or said.get("token") != token:
        return None
    return tuple(str(one) for one in said.get("keys", ()))


def _document(stamp: Stamp) -> dict[str, Any]:
    source = None if not stamp.loaded else picture_source(stamp.data)
    return {
        "key": stamp.key,
        "name": stamp.name,
        "title": stamp.title,
        "source": source,
        "note": stamp.note,
        "out": stamp.out,
        "verdict": stamp.verdict,
        "gone": stamp.gone,
    }


def picture_source(data: bytes | None) -> str:
    """A small copy as the address of a picture; "" where there is none."""
    return "" if data is None else f"data:image/webp;base64,{b64encode(data).decode()}"
