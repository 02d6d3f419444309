// The steps of a run on a time axis: a tree grid with virtual rows, an overview to zoom with, and the picked step's details.

const ROW = 24, SPARE = 8, MINIMAP = 38, LANES = 7;

class Waterfall {
  constructor(root) {
    this.root = root;
    this.folded = new Set();
    this.query = "";
    this.errorsOnly = false;
    this.plumbing = false;
    this.zoom = null;
    this.rows = [];
    this.active = null;
    this.details = new Details();
    this.build();
  }

  update({ data }) {
    this.details.context = data;
    followRun(this, data, { begin: () => this.begin(), onTrace: () => this.onTrace() });
    if (data.selected && data.selected !== this.wanted) {
      this.wanted = data.selected;
      if (this.trace.loaded) this.reveal(data.selected);
    }
    this.fit();
  }

  begin() {
    this.watch = new ResizeObserver(() => this.fit());
    this.watch.observe(document.body);
    this.watch.observe(this.root);
  }

  close() {
    this.unsubscribe?.();
    this.watch?.disconnect();
    cancelAnimationFrame(this.frame);
  }

  build() {
    const button = (text, run, props = {}) => el("button", { type: "button", class: "btn", text, onclick: run, ...props });
    const toggle = (text, name, title) => {
      const made = button(text, () => {
        this[name] = !this[name];
        made.setAttribute("aria-pressed", String(this[name]));
        this.rebuild();
      }, { "aria-pressed": "false", title });
      return made;
    };
    this.search = el("input", {
      type: "search", placeholder: "Find step…", "aria-label": "Find step",
      oninput: () => { this.query = this.search.value; this.rebuild(); },
      onkeydown: (event) => { if (event.key === "ArrowDown" || event.key === "Enter") { event.preventDefault(); this.scroll.focus(); } },
    });
    this.legend = el("div", { class: "legend", "aria-hidden": "true" });
    this.canvas = el("canvas", { class: "minimap", role: "img", "aria-label": "Overview of all steps; drag to zoom" });
    this.axis = el("div", { class: "axis", role: "columnheader", "aria-label": "Time axis" });
    const head = (text, kind) => el("div", { role: "columnheader", class: kind, text });
    this.heads = el("div", { class: "heads", role: "row", "aria-rowindex": "1" },
      head("Step", ""), head("Tokens", "num"), head("Cost", "num"), head("Time", "num"), this.axis);
    for (const cell of this.heads.querySelectorAll(".num")) cell.style.paddingRight = "8px";
    this.lines = el("div", {});
    this.layer = el("div", { class: "rows", role: "rowgroup" });
    this.scroll = el("div", {
      class: "scroll", role: "treegrid", tabindex: "0", "aria-label": "Steps of the run", "aria-colcount": "5",
      onscroll: () => this.draw(), onkeydown: (event) => this.onKey(event),
    }, this.heads, this.layer);
    this.reset = button("Reset zoom", () => { this.zoom = null; this.draw(); }, { hidden: true });
    this.shown = el("span", { role: "status" });
    this.problem = el("span", { class: "problem" });
    this.grid = el("div", { class: "wf panel" },
      el("div", { class: "bar-tools", role: "toolbar", "aria-label": "Steps" }, this.search,
        toggle("Errors", "errorsOnly", "Show only steps that failed, with their parents"),
        button("Collapse", () => this.foldAll(true)), button("Expand", () => this.foldAll(false)),
        toggle("Plumbing", "plumbing", "Show queue waits and message deliveries too"),
        this.reset, this.legend),
      this.canvas, this.scroll,
      el("div", { class: "foot" }, this.shown,
        el("span", { text: "↑↓ move · ←→ fold · Enter details · Esc close · E next error · + − zoom · / find" }), this.problem));
    this.details.onOpen = (id) => this.reveal(id);
    this.details.spans = () => [...this.trace.spans.values()];
    this.details.onClose = () => { this.unpick(); this.scroll.focus(); };
    this.split = el("div", { class: "split closed" }, this.grid, this.details.panel);
    this.root.replaceChildren(this.split);
    this.dragging();
  }

