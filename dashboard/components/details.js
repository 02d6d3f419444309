// The picked step: what is known of it at once, and its input and output, loaded when they are looked at.

class Details {
  constructor() {
    this.panel = el("section", { class: "detail panel", "aria-label": "Details of the step", tabindex: "-1" });
    this.node = null;
    this.onClose = () => {};
    this.onOpen = () => {};
    this.spans = () => [];
    this.loaded = new Map();
    this.tab = "io";
    this.context = {};
  }

  show(node, runId) {
    this.node = node;
    this.runId = runId;
    this.panel.scrollTop = 0;
    this.draw();
    this.load();
  }

  // The step changed under the reader: draw it anew only if something of it did.
  refresh(node) {
    const ended = this.node.end === null && node.end !== null;
    const changed = node.span.seq !== this.node.span.seq;
    this.node = node;
    if (ended) this.loaded.delete(node.id);
    if (changed) this.draw();
    if (ended) this.load();
  }

  async load() {
    const { node, runId } = this;
    if (this.loaded.has(node.id)) return;
    try {
      const answer = await fetch(`/api/traces/${encodeURIComponent(runId)}/spans/${encodeURIComponent(node.id)}/io`);
      const body = await answer.json();
      this.loaded.set(node.id, answer.ok ? body : { problem: body.error?.message ?? `The gateway answered ${answer.status}.` });
    } catch {
      this.loaded.set(node.id, { problem: "The dashboard does not answer." });
    }
    if (this.loaded.get(node.id).problem) setTimeout(() => this.loaded.delete(node.id), 3000);
    if (this.node?.id === node.id) this.draw();
  }

  draw() {
    const { span, kind } = this.node;
    const fact = (text) => text ? el("span", { class: "chip", text }) : "";
    const used = [tokens(span.input_tokens) && `${tokens(span.input_tokens)} in`, tokens(span.output_tokens) && `${tokens(span.output_tokens)} out`];
    const names = [["io", "Input / output"], ["attributes", "Attributes"], ["raw", "Raw"]];
    this.panel.replaceChildren(
      el("div", { class: "title" }, el("h2", {}, glyph(kind), titleOf(span)),
        el("button", { type: "button", class: "close", "aria-label": "Close the details", text: "×", onclick: () => this.onClose() })),
      el("div", { class: "chips" }, pill(statusOf(span)), fact((KINDS[kind] ?? ["", kind])[1]), fact(span.agent), fact(span.model),
        fact(span.end ? milliseconds(this.node.end - this.node.start) : "running"), ...used.map(fact),
        fact(Number(span.cost_usd ?? 0) ? dollars(span.cost_usd) : "")),
      this.error(), this.card(),
      el("div", { role: "tablist", "aria-label": "Parts of the step" }, ...names.map(([id, text]) => el("button", {
        type: "button", role: "tab", text, "aria-selected": String(this.tab === id), onclick: () => { this.tab = id; this.draw(); },
      }))),
      el("div", { role: "tabpanel" }, { io: () => this.io(), attributes: () => this.attributes(), raw: () => this.raw() }[this.tab]()));
  }

  error() {
    const { span } = this.node;
    if (statusOf(span) === "cancelled") return el("p", { class: "dim", text: "Given up while it was written; what it used is an estimate." });
    const text = span.error ?? span.attributes?.error ?? (span.status === "lost" ? "Its process ended before it did; what it used is not known." : "");
    return text ? el("p", { class: "problem", role: "alert", text }) : "";
  }

  // What is known of a step of this kind beyond its attributes.
  card() {
    const { plan, attempts = [], taken } = this.context;
    if (this.node.kind === "vote") return voteCard(this.node.span, this.spans(), { onSample: (sample) => this.onOpen(sample.span.span_id) });
    if (this.node.kind === "check" && this.node.span.attributes?.verdict) return verdictLine(spanVerdict(this.node.span));
    if (this.node.kind === "route" && plan) return planTable(plan, { taken, tried: attempts.filter((one) => !one.accepted).map((one) => one.rung) });
    if (this.node.span.kind !== "attempt") return "";
    const attempt = attempts.find((one) => one.rung === this.node.span.attributes?.rung);
    if (!attempt) return "";
    return el("div", { class: "ladder" }, el("p", {}, pill(attempt.accepted ? "pass" : "fail"), ` ${attempt.accepted ? "accepted" : attempt.reason || "refused"}`),
      ...attempt.verdicts.map(verdictLine));
  }

  io() {
    const known = this.loaded.get(this.node.id);
    if (!known) return el("p", { class: "dim", role: "status", text: "Loading the texts…" });
    if (known.problem) return el("p", { class: "problem", role: "alert", text: known.problem });
    const parts = [["Input", known.input], ["Output", known.output]].filter(([, text]) => text !== null && text !== undefined && text !== "");
    if (!parts.length) return el("p", { class: "dim", text: "This step has no input or output of its own." });
    return el("div", { class: "io" }, ...parts.flatMap(([name, text]) => [
      el("div", { class: "dim", text: name }), el("div", { class: "box", tabindex: "0", role: "region", "aria-label": name }, ...readable(text)),
    ]));
  }

  attributes() {
    const entries = Object.entries(this.node.span.attributes ?? {});
    if (!entries.length) return el("p", { class: "dim", text: "This step has no attributes." });
    return el("dl", {}, ...entries.flatMap(([name, value]) => [
      el("dt", { text: name }), el("dd", { class: "mono", text: typeof value === "object" && value !== null ? JSON.stringify(value) : String(value) }),
    ]));
  }

  raw() { return el("div", { class: "box" }, clipped(JSON.stringify(this.node.span, null, 2))); }
}

// A conversation as turns, choices as texts, other JSON indented, everything else as it is.
function readable(text) {
  let value = text;
  if (typeof text === "string") {
    try { value = JSON.parse(text); } catch { return [clipped(text)]; }
  }
  if (Array.isArray(value?.messages)) return value.messages.map((entry) => turn(entry.role, entry.content));
  if (Array.isArray(value?.choices)) {
    return value.choices.flatMap((choice, index) => [
      choice.reasoning ? turn("thinking", choice.reasoning) : "",
      turn(value.choices.length > 1 ? `choice ${index + 1}` : choice.finish_reason ?? "text", choice.text),
    ].filter(Boolean));
  }
  if (typeof value?.text === "string" && Object.keys(value).length <= 2) return [clipped(value.text)];
  return [clipped(typeof value === "string" ? value : JSON.stringify(value, null, 2))];
}

function turn(role, content) {
  const text = typeof content === "string" ? content : JSON.stringify(content ?? "", null, 2);
  return el("div", { class: "turn" }, el("span", { class: "role", text: role }), clipped(text));
}
