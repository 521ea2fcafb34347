// What may be part of a message: an allow-list of elements and attributes, over DOMPurify. Nothing that loads, runs,
// names (id, name: what scripts look up by) or styles is on it.
import { loadPurify } from "./libraries.js";

const TAGS = [
  "a", "blockquote", "br", "code", "del", "em", "h2", "h3", "h4", "h5", "h6", "hr", "input", "li", "ol", "p", "pre", "span", "strong",
  "table", "tbody", "td", "th", "thead", "tr", "ul",
];
const ATTRIBUTES = ["align", "checked", "class", "disabled", "href", "start", "type"];
const ADDRESS = /^(?:https?:\/\/|mailto:)/i;

const purify = await loadPurify();

// A fragment, not yet part of the document.
export function sanitise(html) {
  return purify.sanitize(html, {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ATTRIBUTES,
    ALLOW_ARIA_ATTR: false,
    ALLOW_DATA_ATTR: false,
    ALLOWED_URI_REGEXP: ADDRESS,
    RETURN_DOM_FRAGMENT: true,
  });
}
