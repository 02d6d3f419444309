"""The way out."""

import streamlit as st


def page() -> None:
    st.title("Sign out", anchor=False)
    st.write("Signing out closes the dashboard in this browser. Runs go on.")
    st.link_button("Sign out", "/logout", type="primary")
