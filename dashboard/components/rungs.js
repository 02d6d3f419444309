// A plan's rungs at full width: those chosen, what was climbed beside what was expected, and those weighed and left out.

const WEIGHED_SHOWN = 6;

class Rungs {
  constructor(root) { this.root = root; }

  update({ data }) {
    const shown = JSON.stringify(data);
    if (shown === this.shown) return;
    this.shown = shown;
    const { rungs, attempts, considered } = data;
    const sections = [];
    if (rungs.length) sections.push(this.section("Rungs of the plan", rungTable("Rungs of the plan", markedRungs(rungs, data), { wide: true })));
    if (attempts.length) sections.push(this.section("What was climbed", this.climbed(attempts, rungs)));
    if (considered.length) sections.push(this.section("Weighed and left out", ...this.weighed(considered)));
    this.root.replaceChildren(el("div", { class: "rungs" }, ...sections));
  }

  section(heading, ...content) {
    return el("section", { class: "panel card", "aria-label": heading }, el("h2", { text: heading }), ...content);
  }

  weighed(rungs) {
    const rows = rungs.map((rung) => ({ rung, mark: "", weighed: true }));
    const table = (part) => rungTable("Rungs that were left out", part, { wide: true });
    const rest = rows.slice(WEIGHED_SHOWN);
    return [table(rows.slice(0, WEIGHED_SHOWN)), rest.length
      ? el("details", {}, el("summary", { text: `${count(rest.length, "more rung")}` }), table(rest)) : ""];
  }

  climbed(attempts, rungs) {
    const heads = ["Attempt", "Outcome", "Cost", "Time", "Tokens"];
    return foldBelow(540, el("table", { class: "plan climbed", "aria-label": "What was climbed, beside what was expected" },
      el("thead", {}, el("tr", {}, ...heads.map((text, place) => el("th", { scope: "col", class: place > 1 ? "num" : "", text })))),
      el("tbody", {}, ...attempts.map((attempt) => this.attempt(attempt, rungs.find((rung) => sameRung(rung, attempt.rung)))))));
  }

  attempt(attempt, rung) {
    const beside = (label, actual, expected) => el("td", { class: "num", "data-label": label },
      el("div", { text: actual }), rung ? el("div", { class: "dim", text: `expected ${expected}` }) : "");
    return el("tr", { class: attempt.accepted ? "taken" : "" },
      el("td", { class: "name" }, el("span", { class: "mark", text: `${attempt.number}` }), attempt.rung),
      el("td", { class: "outcome", "data-label": "Outcome" },
        el("span", { class: `pill ${attempt.accepted ? "good" : "bad"}`, text: attempt.accepted ? "✓ accepted" : "× refused" }),
        rung?.quality ? el("div", { class: "dim", text: `expected right in ${percent(rung.quality)} of such cases` }) : "",
        attempt.reason ? el("div", { text: attempt.reason }) : "", ...attempt.verdicts.map(verdictLine)),
      beside("Cost", dollars(attempt.cost_usd), dollars(rung?.cost_usd)),
      beside("Time", seconds(attempt.seconds), seconds(rung?.seconds)),
      beside("Tokens", tokens(attempt.tokens) || "0", tokens((rung?.input_tokens ?? 0) + (rung?.output_tokens ?? 0)) || "0"));
  }
}

export default (component) => mounted(component, (root) => new Rungs(root));
