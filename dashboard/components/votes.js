// A vote: which samples came to which answer, where the drawing stopped and why, and what that saved.

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

// What is told of a vote, with the steps behind its samples. Keys count from where the vote stands; `sample.0[2]` is a
// later choice of the call `sample.0`.
function countedVote(vote, spans) {
  const facts = vote.attributes ?? {};
  const scope = (vote.key ?? "").replace(/[^.]*$/, "");
  const own = new Map(), drawing = [];
  for (const span of spans) {
    if (!span.key?.startsWith(scope)) continue;
    const rest = span.key.slice(scope.length);
    own.set(rest, span);
    if (span.kind === "model" && /^sample\.\d+$/.test(rest)) drawing.push(span);
  }
  const candidates = (facts.candidates ?? []).map((candidate, place) => {
    const letter = LETTERS[place] ?? "·";
    return { ...candidate, letter, won: place === 0, samples: (candidate.samples ?? []).map((key) => {
      const [, name, choice] = /^(.*?)(?:\[(\d+)\])?$/.exec(key);
      const first = Number(/(\d+)$/.exec(name)?.[1] ?? 0);
      return { key, letter, span: own.get(name) ?? null, choice: Number(choice ?? 0), number: first + Number(choice ?? 0) + 1 };
    }) };
  });
  const voting = candidates.flatMap((candidate) => candidate.samples).sort((a, b) => a.number - b.number);
  const ended = drawing.filter((span) => span.status === "ok").length;
  const lost = drawing.filter((span) => span.status === "lost");
  const drawn = facts.drawn ?? ended, asked = facts.asked ?? Math.max(drawn, drawing.length);
  const failed = facts.failed ?? drawing.filter((span) => span.status === "error").length;
  return { candidates, voting, drawn, asked, failed, lost, ok: drawing.filter((span) => span.status === "ok"),
    undrawn: Math.max(asked - drawn - failed, 0), ...whyStopped(facts.stopped ?? "") };
}

// `beta: the leader stays ahead, after 4 of 8; chosen by votes`: the rule, the reason and the notes apart.
function whyStopped(stopped) {
  const [told, ...notes] = stopped.split("; ");
  const bare = told.replace(/^after \d+ of \d+:?\s*/, "").replace(/(?:, |(?<=:) )after \d+ of \d+/, "");
  const [, rule, reason] = /^(\w+):\s*,?\s*(.*)$/.exec(bare) ?? [null, "", bare];
  return { rule, reason, notes };
}

function voteCard(vote, spans, { onSample, picked = null }) {
  const counted = countedVote(vote, spans);
  if (!counted.candidates.length) {
    const words = vote.status === "running" ? `${count(counted.drawn, "sample")} drawn so far; the vote is counted when the drawing ends.` : "No vote was counted.";
    return el("div", { class: "vote" }, el("p", { class: "dim", role: "status", text: words }));
  }
  const most = Math.max(...counted.candidates.map((candidate) => Number(candidate.weight ?? candidate.votes)), 1e-9);
  const button = (sample, text, extra = "") => el("button", {
    type: "button", class: `sample ${extra}`, text, disabled: !sample.span, "aria-pressed": String(picked === sample.key),
    "aria-label": `Sample ${sample.number}, answer ${sample.letter}`, title: sample.span ? `Show sample ${sample.number}` : "The step of this sample is not on record",
    onclick: () => onSample(sample),
  });
  return el("div", { class: "vote" }, stoppingLine(counted), counted.notes.length ? el("p", { class: "dim", text: counted.notes.join("; ") }) : "", track(counted, button),
    el("ol", { class: "candidates", "aria-label": "Candidates" }, ...counted.candidates.map((candidate) => candidateRow(candidate, most, button))));
}

function candidateRow(candidate, most, button) {
  const weight = Number(candidate.weight ?? candidate.votes);
  const weighed = Math.abs(weight - candidate.votes) > 0.0005;
  const words = count(candidate.votes, "vote") + (weighed ? ` · weight ${weight.toFixed(2)}` : "") + (candidate.examples ? ` · examples: ${candidate.examples}` : "");
  return el("li", { class: candidate.won ? "won" : "" },
    el("span", { class: "letter", "aria-hidden": "true", text: candidate.letter }),
    el("div", { class: "answer", title: candidate.answer, text: candidate.answer || "(empty)" }),
    el("div", { class: "tally" },
      el("span", { class: "track", "aria-hidden": "true" }, el("span", { class: "fill", style: { width: `${Math.max((weight / most) * 100, 1)}%` } })),
      el("span", { class: "dim", text: words }), candidate.won ? el("span", { class: "pill good", text: "➤ won" }) : ""),
    el("div", { class: "voters" }, ...candidate.samples.map((sample) => button(sample, `#${sample.number}`))));
}

// One cell a sample: those drawn with the letter of their answer, then the place where it stopped, then what was left out.
function track(counted, button) {
  const voted = counted.voting.map((sample) => button(sample, sample.letter, `cell${sample.letter === "A" ? " lead" : ""}`));
  const cell = (text, title, kind) => el("span", { class: `cell ${kind}`, title, "aria-hidden": "true", text });
  const fill = (many, make) => Array.from({ length: Math.max(many, 0) }, make);
  const silent = fill(counted.drawn - counted.voting.length, () => cell("–", "Drawn; no answer could be read from it", "silent"));
  const failed = fill(counted.failed, () => cell("×", "The call failed", "failed"));
  const cut = Math.min(counted.lost.length, counted.undrawn);
  const left = [...fill(cut, () => cell("⊘", "Cancelled while it was written", "undrawn")),
    ...fill(counted.undrawn - cut, () => cell("", "Never drawn", "undrawn"))];
  return el("div", { class: "cells", role: "group", "aria-label": `${counted.drawn} of ${counted.asked} samples drawn` },
    ...voted, ...silent, ...failed, left.length ? el("span", { class: "stop", "aria-hidden": "true", text: "stop" }) : "", ...left);
}

function stoppingLine(counted) {
  const { drawn, asked, undrawn, rule, reason } = counted;
  const head = undrawn ? `Stopped after ${drawn} of ${asked}` : `All ${asked} drawn`;
  return el("p", { class: "stopping" }, el("strong", { text: reason ? `${head}: ` : head }), reason,
    rule && rule !== "all" ? el("span", { class: "chip", text: `rule: ${rule}` }) : "", el("span", { class: "saved", text: savedWords(counted) }));
}

// What the samples that were left out would have used, at the mean of those drawn, less what the cancelled ones did use.
function savedWords({ undrawn, rule, drawn, ok, lost }) {
  if (!undrawn) return "";
  if (rule === "budget") return `A limit left ${count(undrawn, "sample")} undrawn.`;
  const used = (spans) => spans.reduce((sum, span) => ({
    tokens: sum.tokens + (span.input_tokens ?? 0) + (span.output_tokens ?? 0), cost: sum.cost + Number(span.cost_usd ?? 0),
  }), { tokens: 0, cost: 0 });
  const made = used(ok), cancelled = used(lost);
  const tokensSaved = drawn ? Math.round((made.tokens / drawn) * undrawn - cancelled.tokens) : 0;
  const costSaved = drawn ? (made.cost / drawn) * undrawn - cancelled.cost : 0;
  const amounts = [tokensSaved > 0 && `${tokens(tokensSaved)} tokens`, costSaved > 0 && dollars(costSaved)].filter(Boolean).join(" and ");
  return `Saved ${count(undrawn, "sample")}${amounts ? `: about ${amounts}, at the mean of those drawn` : ""}${lost.length ? ` (${lost.length} cancelled in the making)` : ""}.`;
}
