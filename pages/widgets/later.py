"""Parts of a page that are drawn once they come into view.

A chart takes the browser a tenth of a second. With four of them a page stands still for half a second before its
first sentence can be read, although half of them lie below what is seen.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

_HTML: Final = '<div class="later" aria-hidden="true"></div>'

_CSS: Final = """
.later { border-radius: 8px; background: var(--st-secondary-background-color); opacity: 0.5; }
"""

# A little before it comes into view, so that who scrolls finds it there. Said again until it is heard: what is sent in
# the middle of a run can be lost on a busy machine.
_JS: Final = """
export default function ({ parentElement, data, setStateValue }) {
  const place = parentElement.querySelector(".later");
  place.style.height = data.seen ? "0" : `${data.height}px`;
  // Kept at the element: this function is called again with new data, and the timer of the call before must end, or it
  // would run the page every two seconds for ever.
  clearTimeout(parentElement.laterTimer);
  if (data.seen) return;
  let times = 0;
  const tell = () => {
    times += 1;
    setStateValue("seen", times);
    parentElement.laterTimer = setTimeout(tell, 2000);
  };
  const watcher = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    watcher.disconnect();
    tell();
  }, { rootMargin: "200px" });
  watcher.observe(place);
  return () => {
    watcher.disconnect();
    clearTimeout(parentElement.laterTimer);
  };
}
"""


@cache
def _component() -> ComponentRenderer:
    return st.components.v2.component("drawn_later", html=_HTML, css=_CSS, js=_JS)


def in_view(key: str, height: int) -> bool:
    """Whether the place where this is called has been in view, so that what belongs there is worth drawing.

    The page is run again when it comes into view. Once seen, it stays so until the page is left.

    Args:
        key: Unique on the page.
        height: About how tall the part will be, in pixels; an empty field of that height stands there until then.
    """
    state: Any = st.session_state.get(key) or {}
    seen = bool(state.get("seen"))
    _component()(
        key=key,
        data={"height": height, "seen": seen},
        on_seen_change=lambda: None,  # the run that follows is all that is wanted
    )
    return seen