  // The grid takes the height that is left under it.
  fit() {
    const top = this.root.getBoundingClientRect().top;
    const scrolled = document.querySelector('[data-testid="stMain"]')?.scrollTop ?? 0;
    const height = Math.max(440, Math.round(window.innerHeight - top - scrolled - 26));
    this.split.style.setProperty("--height", `${height}px`);
    this.split.classList.toggle("narrow", this.root.clientWidth < 900);
    this.draw();
  }

  onTrace() {
    if (!this.trace.loaded && this.trace.problem) this.layer.replaceChildren(el("p", { class: "empty problem", role: "alert", text: this.trace.problem }));
    this.problem.textContent = this.trace.problem;
    this.rebuild();
    if (this.wanted && this.trace.spans.has(this.wanted)) { this.reveal(this.wanted); this.wanted = null; }
  }

  rebuild() {
    if (!this.trace?.loaded) return;
    this.tree = buildTree(this.trace.spans.values(), { plumbing: this.plumbing, now: this.trace.now() });
    this.rows = flatten(this.tree, this);
    const kinds = [...new Set(this.tree.order.map((node) => node.kind))].filter((kind) => kind !== "run");
    this.legend.replaceChildren(...kinds.map((kind) => el("span", {}, glyph(kind), (KINDS[kind] ?? ["", kind])[1])));
    this.draw();
    const picked = this.details.node && this.tree.nodes.get(this.details.node.id);
    if (picked) this.details.refresh(picked);
  }

