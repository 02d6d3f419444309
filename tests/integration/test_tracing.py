"""Spans as a collector receives them: one trace from the asker through Redis to the worker's model call."""

import asyncio
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from services.door import Asker
from services.store.database import Database
from services.tracing import parse_traceparent, tracer
from tests.builders import a_task
from tests.fakes import ScriptedModel
from tests.integration.house import a_house, a_worker, ended
from tests.integration.store_fixtures import one_database

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
    spans = tracer(collector.url, service="test")
    model = ScriptedModel("small", says=["Light scatters."])
    async with a_house(one_database, redis_url, model, spans=spans) as parts, a_worker(parts):
        asker = Asker(traceparent=parse_traceparent(CALLER))
        run_id = await parts.door.submit(a_task("Why is the sky blue?"), origin="api", asker=asker)
        await ended(parts, run_id)
    await asyncio.to_thread(spans.close)
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
