// The answer as it is written: the run's events, shown as they come, until the one that ends it.

const TOLD_OTHERWISE = new Set(["run", "queue", "route", "attempt", "message"]);
const KEPT_STEPS = 4, RETRY_MS = 2000;

class Live {
  constructor(root) {
    this.root = root;
    this.state = el("span", { role: "status", "aria-live": "polite" });
    this.facts = el("span", { class: "dim" });
    this.open = el("span", { class: "open" });
    this.steps = el("ol", { "aria-label": "Latest steps" });
    this.text = el("div", { class: "text cursor", role: "region", "aria-label": "Answer", tabindex: "0" });
    this.problem = el("p", { class: "problem", role: "alert" });
    root.replaceChildren(el("section", { class: "panel live", "aria-label": "Live answer" },
      el("div", { class: "line" }, this.state, this.facts, this.open), this.steps, this.text, this.problem));
  }

  update({ data, setTriggerValue }) {
    this.trigger = setTriggerValue;
    if (data.runId === this.runId) return;
    this.close();
    this.runId = data.runId;
    this.written = 0;
    this.seen = new Map();
    this.ended = false;
    this.plan = "";
    this.began = performance.now();
    this.text.textContent = this.problem.textContent = "";
    this.text.classList.add("cursor");
    this.steps.replaceChildren();
    this.open.replaceChildren(link(data.href, () => this.trigger("open", this.runId), {}, "Open the run →"));
    this.status("queued");
    this.clock = setInterval(() => this.tick(), 200);
    this.connect();
  }

  close() {
    this.source?.close();
    clearInterval(this.clock);
    clearTimeout(this.retry);
  }

  connect() {
    const source = new EventSource(`/api/runs/${encodeURIComponent(this.runId)}/events`);
    const on = (type, run) => source.addEventListener(type, (event) => run(JSON.parse(event.data)));
    on("status", (body) => this.status(body.status));
    on("plan", (body) => { this.plan = (body.plan?.rungs ?? []).map(rungName).join(" → "); });
    on("attempt", (body) => this.step({ span_id: `attempt-${body.number}`, kind: "attempt", name: `attempt ${body.number ?? ""} ${body.rung ?? ""}${body.accepted ? "" : `: ${body.reason || "not accepted"}`}`, status: body.accepted ? "ok" : "error" }));
    on("step", (body) => { if (!TOLD_OTHERWISE.has(body.kind)) this.step(body); });
    on("message", (body) => this.step({ span_id: `message-${body.id}`, kind: "message", name: `${body.sender} → ${body.recipient}: ${body.type}`, status: "ok" }));
    on("delta", (body) => this.delta(body));
    on("end", (body) => this.end(body));
    source.addEventListener("open", () => { this.problem.textContent = ""; });
    source.addEventListener("error", () => {
      if (this.ended) return;
      this.problem.textContent = "The connection was cut; trying again.";
      // The browser reconnects by itself, unless the answer was an error.
      if (source.readyState === EventSource.CLOSED) this.retry = setTimeout(() => this.connect(), RETRY_MS);
    });
    this.source = source;
  }

  status(name) {
    if (this.now === name) return;
    this.now = name;
    this.state.replaceChildren(pill(name));
  }

  tick() {
    if (!this.ended) this.facts.textContent = [milliseconds(performance.now() - this.began), this.plan].filter(Boolean).join(" · ");
  }

  step(body) {
    this.seen.set(body.span_id, body);
    const latest = [...this.seen.values()].slice(-KEPT_STEPS);
    this.steps.replaceChildren(...latest.map((one) => el("li", {}, glyph(one.kind), el("span", { text: titleOf(one) }), pill(one.status))));
  }

  // Offsets count characters as the gateway does, not UTF-16 units; what was seen before a reconnect is dropped.
  delta({ text, offset }) {
    const letters = [...text];
    const known = Math.max(this.written - (offset ?? this.written), 0);
    if (known >= letters.length) return;
    const below = this.text.scrollHeight - this.text.scrollTop - this.text.clientHeight < 40;
    this.text.append(letters.slice(known).join(""));
    this.written = (offset ?? this.written) + letters.length;
    if (below) this.text.scrollTop = this.text.scrollHeight;
  }

  end({ status, answer, error }) {
    this.ended = true;
    this.close();
    this.status(status);
    this.text.classList.remove("cursor");
    if (answer) this.text.textContent = answer.text;
    this.problem.textContent = error?.message ?? "";
    const from = answer?.model === "pointsman/calculate" ? "calculated, no model called" : answer?.model ? `answered by ${answer.model}` : "";
    this.summary(from);
  }

  async summary(from) {
    const took = milliseconds(performance.now() - this.began);
    this.facts.textContent = [from, took].filter(Boolean).join(" · ");
    const trace = traceOf(this.runId);
    trace.finish();
    const stop = trace.subscribe(() => {
      if (!trace.done) return;
      const sum = trace.totals(), root = trace.root;
      const exact = root?.end ? milliseconds(time(root.end) - time(root.start)) : took;
      this.facts.textContent = [from, exact, sum.tokens ? `${sum.tokens.toLocaleString("en")} tokens` : "no tokens", dollars(sum.cost), count(sum.steps, "step")].filter(Boolean).join(" · ");
      setTimeout(stop, 0);
    });
  }
}

export default (component) => mounted(component, (root) => new Live(root));
