"""The picture of the point that somebody points at in a chart.

Plotly can put text beside a point, but no picture. A small element listens to the chart in the browser and asks for the
picture; only the fragment that holds it is run, not the page, and what was seen once is not asked for again.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

from pages.widgets.stamps import picture_source

_HTML: Final = '<figure class="pointed"><div class="frame"></div><figcaption aria-live="polite"></figcaption></figure>'

_CSS: Final = """
.pointed { display: flex; align-items: center; gap: 14px; margin: 0; font-family: var(--st-font);
  color: var(--st-text-color); }
.frame { display: grid; place-items: center; flex: none; width: 160px; height: 160px; border-radius: 8px;
  overflow: hidden; background: var(--st-secondary-background-color); border: 1px solid var(--st-border-color); }
.frame img { width: 100%; height: 100%; object-fit: contain; display: block; }
.frame span { padding: 12px; text-align: center; font-size: 0.85rem; opacity: 0.8; }
figcaption { min-width: 0; line-height: 1.4; overflow-wrap: anywhere; }
figcaption span { display: block; font-size: 0.8rem; opacity: 0.75; }
"""

_JS: Final = """
function show(box, picture) {
  const frame = box.querySelector(".frame");
  const inner = document.createElement(picture.source ? "img" : "span");
  if (picture.source) {
    inner.src = picture.source;
    inner.alt = picture.name;
  } else {
    inner.textContent = picture.text;
  }
  frame.replaceChildren(inner);
  const about = document.createElement("span");
  about.textContent = picture.about;
  box.querySelector("figcaption").replaceChildren(picture.name, about);
}

export default function ({ parentElement, data, setStateValue }) {
  const box = parentElement.querySelector(".pointed");
  if (box.seenIn !== data.version) {
    box.seenIn = data.version;
    box.seen = new Map();
  }
  box.seen.set(data.place, data);
  show(box, data);
  box.send = (place) => setStateValue("place", { version: data.version, place });
  box.point ??= (event) => {
    const place = event.points?.[0]?.customdata;
    if (typeof place !== "number") return;
    clearTimeout(box.timer);
    const seen = box.seen.get(place);
    if (seen) show(box, seen);
    else box.timer = setTimeout(() => box.send(place), 60);
  };
  // The chart may be drawn later than this, and anew: listening again to the same one changes nothing.
  const listen = () => {
    const chart = document.querySelector(`.st-key-${data.chart} .js-plotly-plot`);
    if (typeof chart?.on !== "function") return;
    for (const name of ["plotly_hover", "plotly_click"]) {
      chart.removeListener(name, box.point);
      chart.on(name, box.point);
    }
  };
  listen();
  const again = setInterval(listen, 500);
  return () => clearInterval(again);
}
"""


@dataclass(frozen=True)
class Pointed:
    """The picture that is shown.

    Attributes:
        place: The point's `customdata`; -1 while nobody pointed at one.
        name: Its class.
        about: Its file's name and the like.
        data: The small copy as WebP; None where there is none.
        text: What stands in place of the picture.
    """

    place: int
    name: str
    about: str
    data: bytes | None
    text: str = ""


@cache
def _component() -> ComponentRenderer:
    return st.components.v2.component("pointed_picture", html=_HTML, css=_CSS, js=_JS)


def pointed_place(key: str, version: str) -> int:
    """The place that the browser asked for last; -1: none, or of points that are gone."""
    state: Any = st.session_state.get(key) or {}
    asked: Any = state.get("place")
    if not isinstance(asked, dict) or asked.get("version") != version or not isinstance(asked.get("place"), int):
        return -1
    return int(asked["place"])


def pointed_picture(picture: Pointed, *, key: str, chart: str, version: str) -> None:
    """Draws the picture, and asks for another when somebody points at another point of the chart, or taps on it.

    Args:
        picture: What is shown now.
        key: Unique on the page.
        chart: Key of the chart; its points' `customdata` are whole numbers.
        version: Says which points the chart has.
    """
    _component()(
        key=key,
        data={
            "chart": chart,
            "version": version,
            "place": picture.place,
            "name": picture.name,
            "about": picture.about,
            "source": picture_source(picture.data),
            "text": picture.text,
        },
        on_place_change=lambda: None,  # the run that follows is all that is wanted
    )
