// Other people's libraries, each fetched when it is first needed. They come from this server (docs/page.md) and put
// themselves into the global object.

const asked = new Map();

function library(file, name) {
  if (!asked.has(file)) {
    asked.set(file, import(`/page/lib/${file}`).then(() => globalThis[name]));
  }
  return asked.get(file);
}

export const loadMarked = () => library("marked.umd.min.js", "marked");
export const loadPurify = () => library("purify.min.js", "DOMPurify");
export const loadHighlight = () => library("highlight.min.js", "hljs");
export const loadKatex = () => library("katex.js", "katex");
export const loadChart = () => library("chart.min.js", "Chart");
