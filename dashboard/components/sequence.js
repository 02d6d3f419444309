// Who told whom what: a sequence of messages, a table of the same behind it, and the picked message's text.

const LINE = 26, TOP = 38, LEFT = 118, NARROWEST = 132;
const TYPES = { task: "T", draft: "D", critique: "C", reply: "R", final: "F", steer: "S" };

function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") node.textContent = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, String(value));
  }
  node.append(...children.filter(Boolean));
  return node;
}

// A round ends where somebody tells the same one the same kind of thing again.
function rounds(messages) {
  let number = 1, seen = new Set();
  return messages.map((message) => {
    const kind = `${message.sender}>${message.recipient}:${message.type}`;
    if (seen.has(kind)) { number += 1; seen = new Set(); }
    seen.add(kind);
    return number;
  });
}

class Sequence {
  constructor(root) {
    this.root = root;
    this.watch = new ResizeObserver(() => { if (root.clientWidth !== this.width) this.draw(); });
    this.watch.observe(root);
  }

  update({ data, setTriggerValue }) {
    this.trigger = setTriggerValue;
    const shown = JSON.stringify(data);
    if (shown === this.shown) return;
    this.shown = shown;
    this.data = data;
    this.draw();
  }

  close() { this.watch.disconnect(); }

  draw() {
    if (!this.data) return;
    this.width = this.root.clientWidth;
    const messages = this.data.messages.slice().sort((a, b) => (time(a.sent_at) ?? 0) - (time(b.sent_at) ?? 0));
    if (!messages.length) {
      this.root.replaceChildren(el("div", { class: "panel empty", text: this.data.terminal ? "No messages: one agent, or none, worked on this run." : "No messages yet." }));
      return;
    }
    this.panel = el("section", { class: "detail panel", "aria-label": "The message", "aria-live": "polite" });
    const types = [...new Set(messages.map((message) => message.type))];
    const narrow = this.width < 900;
    const picked = messages.find((message) => message.id === this.picked);
    const room = this.width - (narrow || !picked ? 0 : 354) - 4;
    const legend = el("div", { class: "legend" }, el("span", { text: count(messages.length, "message") }), ...types.map((type) =>
      el("span", { class: `t-${type}` }, el("span", { class: "glyph", "aria-hidden": "true", text: TYPES[type] ?? "•" }), type)));
    this.root.replaceChildren(
      el("div", { class: `split${narrow || !picked ? " narrow" : ""}` },
        el("div", { class: "panel" }, el("div", { class: "seq" }, this.picture(messages, room)), legend), picked ? this.panel : ""),
      this.table(messages));
    if (picked) this.show(picked);
  }

  pick(message) {
    this.picked = message?.id;
    this.draw();
    this.root.querySelector(".msg.picked")?.focus();
  }

  picture(messages, room) {
    const people = [...new Set(messages.flatMap((message) => [message.sender, message.recipient]))];
    const step = Math.max(NARROWEST, (room - LEFT) / people.length);
    const width = LEFT + step * people.length, height = TOP + messages.length * LINE + 12;
    const x = (name) => LEFT + step * (people.indexOf(name) + 0.5);
    const first = time(messages[0].sent_at);
    const numbers = rounds(messages);
    const bands = [], lines = [];
    messages.forEach((message, index) => {
      const y = TOP + index * LINE;
      if (numbers[index] !== numbers[index - 1]) {
        const size = numbers.filter((number) => number === numbers[index]).length;
        if (numbers[index] % 2 === 0) bands.push(svg("rect", { class: "band", x: 0, y, width, height: size * LINE }));
        if (numbers.at(-1) > 1) bands.push(svg("text", { class: "round", x: 8, y: y + 17, text: `round ${numbers[index]}` }));
      }
      lines.push(this.arrow(message, x(message.sender), x(message.recipient), y, first, width, numbers[index]));
    });
    const heads = people.map((name) => svg("g", {},
      svg("rect", { class: "post", x: x(name) - step / 2 + 8, y: 6, width: step - 16, height: 22, rx: 5 }),
      svg("text", { class: "person", x: x(name), y: 21, "text-anchor": "middle", text: fitted(name, step - 26) }, svg("title", { text: name }))));
    const lives = people.map((name) => svg("line", { class: "life", x1: x(name), x2: x(name), y1: 28, y2: height }));
    return svg("svg", { width, height, role: "list", "aria-label": "Messages in order" }, ...bands, ...lives, ...lines, ...heads);
  }

