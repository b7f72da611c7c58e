"""The router: page configuration, the door, navigation, the sidebar, and one guard around whichever page is open."""

from __future__ import annotations

import streamlit as st

from pages.widgets import warming, watchdog
from pages.widgets.entrance import enter
from pages.widgets.router import configure_page, routed, studio_pages
from pages.widgets.shell import guarded, use_dataset
from pages.widgets.sidebar import draw_sidebar

configure_page()
entered = enter()
page = st.navigation(studio_pages(), expanded=True, position="sidebar" if entered else "hidden")
if not entered:
    st.stop()
with guarded():
    if page.url_path == "model" and "dataset" in st.query_params:
        use_dataset(st.query_params.pop("dataset"))
with guarded(), routed():
    page.run()
with st.sidebar:
    draw_sidebar()
with guarded():
    watchdog.look_after_queue()
warming.warm_up()
