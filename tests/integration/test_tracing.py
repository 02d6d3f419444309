"""Spans as a collector receives them: one trace from the asker through Redis to the worker's model call."""

import asyncio
import threading
from collections.abc import Generator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from services.bootstrap import assemble
from services.door import Asker
from services.queue.connection import connect
from services.records import Schedule
from services.schedule.due import first_due
from services.settings import Settings
from services.store import schedules
from services.store.database import Database
from services.tracing import parse_traceparent, tracer
from tests.builders import a_task
from tests.fakes import ScriptedModel
from tests.integration.house import ScriptedModels, a_worker, emptied, ended
from tests.integration.store_fixtures import now, one_database

__all__ = ["one_database"]

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Collector:
    """An OTLP endpoint that keeps what it is sent."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        received = self.spans

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # the library's name
                body = self.rfile.read(int(self.headers["content-length"]))
                request = ExportTraceServiceRequest.FromString(body)
                for resource in request.resource_spans:
                    for scope in resource.scope_spans:
                        received.extend(scope.spans)
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002  # the library's name

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def attributes(self, span: Any) -> dict[str, Any]:
        return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}


@pytest.fixture
def collector() -> Generator[Collector]:
    collector = Collector()
    thread = threading.Thread(target=collector.server.serve_forever)
    thread.start()
    yield collector
    collector.server.shutdown()
    collector.server.server_close()
    thread.join()


async def test_one_trace_goes_from_the_caller_to_the_model(
    one_database: Database, redis_url: str, collector: Collector
) -> None:
    redis = connect(redis_url)
    await emptied(redis)
    spans = tracer(collector.url, service="test")
    models = ScriptedModels(ScriptedModel("small", says=["Light scatters."]))
    settings = Settings(lease=timedelta(seconds=3), redis_url=redis_url)
    parts = assemble(settings, service="test", database=one_database, redis=redis, models=models, spans=spans)
    asker = Asker(traceparent=parse_traceparent(CALLER))
    async with a_worker(parts):
        run_id = await parts.door.submit(a_task("Why is the sky blue?"), origin="api", asker=asker)
        await ended(parts, run_id)
    await asyncio.to_thread(spans.close)
    await redis.aclose()
    by_kind = {collector.attributes(span)["pointsman.step.kind"]: span for span in collector.spans}
    assert {"run", "route", "queue", "attempt", "model"} <= set(by_kind)
    assert {span.trace_id.hex() for span in collector.spans} == {"0af7651916cd43dd8448eb211c80319c"}
    assert by_kind["run"].parent_span_id.hex() == "b7ad6b7169203331"
    assert by_kind["attempt"].parent_span_id == by_kind["run"].span_id
    assert by_kind["model"].parent_span_id == by_kind["attempt"].span_id
    call = collector.attributes(by_kind["model"])
    assert call["gen_ai.operation.name"] == "chat"
    assert call["gen_ai.response.model"] == "small"
    assert call["gen_ai.usage.output_tokens"] == 5
    others = [collector.attributes(span) for kind, span in by_kind.items() if kind != "model"]
    assert not any(name.startswith("gen_ai.usage") for span in others for name in span)


async def test_a_due_schedule_starts_one_run_in_the_trace_of_its_tick(one_database: Database, redis_url: str) -> None:
    redis = connect(redis_url)
    await emptied(redis)
    models = ScriptedModels(ScriptedModel("small"))
    settings = Settings(redis_url=redis_url)
    spans = tracer(None, service="test")
    parts = assemble(settings, service="test", database=one_database, redis=redis, models=models, spans=spans)
    made = now() - timedelta(seconds=5)
    body = {"messages": [{"role": "user", "content": "What is 2 + 2?"}]}
    schedule = Schedule(id="s1", name="twice", every=4, task=body, created_at=made)
    async with one_database.write() as connection:
        await schedules.add(connection, schedule.model_copy(update={"next_due_at": first_due(schedule)}))
    started = await asyncio.gather(*(parts.tick.run(parse_traceparent(CALLER)) for _ in range(3)))
    async with a_worker(parts):
        async with one_database.read() as connection:
            [slot] = await schedules.slots(connection, "s1")
        assert slot.run_id is not None
        run = await ended(parts, slot.run_id)
    async with one_database.read() as connection:
        [slot] = await schedules.slots(connection, "s1")
    await redis.aclose()
    assert sum(started) == 1
    assert (slot.outcome, run.status, run.origin) == ("ran", "succeeded", "schedule")
    assert run.trace_id == "0af7651916cd43dd8448eb211c80319c"


async def test_due_times_that_passed_are_missed_and_the_last_is_made_up_for(
    one_database: Database, redis_url: str
) -> None:
    redis = connect(redis_url)
    await emptied(redis)
    settings = Settings(redis_url=redis_url)
    spans = tracer(None, service="test")
    models = ScriptedModels(ScriptedModel("small"))
    parts = assemble(settings, service="test", database=one_database, redis=redis, models=models, spans=spans)
    made = now() - timedelta(hours=4, minutes=30)
    body = {"messages": [{"role": "user", "content": "What is 2 + 2?"}]}
    schedule = Schedule(id="s1", name="hourly", every=3600, task=body, created_at=made)
    async with one_database.write() as connection:
        await schedules.add(connection, schedule.model_copy(update={"next_due_at": first_due(schedule)}))
    assert await parts.tick.run(None) == 1
    assert await parts.tick.run(None) == 0
    async with one_database.read() as connection:
        slots = await schedules.slots(connection, "s1")
        after = await schedules.load(connection, "s1")
    await redis.aclose()
    assert [slot.outcome for slot in slots] == ["pending", "missed", "missed", "missed"]
    assert after.next_due_at == made + timedelta(hours=5)


async def test_a_schedule_whose_task_cannot_start_leaves_a_failed_slot(one_database: Database, redis_url: str) -> None:
    redis = connect(redis_url)
    settings = Settings(redis_url=redis_url)
    models = ScriptedModels(ScriptedModel("small"))
    spans = tracer(None, service="test")
    parts = assemble(settings, service="test", database=one_database, redis=redis, models=models, spans=spans)
    made = now() - timedelta(seconds=5)
    schedule = Schedule(id="s1", name="broken", every=4, task={"team": "gone"}, created_at=made)
    async with one_database.write() as connection:
        await schedules.add(connection, schedule.model_copy(update={"next_due_at": first_due(schedule)}))
    assert await parts.tick.run(None) == 0
    async with one_database.read() as connection:
        [slot] = await schedules.slots(connection, "s1")
    await redis.aclose()
    assert slot.outcome == "failed"
    assert "no team 'gone'" in slot.reason
