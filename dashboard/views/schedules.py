"""The schedules: what is due when, each due time with its outcome, and a form to add one."""

from datetime import UTC, datetime, time, timedelta
from typing import Literal

import streamlit as st

from dashboard import shapes, wishes
from dashboard.connection import explained, gateway
from dashboard.links import open_run
from dashboard.shapes import Json
from dashboard.wording import from_now, literal, moment, timing

UNITS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}
_OUTCOMES: dict[str, Literal["green", "orange", "gray", "red", "blue"]] = {
    "ran": "green",
    "missed": "orange",
    "skipped": "gray",
    "failed": "red",
    "pending": "blue",
}
_ZONE = "UTC"


def page() -> None:
    st.title("Schedules", anchor=False)
    with explained():
        left, right = st.columns([5, 3], gap="medium")
        with right, st.container(border=True):
            _add()
        with left:
            schedules = gateway().schedules()
            if not schedules:
                st.info("No schedules yet. Add one on the right: it fires also when nobody is signed in.")
            for schedule in schedules:
                _line(schedule)


def _line(schedule: shapes.Schedule) -> None:
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{literal(schedule.name)}**", width="stretch")
            if schedule.paused:
                st.badge("paused", icon=":material/pause:", color="gray")
            word, icon = ("Resume", ":material/play_arrow:") if schedule.paused else ("Pause", ":material/pause:")
            if st.button(word, icon=icon, key=f"pause {schedule.id}"):
                gateway().pause_schedule(schedule.id, paused=not schedule.paused)
                st.rerun()
            with st.popover("Delete", icon=":material/delete:"):
                st.write("Its past runs stay.")
                if st.button("Delete it", type="primary", key=f"delete {schedule.id}"):
                    gateway().delete_schedule(schedule.id)
                    st.rerun()
        st.caption(literal(_due(schedule)))
        st.caption(literal(_what(schedule.task)))
        if st.toggle("Past and next due times", key=f"slots {schedule.id}"):
            _slots(schedule.id)


def _due(schedule: shapes.Schedule) -> str:
    if schedule.paused or schedule.next_due_at is None:
        return timing(schedule)
    due = schedule.next_due_at
    now = datetime.now(UTC)
    return f"{timing(schedule)} · next {from_now(due, now=now) if due > now else 'any moment'} ({moment(due)})"


def _what(task: Json) -> str:
    if task.get("team"):
        return f"team {task['team']}"
    asked = shapes.Task.model_validate(task).messages
    return (asked[-1].content or "")[:200] if asked else ""


def _slots(schedule_id: str) -> None:
    slots = gateway().slots(schedule_id)
    if not slots:
        st.caption("It has not been due yet.")
    for slot in slots[:20]:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.badge(slot.outcome, color=_OUTCOMES.get(slot.outcome, "gray"))
            st.caption(
                literal(" · ".join(part for part in (moment(slot.due_at), slot.reason) if part)), width="stretch"
            )
            if slot.run_id and st.button("Open run", key=f"open {schedule_id} {slot.due_at}", type="tertiary"):
                open_run(slot.run_id)


def _add() -> None:
    st.subheader("Add a schedule", anchor=False)
    name = st.text_input("Name", key="name", placeholder="morning-report")
    prompt = st.text_area("Prompt", key="prompt", height=100, placeholder="Summarise the open incidents")
    effort = wishes.effort(key="effort")
    kind = st.segmented_control("When", ["every", "cron", "at"], default="every", required=True, key="kind")
    when = _when(kind or "every")
    ready = bool(name and prompt and when)
    if st.button("Add", type="primary", icon=":material/add:", disabled=not ready, key="add") and when:
        task: Json = {
            "messages": [{"role": "user", "content": prompt}],
            "pointsman": {"effort": effort},
        }
        with explained():
            gateway().add_schedule({"name": name, "task": task, **when})
            st.rerun()


def _when(kind: str) -> Json | None:
    """The due times as the gateway takes them; None while something is missing."""
    if kind == "every":
        number, unit = st.columns(2, vertical_alignment="bottom")
        count = number.number_input("Every", min_value=1, value=1, step=1, key="count")
        size = UNITS[unit.selectbox("Unit", list(UNITS), index=1, key="unit")]
        return {"every": count * size}
    zone = st.text_input("Time zone", _ZONE, key="zone", help="An IANA name, such as Europe/Zurich")
    if kind == "cron":
        cron = st.text_input("Cron", key="cron", placeholder="0 7 * * 1-5", help="Minute, hour, day, month, weekday")
        return {"cron": cron, "timezone": zone} if cron and zone else None
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    day, hour = st.columns(2)
    on = day.date_input("Day", tomorrow.date(), key="day")
    clock = hour.time_input("Time", time(7), key="clock")
    if not zone:
        return None
    return {"at": datetime.combine(on, clock).isoformat(), "timezone": zone}
