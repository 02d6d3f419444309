// From spans to rows: the tree with its totals, what a search leaves of it, and the ticks and lanes of the time axis.

const PLUMBING = new Set(["queue", "message"]);

// O(n). Nodes of hidden kinds hand their children to the nearest ancestor that is shown.
function buildTree(spans, { plumbing, now }) {
  const nodes = new Map();
  for (const span of spans) {
    const start = time(span.start);
    nodes.set(span.span_id, {
      id: span.span_id, span, kind: kindOf(span), children: [], start, end: time(span.end), until: time(span.end) ?? Math.max(now, start),
      tokens: (span.input_tokens ?? 0) + (span.output_tokens ?? 0), cost: Number(span.cost_usd ?? 0),
      own: Boolean(span.input_tokens || span.output_tokens || Number(span.cost_usd ?? 0)),
      error: ["error", "lost"].includes(statusOf(span)), failed: false, depth: 0, parent: null,
    });
  }
  const shown = (node) => plumbing || !PLUMBING.has(node.kind);
  const roots = [];
  for (const node of nodes.values()) {
    if (!shown(node)) continue;
    let parent = nodes.get(node.span.parent_id);
    while (parent && !shown(parent)) parent = nodes.get(parent.span.parent_id);
    node.parent = parent ?? null;
    (parent ? parent.children : roots).push(node);
  }
  const byStart = (a, b) => a.start - b.start || (a.span.seq ?? 0) - (b.span.seq ?? 0);
  const order = [];
  const stack = roots.sort(byStart).slice().reverse();
  while (stack.length) {
    const node = stack.pop();
    order.push(node);
    for (const child of node.children.sort(byStart)) child.depth = node.depth + 1;
    stack.push(...node.children.slice().reverse());
  }
  for (const node of order.slice().reverse()) {
    node.failed ||= node.error;
    if (!node.parent) continue;
    node.parent.tokens += node.tokens;
    node.parent.cost += node.cost;
    node.parent.failed ||= node.failed;
  }
  const start = Math.min(...order.map((node) => node.start));
  const end = Math.max(...order.map((node) => node.until));
  const steps = order.filter((node) => node.kind !== "run").length;
  const hidden = nodes.size - order.length;
  return { roots, order, nodes, steps, hidden, start: order.length ? start : 0, end: order.length ? Math.max(end, start + 1) : 1 };
}

function matches(node, query) {
  const span = node.span;
  return [titleOf(span), span.name, span.agent, span.model, node.kind, statusOf(span)].some((word) => word?.toLowerCase().includes(query));
}

// The rows to draw, top to bottom. A search or the errors filter keeps the ancestors of what it finds, unfolded.
function flatten(tree, { folded, query, errorsOnly }) {
  const wanted = query.trim().toLowerCase();
  let keep = null;
  if (wanted || errorsOnly) {
    keep = new Set();
    for (const node of tree.order) {
      if ((wanted && !matches(node, wanted)) || (errorsOnly && !node.error)) continue;
      for (let up = node; up && !keep.has(up); up = up.parent) keep.add(up);
    }
  }
  const rows = [];
  const stack = tree.roots.slice().reverse();
  while (stack.length) {
    const node = stack.pop();
    if (keep && !keep.has(node)) continue;
    rows.push(node);
    if (keep || !folded.has(node.id)) stack.push(...node.children.slice().reverse());
  }
  return rows;
}

function ticks(length, wanted) {
  const rough = length / Math.max(wanted, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const found = [];
  for (let at = 0; at <= length * 0.94; at += step) found.push(at);
  return found;
}

function tickName(ms) {
  if (ms === 0) return "0";
  if (ms < 1000) return `${+ms.toPrecision(3)} ms`;
  return ms < 60000 ? `${+(ms / 1000).toFixed(2)} s` : `${Math.floor(ms / 60000)} m${ms % 60000 ? ` ${Math.round((ms % 60000) / 1000)} s` : ""}`;
}

// Puts leaves into as few lanes as they need without touching, at most `most`.
function lanes(leaves, most) {
  const ends = [];
  return leaves.map((node) => {
    let lane = ends.findIndex((end) => end <= node.start);
    if (lane < 0) lane = ends.length < most ? ends.length : most - 1;
    ends[lane] = node.until;
    return { node, lane };
  });
}
