"""The script that Streamlit runs for every page: the navigation, and the page that was asked for."""

from pathlib import Path

import streamlit as st

from dashboard import pagemap

ICON = str(Path(__file__).resolve().parent / "assets" / "favicon.png")

st.set_page_config(page_title="Pointsman", page_icon=ICON, layout="wide")
st.logo(ICON, size="small")
# The grid of steps needs the width that Streamlit keeps free at both sides.
st.html("<style>.stMainBlockContainer { padding-left: 1.6rem; padding-right: 1.6rem; }</style>")
pagemap.navigation().run()
