"""What the pages do with what is typed and clicked, against a stand-in gateway."""

import json
import socket
import threading
import time
from collections.abc import Generator
from typing import Any

import httpx
import pytest
import uvicorn
from pydantic import TypeAdapter
from streamlit.testing.v1 import AppTest

from agents.records import (
    ArithmeticCheck,
    CheckSpec,
    CitationsCheck,
    CodeCheck,
    FormatCheck,
    JsonSchemaCheck,
    MathCheck,
    NumberingCheck,
    RegexCheck,
    RubricCheck,
    TextCheck,
)
from dashboard.checkform import CHECKS
from tests.browser.standin import create_app

Json = dict[str, Any]
SECONDS = 30


@pytest.fixture(scope="module")
def gateway() -> Generator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(create_app(), log_level="warning", access_log=False, timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listener.close()


def page(name: str, gateway: str, **query: str) -> AppTest:
    app = AppTest.from_string(f"from dashboard.views import {name}\n{name}.page()", default_timeout=SECONDS)
    app.secrets["pointsman"] = {"gateway": gateway, "api_key": "", "login": False}
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception
    return app


def drawn(app: AppTest, component: str) -> Json:
    """The data handed to a component of ours."""
    found = [one.proto for one in app.get("bidi_component") if one.proto.component_name == f"pointsman_{component}"]
    assert found, f"{component} is not on the page"
    data: Json = json.loads(found[0].json)
    return data


def yaml(app: AppTest) -> str:
    text = app.text_area[0].value
    assert text
    return text


def components(app: AppTest) -> set[str]:
    return {one.proto.component_name.removeprefix("pointsman_") for one in app.get("bidi_component")}


def record(gateway: str, run_id: str) -> Json:
    body: Json = httpx.get(f"{gateway}/api/runs/{run_id}", trust_env=False).json()
    return body


# --- submit -----------------------------------------------------------------------------------------------------------


def test_submit_waits_for_a_prompt(gateway: str) -> None:
    app = page("submit", gateway)
    assert app.button(key="submit").disabled
    assert drawn(app, "plan")["plan"] is None


def test_what_auto_would_do_is_shown_before_anything_is_spent(gateway: str) -> None:
    app = page("submit", gateway)
    app.text_area(key="prompt").input("What is 17% of 3,482?").run()
    shown = drawn(app, "plan")
    assert shown["heading"] == "What Auto would do"
    assert [rung["method"] for rung in shown["plan"]["rungs"]] == ["calculate"]
    assert "live" not in components(app)


def test_a_task_is_sent_with_its_effort_and_limits_and_watched(gateway: str) -> None:
    app = page("submit", gateway)
    app.text_area(key="prompt").input("Why is the sky blue?")
    app.button_group(key="effort").set_value("low")
    app.number_input(key="usd").set_value(0.02)
    app.number_input(key="calls").set_value(5)
    app.run()
    app.button(key="submit").click().run()
    run_id = drawn(app, "live")["runId"]
    sent = record(gateway, run_id)
    assert sent["effort"] == "low"
    assert sent["task"]["messages"] == [{"role": "user", "content": "Why is the sky blue?"}]
    assert sent["task"]["budget"] == {"max_usd": 0.02, "max_model_calls": 5}
    assert app.query_params["run"] == run_id


def test_a_team_asks_for_its_inputs_and_needs_no_prompt(gateway: str) -> None:
    app = page("submit", gateway)
    app.selectbox(key="team").select("review").run()
    assert app.button(key="submit").disabled
    app.text_input(key="input review topic").input("night trains").run()
    assert drawn(app, "plan")["heading"] == "What would run"
    assert drawn(app, "plan")["plan"]["rungs"][0]["team"] == "review"
    app.button(key="submit").click().run()
    sent = record(gateway, drawn(app, "live")["runId"])
    assert (sent["team"], sent["task"]["inputs"], sent["task"]["messages"]) == ("review", {"topic": "night trains"}, [])


def test_a_text_file_goes_along(gateway: str) -> None:
    app = page("submit", gateway)
    app.text_area(key="prompt").input("Summarise")
    app.file_uploader(key="files").set_value([("notes.md", "# Überschrift".encode(), "text/markdown")]).run()
    app.button(key="submit").click().run()
    sent = record(gateway, drawn(app, "live")["runId"])
    assert sent["task"]["attachments"] == [{"name": "notes.md", "media_type": "text/markdown", "text": "# Überschrift"}]


def test_a_file_that_is_no_text_is_named_and_holds_the_task_back(gateway: str) -> None:
    app = page("submit", gateway)
    app.text_area(key="prompt").input("Summarise")
    app.file_uploader(key="files").set_value([("photo.png", b"\x89PNG\r\n\0", "image/png")]).run()
    assert "photo" in app.error[0].value
    assert app.button(key="submit").disabled


def asked_for(app: AppTest, gateway: str) -> Json:
    """The task that the gateway got when the form was sent."""
    app.text_area(key="prompt").input("Why is the sky blue?").run()
    app.button(key="submit").click().run()
    assert not app.exception
    task: Json = record(gateway, drawn(app, "live")["runId"])["task"]
    return task


def test_a_method_and_a_number_of_samples_are_asked_for(gateway: str) -> None:
    app = page("submit", gateway)
    app.selectbox(key="method").select("self_consistency")
    app.number_input(key="samples").set_value(8).run()
    sent = asked_for(app, gateway)
    assert (sent["method"], sent["samples"]) == ("self_consistency", 8)
    assert drawn(app, "plan")["heading"] == "What would run"


def test_every_check_of_the_form_is_one_that_the_gateway_takes(gateway: str) -> None:
    app = page("submit", gateway)
    app.button_group(key="checks").set_value([*CHECKS]).run()
    app.text_area(key="check json_schema schema").input('{"type": "object"}')
    app.text_input(key="check regex pattern").input("blue")
    app.text_input(key="check math reference").input("12")
    app.text_input(key="check text reference").input("air")
    app.text_area(key="check code tests").input("assert add(2, 3) == 5")
    app.number_input(key="check code seconds").set_value(2.5)
    app.checkbox(key="check format boxed").check()
    app.text_input(key="check format tags").input("answer, reason")
    app.number_input(key="check format max_words").set_value(40)
    app.text_input(key="check format language").input("en")
    app.number_input(key="check citations min_quotes").set_value(2)
    app.text_area(key="check rubric points").input("Says why\n\nNames the colour ")
    app.number_input(key="check rubric min_score").set_value(0.8).run()
    sent = asked_for(app, gateway)["checks"]
    assert [one["type"] for one in sent] == [*CHECKS]
    by_type = {one["type"]: one for one in sent}
    assert by_type["json_schema"]["schema"] == {"type": "object"}
    assert by_type["code"] == {"type": "code", "tests": "assert add(2, 3) == 5", "seconds": 2.5}
    expected = {"type": "format", "boxed": True, "tags": ["answer", "reason"], "max_words": 40, "language": "en"}
    assert by_type["format"] == expected
    assert by_type["rubric"] == {"type": "rubric", "points": ["Says why", "Names the colour"], "min_score": 0.8}
    assert by_type["arithmetic"] == {"type": "arithmetic"}
    assert [type(check) for check in TypeAdapter(tuple[CheckSpec, ...]).validate_python(sent)] == [
        JsonSchemaCheck, RegexCheck, MathCheck, TextCheck, CodeCheck, ArithmeticCheck, FormatCheck, CitationsCheck,
        NumberingCheck, RubricCheck,
    ]  # fmt: skip


@pytest.mark.parametrize(("schema", "said"), [("{", "This is not JSON"), ("[1]", "an object in braces")])
def test_a_schema_that_cannot_be_read_holds_the_task_back(gateway: str, schema: str, said: str) -> None:
    app = page("submit", gateway)
    app.text_area(key="prompt").input("Why is the sky blue?")
    app.button_group(key="checks").set_value(["json_schema"]).run()
    assert app.button(key="submit").disabled
    app.text_area(key="check json_schema schema").input(schema).run()
    assert said in app.error[0].value
    assert app.button(key="submit").disabled
    app.text_area(key="check json_schema schema").input('{"type": "array"}').run()
    assert not app.error
    assert not app.button(key="submit").disabled


def test_what_the_gateway_refuses_is_said_once_and_the_plan_makes_room(gateway: str) -> None:
    app = page("submit", gateway)
    app.text_area(key="prompt").input("Why is the sky blue?")
    app.button_group(key="checks").set_value(["regex"]).run()
    app.text_input(key="check regex pattern").input("(").run()
    app.button(key="submit").click().run()
    assert [error.value for error in app.error] == [error.value for error in app.expander[0].error]
    assert "is not a regular expression" in app.error[0].value
    assert "marked in the form" in drawn(app, "plan")["empty"]
    assert "live" not in components(app)


# --- route ------------------------------------------------------------------------------------------------------------


def routed(gateway: str, prompt: str) -> AppTest:
    """The router's page, come to with a prompt."""
    app = AppTest.from_string("from dashboard.views import route\nroute.page()", default_timeout=SECONDS)
    app.secrets["pointsman"] = {"gateway": gateway, "api_key": "", "login": False}
    app.session_state["route_prompt"] = prompt
    app.run()
    assert not app.exception
    return app


def chosen(app: AppTest) -> list[str]:
    return [rung["method"] for rung in drawn(app, "rungs")["rungs"]]


def charts(app: AppTest) -> int:
    return len(app.get("vega_lite_chart"))


def test_without_a_prompt_no_plan_is_asked_for(gateway: str) -> None:
    app = page("route", gateway)
    assert "Type a prompt" in app.info[0].value
    assert components(app) == {"prompt"}


def test_a_prompt_that_was_brought_along_is_planned_for(gateway: str) -> None:
    app = routed(gateway, "Why is the sky blue?")
    assert drawn(app, "prompt")["seed"] == "Why is the sky blue?"
    assert chosen(app) == ["direct", "direct"]
    assert charts(app) == 2


def test_limits_reach_the_router(gateway: str) -> None:
    app = routed(gateway, "Why is the sky blue?")
    app.toggle(key="route_checked").set_value(True).run()
    assert chosen(app) == ["direct", "self_consistency", "direct"]
    app.slider(key="route_target").set_value(90).run()
    assert chosen(app) == ["team"]
    app.number_input(key="route_usd").set_value(0.001).run()
    assert chosen(app) == ["direct"]


def test_one_rung_alone_is_not_drawn_against_its_price(gateway: str) -> None:
    app = routed(gateway, "What is 17% of 3,482?")
    assert chosen(app) == ["calculate"]
    assert charts(app) == 0
    assert "No kind of task had to be guessed." in [one.value for one in app.caption]


# --- runs -------------------------------------------------------------------------------------------------------------


def test_runs_are_filtered_by_the_gateway(gateway: str) -> None:
    app = page("runs", gateway)
    app.selectbox(key="status").select("failed").run()
    assert {run["status"] for run in drawn(app, "runs")["runs"]} == {"failed"}


def test_a_link_to_filtered_runs_shows_them(gateway: str) -> None:
    app = page("runs", gateway, q="vector stores", model="team/research")
    assert app.text_input(key="q").value == "vector stores"
    app = page("runs", gateway, q="vector stores")
    assert [run["id"] for run in drawn(app, "runs")["runs"]] == ["team-run"]


def test_no_run_that_fits_is_said(gateway: str) -> None:
    shown = drawn(page("runs", gateway, q="no such words"), "runs")
    assert (shown["runs"], shown["empty"]) == ([], "No run fits these filters.")


def test_older_runs_are_a_page_away_and_a_new_filter_starts_anew(gateway: str) -> None:
    app = page("runs", gateway)
    first = [run["id"] for run in drawn(app, "runs")["runs"]]
    next(button for button in app.button if button.label == "Older").click().run()
    second = [run["id"] for run in drawn(app, "runs")["runs"]]
    assert len(first) == 25
    assert not set(first) & set(second)
    app.selectbox(key="status").select("failed").run()
    assert [run["id"] for run in drawn(app, "runs")["runs"]] == ["failed-run"]


# --- one run ----------------------------------------------------------------------------------------------------------


def test_a_run_shows_its_plan_its_attempts_and_its_steps(gateway: str) -> None:
    app = page("run", gateway, id="team-run")
    assert components(app) == {"head", "plan", "attempts", "waterfall"}
    assert drawn(app, "head")["standing"]["words"] == "verified by citations"
    assert "rubric (large)" in drawn(app, "head")["standing"]["why"]
    assert (drawn(app, "plan")["taken"], drawn(app, "plan")["tried"]) == ("team research", ["direct small none"])
    assert [attempt["accepted"] for attempt in drawn(app, "attempts")["attempts"]] == [False, True]
    assert drawn(app, "waterfall")["terminal"] is True


def test_the_plan_of_a_run_is_drawn_with_what_was_climbed(gateway: str) -> None:
    app = page("run", gateway, id="team-run", tab="Plan")
    shown = drawn(app, "rungs")
    assert [rung["method"] for rung in shown["rungs"]] == ["direct", "team"]
    assert (shown["taken"], shown["tried"]) == ("team research", ["direct small none"])
    assert [(attempt["accepted"], attempt["seconds"]) for attempt in shown["attempts"]] == [(False, 1.8), (True, 52.7)]
    assert "With a budget of" in " ".join(one.value for one in app.markdown)


def test_a_run_without_a_plan_says_so(gateway: str) -> None:
    assert page("run", gateway, id="large-run", tab="Plan").info[0].value == "This run ended without a plan."


def test_a_link_to_a_step_picks_it(gateway: str) -> None:
    app = page("run", gateway, id="team-run", step="team-run-0003")
    assert drawn(app, "waterfall")["selected"] == "team-run-0003"


def test_messages_have_their_own_link(gateway: str) -> None:
    app = page("run", gateway, id="team-run", tab="Messages")
    messages = drawn(app, "sequence")["messages"]
    assert (messages[0]["sender"], messages[-1]["type"]) == ("user", "final")


def test_an_answer_that_a_check_failed_is_never_dressed_as_a_good_one(gateway: str) -> None:
    app = page("run", gateway, id="small-1", tab="Answer")
    assert "Not verified" in " ".join(one.value for one in app.markdown)
    assert drawn(app, "head")["standing"]["words"] == "not verified"


def test_a_failed_run_says_why_and_what_helps(gateway: str) -> None:
    app = page("run", gateway, id="failed-run")
    assert "timed out" in app.error[0].value


def test_a_run_that_goes_on_can_be_cancelled(gateway: str) -> None:
    body: Json = {"messages": [], "team": "review", "inputs": {"topic": "x"}, "attachments": [], "pointsman": {}}
    run_id = httpx.post(f"{gateway}/api/runs", json=body, trust_env=False).json()["id"]
    app = page("run", gateway, id=run_id)
    assert drawn(app, "head")["terminal"] is False
    app.button(key="cancel").click().run()
    end = time.monotonic() + 10
    while record(gateway, run_id)["status"] != "cancelled":
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_run_that_has_ended_cannot_be_cancelled(gateway: str) -> None:
    app = page("run", gateway, id="team-run")
    assert [button.key for button in app.button] == ["back"]


def test_a_run_that_is_not_there_is_named(gateway: str) -> None:
    app = page("run", gateway, id="nope")
    assert app.error[0].value == "There is no run nope"


def test_without_an_id_the_page_says_what_it_wants(gateway: str) -> None:
    assert "Which run?" in page("run", gateway).info[0].value


# --- teams ------------------------------------------------------------------------------------------------------------


def test_a_teams_file_is_shown(gateway: str) -> None:
    app = page("teams", gateway)
    assert yaml(app).startswith("version: 1\nname: review")


def test_a_wrong_key_is_shown_with_line_and_nearest(gateway: str) -> None:
    app = page("teams", gateway)
    app.text_area[0].input(yaml(app).replace("limits:", "limts:")).run()
    next(button for button in app.button if button.label == "Validate").click().run()
    told = " ".join(one.value for one in app.markdown)
    assert "**Line 15, column 1**" in told
    assert "Did you mean **limits**?" in told
    assert app.code[0].value == "limts: {max_model_calls: 12, max_seconds: 300}\n^"


def test_a_good_file_is_valid_and_can_be_saved_as_new(gateway: str) -> None:
    app = page("teams", gateway)
    app.text_area[0].input(yaml(app).replace("name: review", "name: polish")).run()
    next(button for button in app.button if button.label == "Validate").click().run()
    assert app.success[0].value == "polish is valid."
    next(button for button in app.button if button.label == "Save as new").click().run()
    assert app.success[0].value == "polish is saved."
    assert "polish" in page("teams", gateway).radio[0].options


# --- schedules --------------------------------------------------------------------------------------------------------


def schedules(gateway: str) -> dict[str, Json]:
    found = httpx.get(f"{gateway}/api/schedules", trust_env=False).json()["schedules"]
    return {schedule["name"]: schedule for schedule in found}


def test_a_schedule_is_added_every_so_often(gateway: str) -> None:
    app = page("schedules", gateway)
    app.text_input(key="name").input("pulse")
    app.text_area(key="prompt").input("Is it up?")
    app.number_input(key="count").set_value(2)
    app.selectbox(key="unit").select("hours").run()
    app.button(key="add").click().run()
    assert not app.exception
    added = schedules(gateway)["pulse"]
    assert added["every"] == 7200
    assert added["task"] == {"messages": [{"role": "user", "content": "Is it up?"}], "pointsman": {"effort": "auto"}}


def test_a_schedule_is_added_by_cron_in_its_time_zone(gateway: str) -> None:
    app = page("schedules", gateway)
    app.text_input(key="name").input("weekdays")
    app.text_area(key="prompt").input("Report")
    app.button_group(key="kind").set_value("cron").run()
    assert app.button(key="add").disabled
    app.text_input(key="cron").input("0 7 * * 1-5")
    app.text_input(key="zone").input("Europe/Zurich").run()
    app.button(key="add").click().run()
    added = schedules(gateway)["weekdays"]
    assert (added["cron"], added["timezone"], added["every"]) == ("0 7 * * 1-5", "Europe/Zurich", None)


def test_a_schedule_is_paused_resumed_and_deleted(gateway: str) -> None:
    health = schedules(gateway)["health"]["id"]
    app = page("schedules", gateway)
    app.button(key=f"pause {health}").click().run()
    assert schedules(gateway)["health"]["paused"] is True
    app.button(key=f"pause {health}").click().run()
    assert schedules(gateway)["health"]["paused"] is False
    app.button(key=f"delete {health}").click().run()
    assert "health" not in schedules(gateway)


def test_due_times_are_shown_with_their_outcomes(gateway: str) -> None:
    report = schedules(gateway)["morning-report"]["id"]
    app = page("schedules", gateway)
    app.toggle(key=f"slots {report}").set_value(True).run()
    told = " ".join(one.value for one in (*app.markdown, *app.caption))
    for outcome in ("pending", "ran", "skipped", "missed", "the one before was still running"):
        assert outcome in told


# --- the gateway is down ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["submit", "runs", "teams", "schedules"])
def test_a_gateway_that_is_down_is_one_sentence_with_the_remedy(name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
    app = page(name, nobody)
    assert len(app.error) == 1
    assert "pointsman up" in app.error[0].value
    assert "Looking for the gateway" in app.caption[-1].value


def test_a_key_that_is_not_accepted_is_said_with_the_remedy() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(api_key="sk-1"), log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        app = page("runs", f"http://127.0.0.1:{listener.getsockname()[1]}")
        assert "pointsman keys create" in app.error[0].value
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
