// The plan as a table, and a verdict as a line: used on the run's page, in the preview, and in the details of a step.

function quality(rung, wide) {
  if (rung.quality === null || rung.quality === undefined) return el("span", { class: "dim", text: "unknown" });
  const low = rung.quality_low ?? rung.quality, high = rung.quality_high ?? rung.quality;
  const words = `${percent(rung.quality)} right, 90 % interval ${percent(low)} to ${percent(high)}`;
  return el("span", { class: "quality", title: words },
    el("span", { class: "track", "aria-hidden": "true" },
      el("span", { class: "band", style: { left: `${low * 100}%`, width: `${Math.max((high - low) * 100, 2)}%` } }),
      el("span", { class: "tick", style: { left: `${rung.quality * 100}%` } })),
    el("span", { class: "value", "aria-hidden": "true", text: percent(rung.quality) }),
    wide ? el("span", { class: "span dim", "aria-hidden": "true", text: `${Math.round(low * 100)}–${Math.round(high * 100)}` }) : "",
    el("span", { class: "hidden", text: words }));
}

const RULES = { exact: "computed", checks: "if checks pass", always: "as it is" };

function rungRow({ rung, mark, weighed }, wide) {
  const number = (label, text) => el("td", { class: "num", "data-label": label, text });
  return el("tr", { class: weighed ? "weighed" : mark === "➤" ? "taken" : "" },
    el("td", { class: "name" }, el("span", { class: "mark", text: mark, "aria-hidden": "true" }), rungName(rung),
      mark === "➤" ? el("span", { class: "hidden", text: " (its answer stands)" }) : ""),
    el("td", { "data-label": "Expected right" }, quality(rung, wide)),
    number("Cost", dollars(rung.cost_usd)),
    number("Time", rung.seconds ? seconds(rung.seconds) : "~0"),
    wide ? number("Tokens", `${tokens(rung.input_tokens) || "0"} + ${tokens(rung.output_tokens) || "0"}`) : "",
    el("td", { class: "rule dim", "data-label": "Stands", text: RULES[rung.accept] ?? rung.accept }));
}

// In a place narrower than this, each row becomes a card.
function foldBelow(width, table) {
  new ResizeObserver(([place]) => table.classList.toggle("cards", place.contentRect.width < width)).observe(table);
  return table;
}

// Rows are {rung, mark, weighed}; a wide table has the tokens as well.
function rungTable(name, rows, { wide = false, headless = false } = {}) {
  const heads = [["Rung", ""], ["Expected right", ""], ["Cost", "num"], ["Time", "num"], ...(wide ? [["Tokens", "num"]] : []), ["Stands", "rule"]];
  return foldBelow(wide ? 540 : 400, el("table", { class: wide ? "plan wide" : "plan", "aria-label": name },
    headless ? "" : el("thead", {}, el("tr", {}, ...heads.map(([text, kind]) => el("th", { scope: "col", class: kind, text })))),
    el("tbody", {}, ...rows.map((row) => rungRow(row, wide)))));
}

// The rungs with their numbers, or with what became of them.
function markedRungs(rungs, { taken = null, tried = [] }) {
  return rungs.map((rung, index) => {
    const refused = tried.some((name) => sameRung(rung, name));
    return { rung, weighed: false, mark: sameRung(rung, taken) ? "➤" : refused ? "×" : String(index + 1) };
  });
}

function sameRung(rung, name) { return name && rungName(rung).replaceAll("≤", "<=") === name; }

function planTable(plan, { taken = null, tried = [], preview = false } = {}) {
  const parts = [rungTable("Rungs of the plan, in the order they are climbed", markedRungs(plan.rungs, { taken, tried }))];
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
      rungTable("Rungs that were left out", plan.considered.map((rung) => ({ rung, mark: "", weighed: true })), { headless: true })));
  }
  if (more.length) parts.push(el("div", { class: "more" }, ...more));
  return el("div", { class: "ladder" }, ...parts);
}

function shortValue(value) {
  if (typeof value === "number") return String(+value.toFixed(3));
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
}

function acceptedPill({ accepted }) {
  return el("span", { class: `pill ${accepted ? "good" : "bad"}`, text: accepted ? "✓ accepted" : "× refused" });
}

// What was carried out stands in full; an opinion says whose it is.
function verdictLine(verdict) {
  const score = verdict.score === null || verdict.score === undefined ? "" : ` ${(+verdict.score).toFixed(2)}`;
  const by = verdict.by ? `opinion of ${verdict.by}` : "carried out";
  return el("div", { class: `verdict ${verdict.by ? "opinion" : "executed"}` }, pill(verdict.outcome, score),
    el("span", { class: "check", text: verdict.check }), el("span", { class: "by", text: by }),
    verdict.evidence ? el("div", { class: "evidence", text: verdict.evidence, tabindex: verdict.evidence.length > 400 ? "0" : null }) : "");
}
