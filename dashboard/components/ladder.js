// The plan as a table, and a verdict as a line: used on the run's page, in the preview, and in the details of a step.

function quality(rung) {
  if (rung.quality === null || rung.quality === undefined) return el("span", { class: "dim", text: "unknown" });
  const low = rung.quality_low ?? rung.quality, high = rung.quality_high ?? rung.quality;
  const words = `${percent(rung.quality)} right, 90 % interval ${percent(low)} to ${percent(high)}`;
  return el("span", { class: "quality", title: words },
    el("span", { class: "track", "aria-hidden": "true" },
      el("span", { class: "band", style: { left: `${low * 100}%`, width: `${Math.max((high - low) * 100, 2)}%` } }),
      el("span", { class: "tick", style: { left: `${rung.quality * 100}%` } })),
    el("span", { class: "value", "aria-hidden": "true", text: percent(rung.quality) }),
    el("span", { class: "hidden", text: words }));
}

const RULES = { exact: "computed", checks: "if checks pass", always: "as it is" };

function rungRow(rung, mark, weighed) {
  return el("tr", { class: weighed ? "weighed" : mark === "➤" ? "taken" : "" },
    el("td", { class: "name" }, el("span", { class: "mark", text: mark, "aria-hidden": "true" }), rungName(rung),
      mark === "➤" ? el("span", { class: "hidden", text: " (its answer stands)" }) : ""),
    el("td", {}, quality(rung)),
    el("td", { class: "num", text: dollars(rung.cost_usd) }),
    el("td", { class: "num", text: rung.seconds ? seconds(rung.seconds) : "~0" }),
    el("td", { class: "rule dim", text: RULES[rung.accept] ?? rung.accept }));
}

function sameRung(rung, name) { return name && rungName(rung).replaceAll("≤", "<=") === name; }

function planTable(plan, { taken = null, tried = [], preview = false } = {}) {
  const marks = plan.rungs.map((rung, index) => {
    if (sameRung(rung, taken)) return "➤";
    return tried.some((name) => sameRung(rung, name)) ? "×" : String(index + 1);
  });
  const heads = [["Rung", ""], ["Expected right", ""], ["Cost", "num"], ["Time", "num"], ["Stands", "rule"]];
  const table = el("table", { class: "plan" },
    el("caption", { class: "hidden", text: "Rungs of the plan, in the order they are climbed" }),
    el("thead", {}, el("tr", {}, ...heads.map(([text, kind]) => el("th", { scope: "col", class: kind, text })))),
    el("tbody", {}, ...plan.rungs.map((rung, index) => rungRow(rung, marks[index], false))));
  const parts = [table];
  if (plan.why) parts.push(el("p", { class: "why" }, el("span", { class: "dim", text: "Why: " }), plan.why));
  const known = Object.entries(plan.task_type ?? {}).sort((a, b) => b[1] - a[1]).slice(0, 3);
  const seen = Object.entries(plan.features ?? {});
  const more = [];
  if (known.length || seen.length) {
    const looks = known.map(([name, share]) => el("span", { class: "chip", text: `${name} ${percent(share)}` }));
    more.push(el("details", {}, el("summary", {}, known.length ? "Looks like " : "What the router saw", ...looks),
      el("p", { class: "chips" }, ...seen.map(([name, value]) => el("span", { class: "chip", text: `${name} ${shortValue(value)}` })))));
  }
  if (plan.considered?.length) {
    more.push(el("details", { open: preview }, el("summary", { text: `${count(plan.considered.length, "other rung")} weighed and left out` }),
      el("table", { class: "plan", "aria-label": "Rungs that were left out" }, el("tbody", {}, ...plan.considered.map((rung) => rungRow(rung, "", true))))));
  }
  if (more.length) parts.push(el("div", { class: "more" }, ...more));
  return el("div", { class: "ladder" }, ...parts);
}

function shortValue(value) {
  if (typeof value === "number") return String(+value.toFixed(3));
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
}

function verdictLine(verdict) {
  const score = verdict.score === null || verdict.score === undefined ? "" : ` ${(+verdict.score).toFixed(2)}`;
  const known = pill(verdict.outcome, score);
  return el("div", { class: "verdict" }, known, el("span", { class: "check", text: verdict.check }),
    verdict.evidence ? el("span", { class: "dim evidence", text: verdict.evidence, title: verdict.evidence }) : "");
}
