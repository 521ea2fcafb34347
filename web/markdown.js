// A model's text to elements. marked reads the Markdown; HTML in it stays text; what comes out goes through
// sanitise.js; code and formulas are then made from the text that is left.
import { button, copyText, el } from "./dom.js";
import { loadHighlight, loadKatex, loadMarked } from "./libraries.js";
import { sanitise } from "./sanitise.js";

const HIGHLIGHTED_MOST = 100000;   // characters of code that are coloured
const FORMULA_MOST = 5000;

const marked = await loadMarked();

function escaped(text) {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

// Formulas: $$…$$ and \[…\] as paragraphs, $…$ and \(…\) in a line. A dollar before a digit, or with a space inside,
// is a price.
const blockFormula = {
  name: "blockFormula",
  level: "block",
  start: (text) => text.match(/^ {0,3}(?:\$\$|\\\[)/m)?.index,
  tokenizer(text) {
    const found = /^ {0,3}(?:\$\$([\s\S]+?)\$\$|\\\[([\s\S]+?)\\\])[ \t]*(?:\n|$)/.exec(text);
    return found === null ? undefined : { type: "blockFormula", raw: found[0], text: (found[1] ?? found[2]).trim() };
  },
  renderer: (token) => `<p><code class="math-block">${escaped(token.text)}</code></p>`,
};
const lineFormula = {
  name: "lineFormula",
  level: "inline",
  start: (text) => text.match(/\$|\\\(|\\\[/)?.index,
  tokenizer(text) {
    const found = /^(?:\$\$([^$\n]+?)\$\$|\$(?![\s\d])((?:[^$\\\n]|\\[^\n])*?[^\s$\\])\$(?!\d)|\\\(([\s\S]+?)\\\)|\\\[([\s\S]+?)\\\])/.exec(text);
    return found === null ? undefined
      : { type: "lineFormula", raw: found[0], text: (found[1] ?? found[2] ?? found[3] ?? found[4]).trim() };
  },
  renderer: (token) => `<code class="math-line">${escaped(token.text)}</code>`,
};

const renderer = {
  html: (html) => escaped(html),
  // Titles of a message are below the page's own.
  heading: (text, level) => `<h${Math.min(level + 2, 6)}>${text}</h${Math.min(level + 2, 6)}>`,
  // Never fetched: an address that one may open. (`text` comes as it was written.)
  image: (href, title, text) => `<a href="${escaped(href ?? "")}">${escaped(text || "image")}</a>`,
};

marked.use({ gfm: true, headerIds: false, mangle: false, extensions: [blockFormula, lineFormula], renderer });

// ---- after sanitising ----

function mendLink(link) {
  const address = link.getAttribute("href");
  if (address === null) {
    link.replaceWith(...link.childNodes);   // to somewhere that is not allowed
    return;
  }
  link.setAttribute("target", "_blank");
  link.setAttribute("rel", "noopener noreferrer nofollow");
  link.setAttribute("title", address);   // whatever its text says
}

// A name that highlight.js knows, of a fence's first word.
function languageOf(code) {
  const word = /^language-([\w#+.-]{1,30})/.exec(code.className);
  return word === null ? "" : word[1].toLowerCase();
}

async function colour(code, language) {
  const highlight = await loadHighlight();
  if (code.isConnected && highlight.getLanguage(language) !== undefined) {
    code.replaceChildren(sanitise(highlight.highlight(language, code.textContent, true).value));
  }
}

function mendCode(pre) {
  const code = pre.firstElementChild;
  const language = languageOf(code);
  const text = code.textContent;
  code.removeAttribute("class");
  pre.setAttribute("tabindex", "0");
  pre.setAttribute("role", "region");
  pre.setAttribute("aria-label", language === "" ? "Code" : `Code, ${language}`);
  const box = el("div", { class: "code" },
    el("div", { class: "code-head" }, el("span", {}, language), button("Copy", () => copyText(text), { "aria-label": "Copy the code" })));
  pre.replaceWith(box);
  box.append(pre);
  if (language !== "" && text.length <= HIGHLIGHTED_MOST) {
    requestAnimationFrame(() => colour(code, language));
  }
}

// \fcolorbox and \pmb would ask for a style that this page's policy refuses.
const MACROS = { "\\fcolorbox": "\\colorbox{#2}{#3}", "\\pmb": "\\boldsymbol{#1}" };

async function formula(code, block) {
  const katex = await loadKatex();
  const made = el("span", { class: block ? "math-block" : "math-line" });
  if (!code.isConnected) {
    return;
  }
  try {
    katex.render(code.textContent, made, {
      displayMode: block, throwOnError: true, strict: "ignore", trust: false, maxSize: 20, maxExpand: 200, macros: { ...MACROS },
    });
    code.replaceWith(made);
  } catch {
    code.removeAttribute("class");   // no formula: it stays as it was written
  }
}

function mendTable(table) {
  const box = el("div", { class: "table-box", role: "region", "aria-label": "Table", tabindex: "0" });
  table.replaceWith(box);
  box.append(table);
}

function mend(fragment) {
  fragment.querySelectorAll("a").forEach(mendLink);
  fragment.querySelectorAll("pre").forEach(mendCode);
  fragment.querySelectorAll("table").forEach(mendTable);
  fragment.querySelectorAll("code.math-block, code.math-line").forEach((code) => {
    if (code.textContent.length <= FORMULA_MOST) {
      requestAnimationFrame(() => formula(code, code.className === "math-block"));
    }
  });
  fragment.querySelectorAll("input").forEach((box) => {
    box.setAttribute("aria-label", box.checked ? "done" : "to do");   // of a list of tasks
  });
}

// A fragment to be shown. Whatever the text is, there is one.
export function render(text) {
  let html;
  try {
    html = marked.parse(text);
  } catch {
    html = `<pre><code>${escaped(text)}</code></pre>`;
  }
  const fragment = sanitise(html);
  mend(fragment);
  return fragment;
}
