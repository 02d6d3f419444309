// The samples and rounds of a run, attempt by attempt: votes with their voters, versions with their critiques.

class Scaling {
  constructor(root) {
    this.root = root;
    this.texts = new Map();
    this.picked = new Map();
  }

  update({ data, setTriggerValue }) {
    this.trigger = setTriggerValue;
    this.data = data;
    followRun(this, data, { begin: () => { this.texts.clear(); this.picked.clear(); }, onTrace: () => this.draw() });
    this.draw();
  }

  close() { this.unsubscribe?.(); }

  open(spanId) { this.trigger("step", spanId); }

  // What a step put in and gave out, once it is there; asked for at the first look, and again when the step has changed.
  io(span) {
    const known = this.texts.get(span.span_id);
    if (known?.seq === span.seq) return known.io;
    if (span.status === "running") return null;
    const entry = { seq: span.seq, io: null };
    this.texts.set(span.span_id, entry);
    fetch(`/api/traces/${encodeURIComponent(this.runId)}/spans/${encodeURIComponent(span.span_id)}/io`)
      .then((answer) => answer.ok ? answer.json() : { output: `The gateway answered ${answer.status}.` })
      .catch(() => ({ output: "The dashboard does not answer." }))
      .then((io) => { entry.io = io; this.draw(); });
    return null;
  }

  textOf(span, choice) {
    const io = this.io(span);
    return io === null ? null : writtenText(io, choice) ?? "";
  }

  draw() {
    if (!this.trace.loaded) {
      this.show(this.trace.problem, el("p", { class: this.trace.problem ? "problem" : "dim", role: "status", text: this.trace.problem || "Loading the steps…" }));
      return;
    }
    const spans = [...this.trace.spans.values()];
    const votes = spans.filter((span) => span.kind === "vote");
    const groups = roundsOf(spans);
    const numbers = [...new Set([...votes.map((span) => attemptNumber(span.key)), ...groups.map((group) => attemptNumber(group.scope))])].sort((a, b) => a - b);
    const sections = numbers.map((number) => this.section(number, votes, groups, spans));
    const nothing = this.data.terminal ? "No samples were drawn and no rounds were held: the answer was written in one go." : "No samples and no rounds so far.";
    const texts = [...this.texts].map(([id, entry]) => [id, entry.seq, entry.io !== null]);
    this.show(JSON.stringify([this.trace.since, this.data, [...this.picked], texts]),
      sections.length ? el("div", { class: "scaling" }, ...sections) : el("p", { class: "panel card dim", text: nothing }));
  }

  // Redrawn only when something of it is new, with the focus where it was.
  show(what, content) {
    if (what === this.shown) return;
    this.shown = what;
    const at = this.root.getRootNode().activeElement?.getAttribute("aria-label");
    this.root.replaceChildren(content);
    if (at) this.root.querySelector(`[aria-label="${CSS.escape(at)}"]`)?.focus({ preventScroll: true });
  }

  section(number, votes, groups, spans) {
    const attempt = this.data.attempts.find((one) => one.number === number);
    const heading = number ? `Attempt ${number}` : "Outside of any attempt";
    return el("section", { class: "panel card", "aria-label": `${heading}: samples and rounds` },
      el("h2", {}, heading, attempt ? el("span", { class: "dim", text: attempt.rung }) : "",
        attempt ? acceptedPill(attempt) : ""),
      ...votes.filter((span) => attemptNumber(span.key) === number).map((vote) => this.vote(vote, spans)),
      ...groups.filter((group) => attemptNumber(group.scope) === number).map((group) => roundsCard(group, {
        answer: attempt?.answer, ended: Boolean(attempt) || this.data.terminal, textOf: (span) => this.textOf(span), onOpen: (id) => this.open(id),
      })));
  }

  vote(vote, spans) {
    const picked = this.picked.get(vote.span_id) ?? null;
    const onSample = (sample) => {
      this.picked.set(vote.span_id, picked?.key === sample.key ? null : sample);
      this.draw();
    };
    return el("div", { class: "vote-block" }, el("h3", { text: `Votes: ${titleOf(vote).replace(/^vote /, "")}` }),
      voteCard(vote, spans, { onSample, picked: picked?.key }), picked ? this.sample(picked, vote) : "");
  }

  sample(sample, vote) {
    const text = this.textOf(sample.span, sample.choice);
    return el("section", { class: "sample-text", "aria-label": `Text of sample ${sample.number}` },
      el("header", {}, el("strong", { text: `Sample ${sample.number}` }), el("span", { class: "chip", text: `votes for ${sample.letter}` }),
        el("button", { type: "button", class: "link", text: "Open the step", onclick: () => this.open(sample.span.span_id) }),
        el("button", { type: "button", class: "close", "aria-label": `Close sample ${sample.number}`, text: "×", onclick: () => { this.picked.delete(vote.span_id); this.draw(); } })),
      el("div", { class: "box", tabindex: "0" }, text === null ? el("p", { class: "dim", role: "status", text: "Loading the text…" }) : clipped(text)));
  }
}

export default (component) => mounted(component, (root) => new Scaling(root));
