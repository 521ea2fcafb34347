// What may be part of a message: an allow-list of elements and attributes, over DOMPurify. Nothing that loads, runs,
// names (id, name: what scripts look up by) or styles is on it.
import { loadPurify } from "./libraries.js";

const TAGS = [
  "a", "blockquote", "br", "code", "del", "em", "h2", "h3", "h4", "h5", "h6", "hr", "input", "li", "ol", "p", "pre", "span", "strong",
  "table", "tbody", "td", "th", "thead", "tr", "ul",
];
const ATTRIBUTES = ["align", "checked", "class", "disabled", "href", "start", "type"];
const ADDRESS = /^(?:https?:\/\/|mailto:)/i;

// Debian 12's DOMPurify (2.4.1+dfsg+~2.4.0-2+deb12u1) asks a variable that is none for its depth, so that every text with
// an element throws; the check stands there by mistake (the right ones are within the loops). With this it passes.
globalThis.shadowNode ??= Object.freeze({ __depth: 0 });

const purify = await loadPurify();

// A fragment, not yet part of the document.
export function sanitise(html) {
  return purify.sanitize(html, {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ATTRIBUTES,
    ALLOW_ARIA_ATTR: false,
    ALLOW_DATA_ATTR: false,
    ALLOWED_URI_REGEXP: ADDRESS,
    ADD_URI_SAFE_ATTR: ["align", "start", "type"],   // others' values are addresses, or empty
    RETURN_DOM_FRAGMENT: true,
  });
}
