"""Sends ended steps on as OpenTelemetry spans. The record is SQL; what is sent is a copy, and may be dropped."""

from datetime import datetime

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.trace.span import format_span_id, format_trace_id

from agents.records import Step
from services.records import Run
from services.semconv import SCHEMA_URL, attributes
from services.store.journal import OnStep

QUEUE_SPANS = 16_384
"""Spans that may wait to be sent: the library's 2,048 lost a fifth of a burst of 20,000."""

KINDS = {"model": SpanKind.CLIENT, "message": SpanKind.PRODUCER}


class Tracer:
    """Makes spans out of steps. Their ids are the steps' own, so a run is one trace wherever its steps were made."""

    def __init__(self, exporter: SpanExporter | None, *, service: str) -> None:
        self._resource = Resource.create({"service.name": service})
        self._scope = InstrumentationScope("pointsman", schema_url=SCHEMA_URL)
        self._processor = (
            BatchSpanProcessor(exporter, max_queue_size=QUEUE_SPANS, schedule_delay_millis=500) if exporter else None
        )

    def for_run(self, run: Run) -> OnStep:
        """Give what sends a run's steps on."""
        processor = self._processor
        if processor is None:
            return _ignore
        return lambda step: processor.on_end(self._span(step, run))

    def tick(self, context: tuple[str, str], began: datetime, ended: datetime) -> None:
        """Send the span of a tick that started runs: it is their parent."""
        if self._processor:
            trace_id, span_id = context
            span = ReadableSpan(
                name="tick",
                context=_context(trace_id, span_id, remote=False),
                resource=self._resource,
                attributes={"openinference.span.kind": "CHAIN"},
                kind=SpanKind.CONSUMER,
                status=Status(StatusCode.OK),
                start_time=round(began.timestamp() * 1e9),
                end_time=round(ended.timestamp() * 1e9),
                instrumentation_scope=self._scope,
            )
            self._processor.on_end(span)

    def close(self) -> None:
        """Send what waits."""
        if self._processor:
            self._processor.shutdown()

    def _span(self, step: Step, run: Run) -> ReadableSpan:
        parent_id = step.parent_id or (run.trace_parent if step.kind == "run" else None)
        return ReadableSpan(
            name=step.name,
            context=_context(run.trace_id, step.span_id, remote=False),
            parent=_context(run.trace_id, parent_id, remote=step.parent_id is None) if parent_id else None,
            resource=self._resource,
            attributes=attributes(step, run_id=run.id),
            kind=KINDS.get(step.kind, SpanKind.INTERNAL),
            status=Status(StatusCode.OK) if step.status == "ok" else Status(StatusCode.ERROR, step.error),
            start_time=round(step.started_at.timestamp() * 1e9),
            end_time=round((step.ended_at or step.started_at).timestamp() * 1e9),
            instrumentation_scope=self._scope,
        )


def tracer(endpoint: str | None, *, service: str) -> Tracer:
    """A tracer that sends by OTLP over HTTP to the endpoint, or nowhere."""
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces") if endpoint else None
    return Tracer(exporter, service=service)


def parse_traceparent(header: str | None) -> tuple[str, str] | None:
    """Trace id and span id of a W3C `traceparent` header, if it is a valid one."""
    if not header:
        return None
    span = get_current_span(TraceContextTextMapPropagator().extract({"traceparent": header})).get_span_context()
    return (format_trace_id(span.trace_id), format_span_id(span.span_id)) if span.is_valid else None


def _context(trace_id: str, span_id: str, *, remote: bool) -> SpanContext:
    return SpanContext(
        int(trace_id, 16), int(span_id, 16), is_remote=remote, trace_flags=TraceFlags(TraceFlags.SAMPLED)
    )


def _ignore(_: Step) -> None:
    return None
