// @ts-check
// The list of files and what they are.

import { byId, byteSize, element } from "./dom.js";
import { describe } from "./labels.js";

/** The most rows that are kept; older ones go. */
const MOST = 200;

const list = byId("results", HTMLUListElement);

/** A row for a file, above the others, which says nothing yet. */
export class Row {
  /** @param {File} file */
  constructor(file) {
    this.file = file;
    this.label = element("span", "label", "…");
    this.about = element("span", "about", byteSize(file.size));
    this.score = element("span", "score");
    this.root = element("li", "", element("span", "name", file.name), this.label, this.about, this.score);
    this.root.title = file.name;
    list.prepend(this.root);
    while (list.childElementCount > MOST) list.lastElementChild?.remove();
  }

  /** @param {string} label @param {number} [score] absent if it took no model */
  tell(label, score) {
    this.label.textContent = label;
    this.label.classList.remove("bad");
    this.about.textContent = [describe(label), byteSize(this.file.size)].filter(Boolean).join(" · ");
    if (score === undefined) return this.score.replaceChildren();
    const bar = this.score.querySelector("i") ?? element("i", "");
    if (!bar.isConnected) {
      const track = element("span", "bar", bar);
      track.ariaHidden = "true";
      this.score.replaceChildren(track, element("span", ""));
    }
    bar.style.transform = `scaleX(${score})`;
    const percent = this.score.lastElementChild;
    if (percent !== null) percent.textContent = `${(score * 100).toFixed(1)} %`;
  }

  /** @param {string} reason */
  fail(reason) {
    this.label.textContent = reason;
    this.label.classList.add("bad");
    this.score.replaceChildren();
  }
}

/** Forgets all rows. */
export function clear() {
  list.replaceChildren();
}
