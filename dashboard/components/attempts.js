// The attempts of a run, in order: rung, verdicts with their evidence, what each cost, and whether its answer may stand.

class Attempts {
  constructor(root) { this.root = root; }

  update({ data }) {
    const shown = JSON.stringify(data);
    if (shown === this.shown) return;
    this.shown = shown;
    const cards = data.attempts.map((attempt) => this.card(attempt));
    const empty = data.terminal ? "The run ended before an attempt was made." : "The first attempt has not ended yet.";
    this.root.replaceChildren(el("section", { class: "panel card", "aria-label": "Attempts" },
      el("h2", { text: "Attempts" }), cards.length ? el("div", { class: "attempts" }, ...cards) : el("p", { class: "dim", text: empty })));
  }

  card(attempt) {
    const spent = [seconds(attempt.seconds), tokens(attempt.tokens) && `${tokens(attempt.tokens)} tok`, dollars(attempt.cost_usd)].filter(Boolean).join(" · ");
    const verdict = el("span", { class: `pill ${attempt.accepted ? "good" : "bad"}`, text: attempt.accepted ? "✓ accepted" : "× not accepted" });
    return el("article", { class: `attempt${attempt.accepted ? " stands" : ""}`, "aria-label": `Attempt ${attempt.number}` },
      el("header", {}, el("span", { class: "dim", text: `${attempt.number}.` }), el("span", { class: "rung", text: attempt.rung }), verdict),
      el("div", { class: "dim", text: spent }),
      attempt.reason ? el("div", { class: "reason", text: attempt.reason }) : "",
      ...attempt.verdicts.map(verdictLine),
      attempt.verdicts.length ? "" : el("div", { class: "dim", text: attempt.rung === "calculate" ? "computed, no model called" : "no check was asked for" }));
  }
}

export default (component) => mounted(component, (root) => new Attempts(root));
