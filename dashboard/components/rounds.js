// Rounds of one answer: what was written, what was said of it and by whom, and which version was kept.

const NAMES = { round: ["Rounds", "Round"], rung: ["Rungs inside the method", "Rung"] };

// Versions by the place they belong to: `1.round.2.critique` is said in round 2 of what began under `1.`.
function roundsOf(spans) {
  const byId = new Map(spans.map((span) => [span.span_id, span]));
  const groups = new Map();
  for (const span of spans) {
    const [, scope = "", unit, number, rest] = /^(.*\.)?(round|rung)\.(\d+)\.(.+)$/.exec(span.key ?? "") ?? [];
    if (!unit || /^sample\./.test(rest)) continue;
    const name = `${scope}${unit}`;
    if (!groups.has(name)) groups.set(name, { name, scope, unit, columns: new Map() });
    const { columns } = groups.get(name);
    if (!columns.has(Number(number))) columns.set(Number(number), { number: Number(number), written: null, checks: [] });
    const column = columns.get(Number(number));
    if (span.kind === "check") column.checks.push(span);
    else if (span.kind === "vote") column.written = span;
    else if (span.kind === "model" && byId.get(span.parent_id)?.kind !== "check" && column.written?.kind !== "vote") column.written = span;
  }
  const start = (group) => Math.min(...group.columns.flatMap((column) => [column.written, ...column.checks]).filter(Boolean).map((span) => time(span.start)));
  return [...groups.values()]
    .map((group) => ({ ...group, columns: [...group.columns.values()].sort((a, b) => a.number - b.number) }))
    .filter((group) => group.columns.some((column) => column.written || column.checks.length))
    .sort((a, b) => start(a) - start(b));
}

function attemptNumber(key) { return Number(/^\d+/.exec(key ?? "")?.[0] ?? 0); }

// The text that a step wrote, out of its output as the gateway keeps it.
function writtenText(io, choice = 0) {
  if (!io?.output) return null;
  try { return JSON.parse(io.output).choices?.[choice]?.text ?? io.output; } catch { return io.output; }
}

// The last version whose words are those of the attempt's answer.
function keptColumn(group, answer, textOf) {
  if (typeof answer !== "string") return null;
  return group.columns.findLast((column) => column.written && textOf(column.written)?.trim() === answer.trim())?.number ?? null;
}

function spanVerdict(span) {
  const told = span.attributes ?? {};
  const error = span.error ?? told.error;
  const name = span.name.replace(/^check /, "");
  if (span.status === "running") return { check: name, outcome: "running", by: told.by ?? "" };
  return { check: name, outcome: told.verdict ?? "unsure", score: told.score, evidence: told.evidence || error || "", by: told.by ?? "" };
}

function roundsCard(group, { answer, ended, textOf, onOpen }) {
  const [heading, word] = NAMES[group.unit];
  const kept = keptColumn(group, answer, textOf);
  const asked = group.columns.every((column) => !column.written || textOf(column.written) !== null);
  const words = !ended ? "Still at work." : kept !== null ? `Kept: ${word.toLowerCase()} ${kept + (group.unit === "rung")}.`
    : asked ? "The answer of this attempt is none of these versions." : "Looking which version was kept…";
  return el("div", { class: "rounds" },
    el("h3", {}, heading, " ", el("span", { class: "dim", role: "status", text: words })),
    el("div", { class: "columns", role: "list", tabindex: "0", "aria-label": heading },
      ...group.columns.map((column) => roundColumn(column, group, { kept: column.number === kept, word, textOf, onOpen }))));
}

function roundColumn(column, group, { kept, word, textOf, onOpen }) {
  const role = group.unit === "rung" ? "" : column.number === 0 ? "draft" : "rewrite";
  const name = `${word} ${group.unit === "rung" ? column.number + 1 : column.number}`;
  const open = (span, text) => el("button", { type: "button", class: "link", text, onclick: () => onOpen(span.span_id) });
  const text = column.written ? textOf(column.written) : null;
  const checks = column.checks.map((span) => ({ span, verdict: spanVerdict(span) }));
  const part = (label, found) => found.length ? el("div", { class: "said" }, el("div", { class: "dim", text: label }),
    ...found.map(({ span, verdict }) => el("div", {}, verdictLine(verdict), open(span, "open")))) : "";
  return el("article", { role: "listitem", class: `round-column${kept ? " kept" : ""}`, "aria-label": name },
    el("header", {}, el("strong", { text: name }), role ? el("span", { class: "chip", text: role }) : "", kept ? el("span", { class: "pill good", text: "➤ kept" }) : "",
      column.written?.model ? el("span", { class: "dim", text: column.written.model }) : ""),
    column.written
      ? el("div", { class: "written" }, el("div", { class: "box", tabindex: "0", role: "region", "aria-label": `${name}: text` }, text === null
        ? el("p", { class: "dim", text: column.written.status === "running" ? "Being written…" : "Loading the text…" }) : clipped(text)), open(column.written, "Open the step"))
      : el("p", { class: "dim", text: "Written in steps of its own: see the waterfall." }),
    part("Carried out", checks.filter(({ verdict }) => !verdict.by)), part("Opinions", checks.filter(({ verdict }) => verdict.by)));
}
