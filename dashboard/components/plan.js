// The plan of a run, or what the router would do: rungs with what is expected of each, and the reasons.

class PlanCard {
  constructor(root) { this.root = root; }

  update({ data }) {
    const shown = JSON.stringify(data);
    if (shown === this.shown) return;
    this.shown = shown;
    this.root.replaceChildren(el("section", { class: "panel card", "aria-label": data.heading },
      el("h2", { text: data.heading }), data.plan ? planTable(data.plan, data) : el("p", { class: "dim", text: data.empty })));
  }
}

export default (component) => mounted(component, (root) => new PlanCard(root));
