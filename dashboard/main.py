"""The script that Streamlit runs for every page: the navigation, and the page that was asked for."""

from pathlib import Path

import streamlit as st

from dashboard import pagemap

ICON = str(Path(__file__).resolve().parent / "assets" / "favicon.png")

# The grid of steps needs the width that Streamlit keeps free at both sides; white on the dark accent is too faint.
STYLE = """<style>
.stMainBlockContainer { padding-left: 1.6rem; padding-right: 1.6rem; }
button[kind="primary"]:not(:disabled) { color: light-dark(#fff, #10131a); }
button[kind="primary"]:not(:disabled):is(:hover, :active) { background: light-dark(#2f4cc0, #a3b3ff); }
</style>"""

st.set_page_config(page_title="Pointsman", page_icon=ICON, layout="wide")
st.logo(ICON, size="small")
st.html(STYLE)
pagemap.navigation().run()