  get range() { return this.zoom ?? [this.tree.start, this.tree.end]; }

  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.tree && this.paint());
  }

  paint() {
    const [from, to] = this.range;
    const total = this.tree.order.length;
    this.reset.hidden = !this.zoom;
    this.scroll.setAttribute("aria-rowcount", String(this.rows.length + 1));
    this.layer.style.height = `${this.rows.length * ROW}px`;
    const rows = this.rows.filter((node) => node.kind !== "run").length, { steps, hidden } = this.tree;
    const filtered = Boolean(this.query.trim()) || this.errorsOnly;
    this.shown.textContent = (filtered ? `${rows.toLocaleString("en")} of ` : "") + count(steps, "step") + (hidden ? `, ${hidden} of plumbing hidden` : "");
    this.paintAxis(from, to);
    const first = Math.max(0, Math.floor(this.scroll.scrollTop / ROW) - SPARE);
    const last = Math.min(this.rows.length, Math.ceil((this.scroll.scrollTop + this.scroll.clientHeight) / ROW) + SPARE);
    const drawn = this.rows.slice(first, last).map((node, index) => this.row(node, first + index, from, to));
    const nothing = total ? "No step fits. Change the search or the filter." : "No steps yet: they appear here as they begin.";
    if (!this.rows.length) drawn.push(el("p", { class: "empty", text: nothing }));
    this.layer.replaceChildren(el("div", { class: "lines", "aria-hidden": "true" }, this.lines), ...drawn);
    const active = this.rows[this.position()];
    if (active) this.scroll.setAttribute("aria-activedescendant", `step-${active.id}`);
    else this.scroll.removeAttribute("aria-activedescendant");
    this.paintMinimap();
  }

  paintAxis(from, to) {
    const offset = from - this.tree.start;
    const found = ticks(to - from, this.axis.clientWidth / 70);
    const place = (at) => `${(at / (to - from)) * 100}%`;
    this.axis.replaceChildren(...found.map((at) => el("span", { style: { left: place(at) }, text: tickName(offset + at) })));
    this.lines.replaceChildren(...found.slice(1).map((at) => el("i", { style: { left: place(at) } })));
  }

  row(node, index, from, to) {
    const span = node.span, parent = node.children.length > 0, open = !this.folded.has(node.id) || Boolean(this.query) || this.errorsOnly;
    const sum = parent && !node.own ? " sum" : "";
    const length = to - from;
    const bar = el("div", {
      class: `bar${node.end === null ? " open pulse" : ""}${node.error ? " bad" : ""}`,
      style: {
        left: `${((node.start - from) / length) * 100}%`, width: `${((node.until - node.start) / length) * 100}%`,
        background: `var(--k-${node.kind in KINDS ? node.kind : "run"})`,
      },
    });
    const cell = (kind, ...children) => el("div", { role: "gridcell", class: kind }, ...children);
    const took = milliseconds(node.until - node.start);
    const siblings = node.parent?.children ?? this.tree.roots;
    return el("div", {
      id: `step-${node.id}`, role: "row", "aria-level": node.depth + 1, "aria-rowindex": index + 2,
      "aria-setsize": siblings.length, "aria-posinset": siblings.indexOf(node) + 1,
      "aria-expanded": parent ? String(open) : null, "aria-selected": String(this.details.node?.id === node.id),
      class: `row${this.details.node?.id === node.id ? " picked" : ""}${this.active === node.id ? " active" : ""}`,
      style: { top: `${index * ROW}px` },
      onclick: () => { this.active = node.id; this.pick(node); },
      ondblclick: () => { this.zoom = [node.start, Math.max(node.until, node.start + 1)]; this.draw(); },
    },
    cell("name",
      el("span", { class: "guides", "aria-hidden": "true", style: { width: `${node.depth * 14}px` } }),
      el("span", { class: "twist", "aria-hidden": "true", text: parent ? (open ? "▼" : "▶") : "", onclick: (event) => { event.stopPropagation(); this.fold(node, open); } }),
      glyph(node.kind),
      node.failed ? el("span", { class: "mark", title: node.error ? span.status : "a step below failed", text: node.error ? "×" : "!" }) : "",
      el("span", { class: "what", text: titleOf(span), title: span.name }),
      span.agent && span.agent !== titleOf(span) ? el("span", { class: "who", text: span.agent }) : "",
      el("span", { class: "hidden", text: ` ${(KINDS[node.kind] ?? ["", node.kind])[1]}, ${span.status}` })),
    cell(`num${sum}`, tokens(node.tokens)),
    cell(`num${sum}`, node.cost ? dollars(node.cost) : ""),
    cell("num", node.end === null && span.status === "running" ? `${took}…` : took),
    cell("bars", bar));
  }

  paintMinimap() {
    const width = this.canvas.clientWidth, ratio = window.devicePixelRatio || 1;
    if (!width) return;
    this.canvas.width = width * ratio;
    this.canvas.height = MINIMAP * ratio;
    const brush = this.canvas.getContext("2d");
    brush.scale(ratio, ratio);
    const style = getComputedStyle(this.root);
    const paintOf = new Map();
    const colour = (name) => {
      if (!paintOf.has(name)) {
        this.canvas.style.color = `var(${name})`;
        paintOf.set(name, getComputedStyle(this.canvas).color);
      }
      return paintOf.get(name);
    };
    const scale = width / (this.tree.end - this.tree.start);
    const x = (at) => (at - this.tree.start) * scale;
    const leaves = this.tree.order.filter((node) => !node.children.length).sort((a, b) => a.start - b.start);
    for (const { node, lane } of lanes(leaves, LANES)) {
      brush.fillStyle = colour(`--k-${node.kind in KINDS ? node.kind : "run"}`);
      brush.fillRect(x(node.start), 4 + lane * 4.5, Math.max((node.until - node.start) * scale, 1.5), 3);
    }
    brush.fillStyle = colour("--bad");
    for (const node of leaves) if (node.error) brush.fillRect(x(node.start) - 1, 0, 2, MINIMAP);
    if (!this.zoom) return;
    brush.fillStyle = style.getPropertyValue("color-scheme") === "dark" ? "rgba(0, 0, 0, .55)" : "rgba(120, 130, 150, .28)";
    brush.fillRect(0, 0, x(this.zoom[0]), MINIMAP);
    brush.fillRect(x(this.zoom[1]), 0, width, MINIMAP);
  }

  dragging() {
    const at = (event) => {
      const box = this.canvas.getBoundingClientRect();
      const share = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
      return this.tree.start + share * (this.tree.end - this.tree.start);
    };
    let from = null;
    this.canvas.addEventListener("pointerdown", (event) => {
      if (!this.tree) return;
      from = at(event);
      this.canvas.setPointerCapture(event.pointerId);
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (from === null) return;
      const to = at(event);
      const least = (this.tree.end - this.tree.start) / 500;
      if (Math.abs(to - from) > least) { this.zoom = [Math.min(from, to), Math.max(from, to)]; this.draw(); }
    });
    const end = () => { from = null; };
    this.canvas.addEventListener("pointerup", end);
    this.canvas.addEventListener("pointercancel", end);
  }

  zoomBy(factor) {
    const [from, to] = this.range;
    const half = Math.max(((to - from) * factor) / 2, 0.5);
    const active = this.tree.nodes.get(this.active);
    const middle = active ? (Math.max(active.start, from) + Math.min(active.until, to)) / 2 : (from + to) / 2;
    const whole = half * 2 >= this.tree.end - this.tree.start;
    this.zoom = whole ? null : [Math.max(middle - half, this.tree.start), Math.min(middle + half, this.tree.end)];
    this.draw();
  }

  fold(node, shut) {
    if (shut) this.folded.add(node.id);
    else this.folded.delete(node.id);
    this.rebuild();
  }

  foldAll(shut) {
    this.folded = new Set(shut ? this.tree?.order.filter((node) => node.children.length && node.depth > 0).map((node) => node.id) : []);
    this.rebuild();
  }

  position() { return this.rows.findIndex((node) => node.id === this.active); }

  moveTo(index) {
    const node = this.rows[Math.min(Math.max(index, 0), this.rows.length - 1)];
    if (!node) return;
    this.active = node.id;
    this.layer.style.height = `${this.rows.length * ROW}px`; // not painted yet, and only what is there can be scrolled to
    const top = this.rows.indexOf(node) * ROW, view = this.scroll.clientHeight - ROW;
    if (top < this.scroll.scrollTop) this.scroll.scrollTop = top;
    else if (top + ROW > this.scroll.scrollTop + view) this.scroll.scrollTop = top + ROW - view;
    this.draw();
  }

  onKey(event) {
    if (!this.tree || event.ctrlKey || event.metaKey || event.altKey) return;
    const at = this.position(), node = this.rows[at], page = Math.floor(this.scroll.clientHeight / ROW) - 2;
    const keys = {
      ArrowDown: () => this.moveTo(at + 1), ArrowUp: () => this.moveTo(at - 1),
      PageDown: () => this.moveTo(at + page), PageUp: () => this.moveTo(at - page),
      Home: () => this.moveTo(0), End: () => this.moveTo(this.rows.length - 1),
      ArrowRight: () => {
        if (!node?.children.length) return;
        if (this.folded.has(node.id)) this.fold(node, false);
        else this.moveTo(at + 1);
      },
      ArrowLeft: () => {
        if (node?.children.length && !this.folded.has(node.id)) this.fold(node, true);
        else if (node?.parent) this.moveTo(this.rows.indexOf(node.parent));
      },
      Enter: () => node && this.pick(node), " ": () => node && this.pick(node),
      e: () => this.nextError(at), E: () => this.nextError(at),
      "+": () => this.zoomBy(0.5), "-": () => this.zoomBy(2), 0: () => { this.zoom = null; this.draw(); },
      "/": () => this.search.focus(), Escape: () => this.unpick(),
    };
    const run = keys[event.key];
    if (!run) return;
    event.preventDefault();
    event.stopPropagation();
    run();
  }

  nextError(at) {
    const failed = this.tree.order.filter((node) => node.error);
    if (!failed.length) return;
    const here = this.rows[at] ? this.tree.order.indexOf(this.rows[at]) : -1;
    const next = failed.find((node) => this.tree.order.indexOf(node) > here) ?? failed[0];
    this.reveal(next.id);
  }

  // Unfolds the ancestors, moves there and shows the details.
  reveal(id) {
    let node = this.tree?.nodes.get(id);
    if (node && !this.plumbing && PLUMBING.has(node.kind)) {
      while (node && PLUMBING.has(node.kind)) node = this.tree.nodes.get(node.span.parent_id);
    }
    if (!node) return;
    for (let up = node.parent; up; up = up.parent) this.folded.delete(up.id);
    this.rows = flatten(this.tree, this);
    this.moveTo(this.rows.indexOf(node));
    this.pick(node);
  }

  pick(node) {
    this.split.classList.remove("closed");
    this.details.show(node, this.runId);
    this.draw();
  }

  unpick() {
    this.split.classList.add("closed");
    this.details.node = null;
    this.draw();
  }
}

export default (component) => mounted(component, (root) => new Waterfall(root));
