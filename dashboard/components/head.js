// The head of a run's page: title and badges, counted from the same spans as the waterfall.

class Head {
  constructor(root) {
    this.root = root;
    this.status = el("span", { role: "status", "aria-live": "polite" });
    this.badges = el("span", { class: "badges" });
  }

  update({ data, setTriggerValue }) {
    this.trigger = setTriggerValue;
    this.data = data;
    followRun(this, data, { begin: () => this.begin(), onTrace: () => this.onTrace() });
    this.root.replaceChildren(el("h1", { text: data.title, title: data.title }), el("p", { class: "badge-line" }, this.status, this.badges));
    this.draw();
  }

  begin() {
    this.seen = null;
    this.clock = setInterval(() => { if (!this.data.terminal) this.draw(); }, 1000);
  }

  close() {
    this.unsubscribe?.();
    clearInterval(this.clock);
  }

  // The page around us is drawn from the run's record: ask for it anew when the spans say that it has grown.
  onTrace() {
    this.draw();
    if (this.data.terminal || !this.trace.loaded) return;
    const { attempts, messages } = this.trace.totals();
    const ended = Boolean(this.trace.root?.end && this.trace.root.status !== "running");
    const now = `${attempts} ${messages} ${ended}`;
    const stale = this.trace.idle > 0 && this.trace.idle % 12 === 0;
    if (this.seen !== null && (now !== this.seen || stale)) this.ask();
    else if (this.seen === null && ended) this.ask();
    this.seen = now;
  }

  ask() {
    clearTimeout(this.asking);
    this.asking = setTimeout(() => this.trigger("grown", Date.now()), 400);
  }

  draw() {
    const { data, trace } = this;
    const sum = trace.loaded ? trace.totals() : null;
    const running = data.status === "queued" && sum?.steps > 0 ? "running" : data.status;
    if (this.status.dataset.is !== running) {
      this.status.dataset.is = running;
      this.status.replaceChildren(pill(running));
    }
    const start = time(data.started_at ?? data.created_at);
    const took = data.seconds !== null ? seconds(data.seconds) : start === null ? "" : milliseconds(Math.max(Date.now() - start, 0));
    const spent = data.terminal || !sum ? { tokens: data.tokens, cost: Number(data.cost_usd) } : sum;
    const facts = [
      [`effort ${data.effort}`, "How hard to think"], [data.rung, data.terminal ? "The rung whose answer stands" : "Who works on it"], [data.model, "The model that answered"],
      [data.terminal ? count(data.steps, "step") : sum ? count(sum.steps, "step") : "", ""], [took, "From start to end"],
      [spent.tokens ? `${spent.tokens.toLocaleString("en")} tokens` : "no tokens", "Over all model calls"], [dollars(spent.cost), "Over all steps"],
      [data.origin ? `from ${data.origin}` : "", "Where the task came from"],
    ].filter(([text]) => text);
    const { standing } = data;
    const verified = standing ? [el("span", { class: `pill ${standing.tone}`, title: standing.why, text: standing.words })] : [];
    this.badges.replaceChildren(...facts.map(([text, title]) => el("span", { class: "chip", title, text })), ...verified);
  }
}

export default (component) => mounted(component, (root) => new Head(root));
