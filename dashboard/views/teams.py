"""The teams: what each is for, its YAML, and an editor that says what is wrong and where."""

import streamlit as st

from dashboard import shapes
from dashboard.connection import explained, gateway
from dashboard.wording import literal

NEW = "New team"
STARTER = """version: 1
name: my-team
description: What this team is for.
agents:
  writer:
    description: Writes the draft.
    instructions: Write a short text about {topic}.
team:
  process: sequential
inputs: {topic: {type: string, required: true}}
"""
_SOURCES = {"example": "shipped example", "folder": "from a team folder", "saved": "saved here"}


def page() -> None:
    st.title("Teams", anchor=False)
    with explained():
        teams = {team.name: team for team in gateway().teams()}
        left, right = st.columns([2, 5], gap="medium")
        with left:
            picked = st.radio(
                "Team",
                [*teams, NEW],
                key="picked",
                captions=[*(literal(_caption(team)) for team in teams.values()), "Start from a few lines"],
                format_func=literal,
            )
        with right:
            if picked in teams:
                _about(teams[picked])
                _editor(gateway().team(picked).yaml, key=picked)
            else:
                _editor(STARTER, key=NEW)


def _caption(team: shapes.Team) -> str:
    return f"{team.process or 'team'} · {len(team.agents)} agents · {_SOURCES.get(team.source, team.source)}"


def _about(team: shapes.Team) -> None:
    st.write(literal(team.description))
    with st.container(horizontal=True, gap="xsmall"):
        for agent in team.agents:
            st.badge(literal(agent), icon=":material/person:", color="blue")
        for name, wanted in team.inputs.items():
            st.badge(
                literal(f"{name}{' (required)' if wanted.required else ''}"), icon=":material/input:", color="gray"
            )


def _editor(original: str, *, key: str) -> None:
    st.html("<style>.st-key-yaml textarea { font-family: var(--st-code-font, monospace); font-size: 13px; }</style>")
    with st.container(key="yaml"):
        yaml = st.text_area("YAML", original, height=430, key=f"yaml {key}") or ""
    with st.container(horizontal=True):
        validate = st.button("Validate", icon=":material/rule:")
        save = st.button(
            "Save as new", icon=":material/save:", type="primary", disabled=yaml == original and key != NEW
        )
    if validate:
        _verdict(gateway().validate_team(yaml), yaml, done="is valid")
    if save:
        _verdict(gateway().save_team(yaml), yaml, done="is saved")


def _verdict(said: shapes.Verification, yaml: str, *, done: str) -> None:
    if said.valid:
        st.success(f"{literal(said.name or 'The team')} {done}.", icon=":material/check_circle:")
        return
    count = len(said.problems)
    st.error(f"{count} thing{'s' if count > 1 else ''} to put right:", icon=":material/error:")
    lines = yaml.splitlines()
    for problem in said.problems:
        nearest = f" Did you mean **{literal(problem.nearest)}**?" if problem.nearest else ""
        place = f" at `{problem.path}`" if problem.path and "`" not in problem.path else ""
        st.markdown(f"**Line {problem.line}, column {problem.column}**{place}: {literal(problem.message)}.{nearest}")
        if 0 < problem.line <= len(lines):
            st.code(f"{lines[problem.line - 1]}\n{' ' * (problem.column - 1)}^", language=None)
