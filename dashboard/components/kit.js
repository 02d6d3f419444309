// What every component shares: elements out of text (never out of HTML), units, states, kinds of step, and the mounting.

const KINDS = {
  run: ["W", "run"], route: ["R", "router"], queue: ["Q", "queue"], attempt: ["↻", "attempt"], samples: ["n", "samples"],
  turn: ["A", "agent"], model: ["L", "model"], tool: ["T", "tool"], check: ["✓", "check"], vote: ["v", "vote"], message: ["M", "message"],
};
const LONGEST = 20000;
const STATES = {
  queued: ["◷", ""], running: ["●", "going"], waiting: ["◷", "going"], waiting_approval: ["!", "wait"],
  succeeded: ["✓", "good"], unverified: ["?", ""], truncated: ["…", ""], cancelled: ["–", ""],
  failed: ["×", "bad"], expired: ["×", "bad"], dead: ["×", "bad"],
  ok: ["✓", "good"], error: ["×", "bad"], lost: ["?", "bad"],
  pass: ["✓", "good"], fail: ["×", "bad"], unsure: ["?", ""],
};

function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") node.textContent = value;
    else if (name === "style") Object.assign(node.style, value);
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false && child !== ""));
  return node;
}

// A call that was given up because its answer was no longer needed is no failure.
function statusOf(span) { return span.status === "lost" && span.attributes?.error === "cancelled" ? "cancelled" : span.status; }

function stateName(status) { return status === "waiting_approval" ? "waits for you" : status; }

function pill(status, extra = "") {
  const [glyph, tone] = STATES[status] ?? ["•", ""];
  const mark = el("span", { "aria-hidden": "true", text: glyph, class: status === "running" ? "pulse" : "" });
  return el("span", { class: `pill ${tone}` }, mark, stateName(status) + extra);
}

function kindOf(span) {
  const manySamples = span.kind === "attempt" && / n<=/.test(span.attributes?.rung ?? "");
  return manySamples ? "samples" : span.kind;
}

// A step's name without what its glyph says already; an attempt is known by its rung.
function titleOf(span) {
  if (span.kind === "attempt" && span.attributes?.rung) return `attempt ${span.attributes.rung}`;
  return span.name.replace(/^(invoke_workflow|invoke_agent|execute_tool) /, "");
}

function glyph(kind) {
  const [letter, word] = KINDS[kind] ?? ["•", kind];
  return el("span", { class: "glyph", style: { background: `var(--k-${kind in KINDS ? kind : "run"})` }, title: word, "aria-hidden": "true", text: letter });
}

function milliseconds(ms) {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return "";
  if (ms > 0 && ms < 1) return "<1 ms";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60000) return `${(ms / 1000).toFixed(ms < 10000 ? 2 : 1)} s`;
  if (ms < 3600000) return `${Math.floor(ms / 60000)} m ${Math.round((ms % 60000) / 1000)} s`;
  return `${Math.floor(ms / 3600000)} h ${Math.round((ms % 3600000) / 60000)} m`;
}

function seconds(value) { return value === null || value === undefined ? "" : milliseconds(Number(value) * 1000); }

function tokens(count) {
  if (!count) return "";
  if (count < 1000) return String(count);
  if (count < 999500) return `${(count / 1000).toFixed(count < 99950 ? 1 : 0)}k`;
  return `${(count / 1e6).toFixed(1)}M`;
}

function dollars(value) {
  const amount = Number(value ?? 0);
  if (amount === 0) return "$0";
  if (amount < 0.0001) return "<$0.0001";
  if (amount < 0.01) return `$${amount.toFixed(4)}`;
  return amount < 1 ? `$${amount.toFixed(3)}` : `$${amount.toFixed(2)}`;
}

function percent(value) { return value === null || value === undefined ? "" : `${Math.round(value * 100)}%`; }

function count(number, noun) { return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`; }

// Milliseconds since 1970 with the microseconds kept, which Date.parse cuts off.
function time(iso) {
  if (!iso) return null;
  const found = /^(.{19})(\.\d+)?(.*)$/.exec(iso);
  return Date.parse(found[1] + (found[3] || "Z")) + (found[2] ? Number(found[2]) * 1000 : 0);
}

function ago(iso) {
  const passed = (Date.now() - time(iso)) / 1000;
  for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"]]) {
    if (Math.abs(passed) >= size) return `${Math.floor(passed / size)} ${unit} ago`;
  }
  return passed < 5 ? "just now" : `${Math.floor(passed)} s ago`;
}

function local(iso) { return new Date(time(iso)).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" }); }

function rungName(rung) {
  if (rung.method === "calculate") return "calculate";
  if (rung.method === "team") return `team ${rung.team ?? ""}`;
  return [rung.method, rung.model, rung.effort, rung.samples > 1 ? `n≤${rung.samples}` : ""].filter(Boolean).join(" ");
}

// A long text shows its beginning, and the rest on demand.
function clipped(text) {
  const shown = el("pre", { text: text.slice(0, LONGEST) });
  if (text.length <= LONGEST) return shown;
  const more = el("button", { type: "button", class: "btn", text: `Show all ${text.length.toLocaleString("en")} characters`, onclick: () => { shown.textContent = text; more.remove(); } });
  return el("div", {}, shown, more);
}

// A link that opens inside the app on a plain click, and in a new tab when the user asks for one.
function link(href, onOpen, props, ...children) {
  const follow = (event) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    onOpen();
  };
  return el("a", { href, onclick: follow, ...props }, ...children);
}

// Streamlit calls the default export again at every rerun: the instance stays with its root until that leaves the page.
function mounted(component, create) {
  const root = component.parentElement;
  root.pointsman ??= create(root.querySelector(".pm"));
  root.pointsman.update(component);
  return () => setTimeout(() => {
    if (root.isConnected || !root.pointsman) return;
    root.pointsman.close?.();
    delete root.pointsman;
  }, 0);
}
