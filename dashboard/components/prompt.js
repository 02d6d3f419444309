// A box to type a prompt in, which tells what stands in it whenever the typing pauses.

const PAUSE_MS = 300;

class Prompt {
  constructor(root) {
    this.box = el("textarea", { rows: "8", "aria-label": "Prompt", spellcheck: "true", oninput: () => this.typed(), onblur: () => this.tell() });
    root.replaceChildren(el("label", { class: "prompt" }, el("span", { text: "Prompt", "aria-hidden": "true" }), this.box));
  }

  // What is typed is newer than what the page knows of it: only a box that has just come takes its text from there.
  update({ data, setStateValue }) {
    this.setStateValue = setStateValue;
    if (this.told !== undefined) return;
    this.told = data.seed;
    this.box.value = data.seed;
    this.box.placeholder = data.placeholder;
  }

  typed() {
    clearTimeout(this.pause);
    this.pause = setTimeout(() => this.tell(), PAUSE_MS);
  }

  tell() {
    clearTimeout(this.pause);
    if (this.box.value === this.told) return;
    this.told = this.box.value;
    this.setStateValue("text", this.told);
  }

  close() { clearTimeout(this.pause); }
}

export default (component) => mounted(component, (root) => new Prompt(root));