  arrow(message, from, to, y, first, width, round) {
    const words = message.content.replace(/\s+/g, " ").trim();
    const at = time(message.sent_at);
    const since = at === null || first === null ? "" : `+${((at - first) / 1000).toFixed(2)} s`;
    const middle = y + 18, way = to >= from ? 1 : -1, self = from === to;
    const tip = self ? from + 34 : to - way * 1;
    const label = fitted(words || message.type, Math.max(Math.abs(to - from) - 40, 96));
    const said = `${since} ${message.sender} to ${message.recipient}, ${message.type}: ${words}`;
    const open = () => this.pick(message);
    return svg("g", {
      class: `msg t-${message.type}${this.picked === message.id ? " picked" : ""}`, tabindex: 0, role: "listitem", "aria-label": said, "data-id": message.id,
      onclick: open, onkeydown: (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); open(); } this.walk(event); },
    },
    svg("title", { text: `round ${round} · ${said}` }),
    svg("rect", { class: "hit", x: 1, y: y + 1, width: width - 2, height: LINE - 2, rx: 4 }),
    svg("text", { class: "when", x: 62, y: y + 17, text: since }),
    svg("line", { x1: from, x2: self ? tip : to - way * 7, y1: middle, y2: middle, stroke: "var(--type)", "stroke-width": 1.6 }),
    svg("path", { d: `M ${tip} ${middle} l ${-way * 8} -4.5 v 9 z`, style: "fill: var(--type)" }),
    svg("rect", { x: from - 7, y: middle - 7, width: 14, height: 14, rx: 4, style: "fill: var(--type)" }),
    svg("text", { class: "letter", x: from, y: middle + 3.5, "text-anchor": "middle", text: TYPES[message.type] ?? "•" }),
    svg("text", { x: self ? from + 44 : (from + to) / 2, y: middle - 4, "text-anchor": self ? "start" : "middle", text: label }));
  }

  walk(event) {
    const rows = [...this.root.querySelectorAll(".msg")];
    const next = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!next) return;
    event.preventDefault();
    rows[rows.indexOf(event.currentTarget) + next]?.focus();
  }

  show(message) {
    const step = message.span_id && el("button", { type: "button", class: "btn", text: "Open the step", onclick: () => this.trigger("step", message.span_id) });
    this.panel.replaceChildren(
      el("div", { class: "title" }, el("h2", { text: `${message.sender} → ${message.recipient}` }),
        el("button", { type: "button", class: "close", "aria-label": "Close the message", text: "×", onclick: () => this.pick(null) })),
      el("div", { class: "chips" }, el("span", { class: "chip", text: message.type }), message.sent_at ? el("span", { class: "chip", text: local(message.sent_at) }) : "",
        message.tainted ? el("span", { class: "pill wait", title: "Goes back to something untrusted: web, file, mail", text: "! untrusted source" }) : ""),
      el("div", { class: "box", tabindex: "0" }, el("pre", { text: message.content })), step || "");
  }

  table(messages) {
    const heads = ["Time", "From", "To", "Type", "Message"];
    return el("details", { class: "table" }, el("summary", { text: "The same as a table" }),
      el("table", {}, el("caption", { class: "hidden", text: "Messages in order" }),
        el("thead", {}, el("tr", {}, ...heads.map((text) => el("th", { scope: "col", text })))),
        el("tbody", {}, ...messages.map((message) => el("tr", {},
          ...[message.sent_at ? local(message.sent_at) : "", message.sender, message.recipient, message.type, message.content].map((text) => el("td", { text })))))));
  }
}

function fitted(text, width) {
  const most = Math.max(Math.floor(width / 6.4), 4);
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

export default (component) => mounted(component, (root) => new Sequence(root));
