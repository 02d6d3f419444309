// The spans of a run, kept up to date by asking for what is new; one poller a run, whoever looks at it.

const TRACES = (globalThis[Symbol.for("pointsman.traces")] ??= new Map());
const POLL_MS = 1000, IDLE_MS = 5000, FAILED_MS = 15000, PAGE = 500;

class Trace {
  constructor(runId) {
    this.runId = runId;
    this.spans = new Map();
    this.since = 0;
    this.listeners = new Set();
    this.loaded = false;
    this.terminal = false;
    this.done = false;
    this.problem = "";
    this.idle = 0;
    this.failures = 0;
    this.latest = 0;
    this.latestAt = 0;
  }

  subscribe(listener) {
    this.listeners.add(listener);
    if (this.listeners.size === 1) this.schedule(0);
    else if (this.loaded) listener(this);
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size > 0) return;
      clearTimeout(this.timer);
      TRACES.delete(this.runId);
    };
  }

  // The run's record says that it ended: read what is left, then stop.
  finish() { this.terminal = true; }

  get root() { return this.first; }

  // The gateway's time now, as far as the spans tell it; the browser's clock may be wrong.
  now() { return this.done ? this.latest : this.latest + (performance.now() - this.latestAt); }

  schedule(ms) {
    clearTimeout(this.timer);
    if (this.listeners.size > 0 && !this.done) this.timer = setTimeout(() => this.poll(), ms);
  }

  async poll() {
    if (document.hidden && this.loaded) { this.schedule(POLL_MS); return; }
    const last = this.terminal || Boolean(this.root?.end && this.root.status !== "running");
    try {
      const answer = await fetch(`/api/traces/${encodeURIComponent(this.runId)}/spans?since=${this.since}`);
      if (answer.status === 401) throw new Error("You are signed out: reload the page.");
      const body = await answer.json();
      if (!answer.ok) throw new Error(body.error?.message ?? `The gateway answered ${answer.status}.`);
      this.take(body);
      this.failures = 0;
      this.problem = "";
      this.done = last && body.spans.length === 0;
      if (body.spans.length >= PAGE || (last && !this.done)) this.schedule(0);
      else this.schedule(this.idle > 10 ? IDLE_MS : POLL_MS);
    } catch (error) {
      this.failures += 1;
      this.problem = error instanceof TypeError ? "The dashboard does not answer; trying again." : error.message;
      this.schedule(Math.min(POLL_MS * 2 ** this.failures, FAILED_MS));
    }
    for (const listener of this.listeners) listener(this);
  }

  take(body) {
    this.idle = body.spans.length ? 0 : this.idle + 1;
    this.loaded = true;
    this.since = body.next_since ?? this.since;
    for (const span of body.spans) {
      this.spans.set(span.span_id, span);
      if (!span.parent_id) this.first = span;
      this.latest = Math.max(this.latest, time(span.end) ?? time(span.start) ?? 0);
    }
    if (body.spans.length) this.latestAt = performance.now();
  }

  totals() {
    const sum = { steps: 0, tokens: 0, cost: 0, attempts: 0, messages: 0 };
    for (const span of this.spans.values()) {
      if (span.kind !== "run") sum.steps += 1;
      sum.tokens += (span.input_tokens ?? 0) + (span.output_tokens ?? 0);
      sum.cost += Number(span.cost_usd ?? 0);
      if (span.kind === "attempt" && span.end) sum.attempts += 1;
      if (span.kind === "message") sum.messages += 1;
    }
    return sum;
  }
}

function traceOf(runId) {
  if (!TRACES.has(runId)) TRACES.set(runId, new Trace(runId));
  return TRACES.get(runId);
}

// Keeps a component with the run that it is given: `begin` runs before the spans of another run, `onTrace` whenever they grow.
function followRun(viewer, { runId, terminal }, { begin, onTrace }) {
  if (runId !== viewer.runId) {
    viewer.close();
    viewer.runId = runId;
    begin();
    viewer.trace = traceOf(runId);
    viewer.unsubscribe = viewer.trace.subscribe(onTrace);
  }
  if (terminal) viewer.trace.finish();
}
