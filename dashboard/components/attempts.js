// The attempts of a run, in order: rung, verdicts with their evidence, what each cost, and whether its answer may stand.

class Attempts {
  constructor(root) { this.root = root; }

  update({ data }) {
    const shown = JSON.stringify(data);
    if (shown === this.shown) return;
    this.shown = shown;
    this.rungs = data.rungs;
    const cards = data.attempts.map((attempt) => this.card(attempt));
    const empty = data.terminal ? "The run ended before an attempt was made." : "The first attempt has not ended yet.";
    this.root.replaceChildren(el("section", { class: "panel card", "aria-label": "Attempts" },
      el("h2", { text: "Attempts" }), cards.length ? el("div", { class: "attempts" }, ...cards) : el("p", { class: "dim", text: empty })));
  }

  card(attempt) {
    return el("article", { class: `attempt${attempt.accepted ? " stands" : ""}`, "aria-label": `Attempt ${attempt.number}` },
      el("header", {}, el("span", { class: "dim", text: `${attempt.number}.` }), el("span", { class: "rung", text: attempt.rung }), acceptedPill(attempt)),
      this.spent(attempt, this.rungs.find((rung) => sameRung(rung, attempt.rung))),
      attempt.reason ? el("div", { class: "reason", text: attempt.reason }) : "",
      ...attempt.verdicts.map(verdictLine),
      attempt.verdicts.length ? "" : el("div", { class: "dim", text: attempt.rung === "calculate" ? "computed, no model called" : "not verified: no check ran" }));
  }

  // What it took, beside what the plan expected of this rung.
  spent(attempt, rung) {
    const fact = (name, actual, expected) => el("div", {}, el("dt", { text: name }), el("dd", {}, actual,
      rung ? el("span", { class: "dim", text: ` / ${expected} expected` }) : ""));
    return el("dl", { class: "spent", "aria-label": "Spent" },
      fact("Tokens", tokens(attempt.tokens) || "0", tokens((rung?.input_tokens ?? 0) + (rung?.output_tokens ?? 0)) || "0"),
      fact("Cost", dollars(attempt.cost_usd), dollars(rung?.cost_usd)),
      fact("Time", seconds(attempt.seconds), seconds(rung?.seconds)));
  }
}

export default (component) => mounted(component, (root) => new Attempts(root));
