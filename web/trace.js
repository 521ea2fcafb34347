// Where an answer's words stand in the data that the model was trained on: spans underlined, documents below.
import { el } from "./dom.js";

const SPACE = /\s/u;

// What is written, without white space: Markdown may have turned a line's end into a space, or taken spaces away.
function bare(text) {
  return [...text].filter((c) => !SPACE.test(c)).join("");
}

// An element's characters but white space, one behind the other, with the place of each.
function charactersOf(root) {
  const places = [];
  let text = "";
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    if (node.parentElement.closest("a, button, .katex") !== null) {
      continue;
    }
    for (let at = 0; at < node.data.length; at++) {
      if (!SPACE.test(node.data[at])) {
        text += node.data[at];
        places.push({ node, at });
      }
    }
  }
  return { text, places };
}

function timesIn(text, part) {
  let times = 0;
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + 1)) {
    times++;
  }
  return times;
}

// Where the span begins in what is shown: behind as many equal ones as in what was written. -1: it is not shown as it was written.
function findSpan(shown, before, part) {
  let at = shown.indexOf(part);
  for (let left = timesIn(before, part); left > 0 && at >= 0; left--) {
    at = shown.indexOf(part, at + 1);
  }
  return at;
}

// The pieces of text nodes that lie in places[from] … places[to - 1]; the last first, so that what is before stays where it is.
function piecesOf(places, from, to) {
  const pieces = [];
  for (let i = from; i < to; i++) {
    const last = pieces.at(-1);
    if (last !== undefined && last.node === places[i].node) {
      last.end = places[i].at + 1;
    } else {
      pieces.push({ node: places[i].node, begin: places[i].at, end: places[i].at + 1 });
    }
  }
  return pieces.reverse();
}

function underlinePiece(piece, label, open) {
  const range = document.createRange();
  range.setStart(piece.node, piece.begin);
  range.setEnd(piece.node, piece.end);
  const mark = el("button", { type: "button", class: "traced", "aria-label": label, onclick: open });
  range.surroundContents(mark);
}

// Underlines spans in `root`, which shows `written`; `open(index)` is called for the one that is clicked. The last comes first, and of those that
// overlap only what the ones behind leave.
export function underline(root, written, spans, open) {
  const bytes = new TextEncoder().encode(written);
  const decoder = new TextDecoder();
  const { text, places } = charactersOf(root);
  let limit = places.length;
  for (let index = spans.length - 1; index >= 0; index--) {
    const span = spans[index];
    const part = bare(span.text);
    const from = part === "" ? -1 : findSpan(text, bare(decoder.decode(bytes.slice(0, span.begin))), part);
    const to = Math.min(from + part.length, limit);
    if (from >= 0 && from < to) {
      const label = `${span.text.trim()}: stands in the training data, show where`;
      piecesOf(places, from, to).forEach((piece) => underlinePiece(piece, label, () => open(index)));
      limit = from;
    }
  }
}

// ---- documents ----

function facts(document_) {
  const rows = [["Source", document_.source], ["Place", document_.place], ["Licence", document_.licence], ["Declared in", document_.evidence],
    ["Held out", document_.held_out ? "yes: not trained on" : null]];
  return el("dl", { class: "facts" }, ...rows.filter(([, value]) => value !== null && value !== "")
    .flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, String(value))]));
}

// "package acl 2.3.1-3, usr/share/…" of a place in a Debian package; other places stay as they are.
function nameOf(document_) {
  const found = /^([^_:]+)_([^_:]+)_[^_:]+\.deb:(.*)$/su.exec(document_.place ?? "");
  return found !== null ? `package ${found[1]} ${found[2].replace("%3a", ":")}, ${found[3]}` : document_.place ?? document_.source ?? "a document";
}

function documentBox(document_) {
  const name = nameOf(document_);
  const mark = el("mark", {}, document_.match);
  const text = el("pre", { tabindex: "0", role: "region", "aria-label": `Text of ${name}` }, document_.before, mark, document_.after);
  const box = el("details", {}, el("summary", {}, `${name} · ${document_.licence ?? "licence unknown"} · relevance ${document_.relevance}`), facts(document_), text);
  box.addEventListener("toggle", () => {   // to the match, which may be far down
    text.scrollTop += mark.getBoundingClientRect().top - text.getBoundingClientRect().top - text.clientHeight / 2;
  });
  return box;
}

function spanBox(span) {
  const box = el("details", { class: "span" }, el("summary", {}, `“${span.text.trim()}” · ${span.count} ${span.count === 1 ? "place" : "places"}`),
    ...span.documents.map(documentBox));
  return box;
}

// The list of spans below an answer, and what opens one of them.
export function traceBox(trace) {
  const boxes = trace.spans.map(spanBox);
  const said = trace.spans.length === 0 ? "Nothing of this stands word for word in the training data."
    : "Underlined words stand in the training data; that does not prove that the model has them from there.";
  const box = el("div", { class: "trace" }, el("p", { class: "quiet" }, said), ...boxes);
  function open(index) {
    boxes.forEach((b, i) => {
      b.open = i === index;
    });
    const first = boxes[index].querySelector("details");
    if (first !== null) {
      first.open = true;
    }
    boxes[index].firstChild.focus();
    boxes[index].scrollIntoView({ block: "nearest" });
  }
  return { box, open };
}
