// The list of runs: a table whose rows open the run's page.

class Runs {
  constructor(root) {
    this.root = root;
    this.clock = setInterval(() => this.refresh(), 10000);
  }

  close() { clearInterval(this.clock); }

  update({ data, setTriggerValue }) {
    this.trigger = setTriggerValue;
    const shown = JSON.stringify(data);
    if (shown === this.shown) return;
    this.shown = shown;
    if (!data.runs.length) {
      this.root.replaceChildren(el("div", { class: "panel empty", text: data.empty }));
      return;
    }
    const heads = [["Status", ""], ["Task", ""], ["Rung", ""], ["Model", ""], ["Effort", ""], ["Steps", "num"], ["Tokens", "num"], ["Cost", "num"], ["Time", "num"], ["Started", "num"]];
    this.root.replaceChildren(el("div", { class: "panel list" }, el("table", { class: "runs" },
      el("caption", { class: "hidden", text: "Runs, newest first" }),
      el("thead", {}, el("tr", {}, ...heads.map(([text, kind]) => el("th", { scope: "col", class: kind, text })))),
      el("tbody", {}, ...data.runs.map((run) => this.row(run))))));
  }

  row(run) {
    const open = () => this.trigger("open", run.id);
    const cell = (text, kind = "") => el("td", { class: kind, text: text || "–" });
    const started = run.started_at ?? run.created_at;
    return el("tr", { onclick: (event) => { if (!event.target.closest("a")) open(); } },
      el("td", {}, pill(run.status)),
      el("td", { class: "title" }, link(`/run?id=${encodeURIComponent(run.id)}`, open, { title: run.title }, run.title || run.id)),
      cell(run.rung || (run.team && `team ${run.team}`), "dim"), cell(run.model, "dim"), cell(run.effort, "dim"),
      cell(run.steps ? run.steps.toLocaleString("en") : "", "num"), cell(tokens(run.tokens), "num"), cell(dollars(run.cost_usd), "num"),
      cell(seconds(run.seconds), "num"), el("td", { class: "num dim when", title: started ? local(started) : "", "data-at": started ?? "", text: started ? ago(started) : "–" }));
  }

  refresh() {
    for (const cell of this.root.querySelectorAll(".when[data-at]")) if (cell.dataset.at) cell.textContent = ago(cell.dataset.at);
  }
}

export default (component) => mounted(component, (root) => new Runs(root));
