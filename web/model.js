// The view of models: what each is, its recipe, where its data came from.
import { byId, el, notice } from "./dom.js";
import { describeModel, listModels } from "./api.js";

const addressOf = (name) => `#/models/${encodeURIComponent(name)}`;

function bytes(value) {
  const units = ["bytes", "KB", "MB", "GB", "TB"];
  let at = 0;
  while (value >= 1000 && at < units.length - 1) {
    value /= 1000;
    at++;
  }
  return `${at === 0 ? value : value.toPrecision(3)} ${units[at]}`;
}

const count = (value) => value.toLocaleString("en");

function facts(rows) {
  return el("dl", { class: "facts" }, ...rows.filter(([, value]) => value !== null && value !== undefined && value !== "")
    .flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, String(value))]));
}

function table(label, heads, rows) {
  return el("div", { class: "table-box", role: "region", "aria-label": label, tabindex: "0" }, el("table", {},
    el("thead", {}, el("tr", {}, ...heads.map((head) => el("th", { scope: "col" }, head)))),
    el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map((cell) => el("td", {}, String(cell ?? ""))))))));
}

function shape(m) {
  const s = m.shape;
  return facts([
    ["Family", m.family], ["Parameters", count(m.parameters)], ["Layers", s.layers], ["Width", s.width],
    ["Heads", s.heads === s.kv_heads ? s.heads : `${s.heads}, ${s.kv_heads} of keys and values`],
    ["Experts", s.experts > 0 ? `${s.experts}, ${s.experts_per_token} a token` : ""],
    ["Vocabulary", count(s.vocabulary)], ["Context", `${count(s.context)} tokens`],
  ]);
}

// What the files beside the model say of how it was made and from what.
function origin(m) {
  const parts = [];
  if (m.sources !== undefined) {
    parts.push(el("h3", {}, "Where its data came from"),
      table("Sources", ["Source", "Kind", "Licence", "Declared in", "Language", "Documents"],
        m.sources.map((s) => [s.name, s.kind, s.licence ?? "each document's own", s.evidence, s.language, s.documents])));
  }
  if (m.recipe !== undefined) {
    parts.push(el("h3", {}, "Recipe"), el("pre", { tabindex: "0", role: "region", "aria-label": "Recipe" }, m.recipe));
  }
  if (m.recipe_error !== undefined) {
    parts.push(el("p", { class: "wrong" }, `There is a recipe beside it that cannot be read: ${m.recipe_error}`));
  }
  return parts.length > 0 ? parts
    : [el("p", {}, "Its files do not say how it was made: there is no recipe beside them.")];
}

function about(m) {
  return [
    el("h2", {}, m.name),
    el("p", {}, m.description ?? ""),
    facts([
      ["Its own name", m.title], ["Licence", m.licence ?? "not stated in its files"],
      ["Container", m.container === "gguf" ? "GGUF" : "Hugging Face folder"],
      ["Weights", bytes(m.formats.reduce((sum, f) => sum + f.bytes, 0))],
      ["Chat template", m.chat_template ? "yes" : "none"],
    ]),
    el("h3", {}, "Shape"), shape(m),
    el("h3", {}, "Number formats"),
    table("Number formats", ["Format", "Tensors", "Values", "Bytes"], m.formats.map((f) => [f.format, f.tensors, count(f.values), bytes(f.bytes)])),
    ...origin(m),
  ];
}

export async function showModel(name) {
  try {
    const names = await listModels();
    const shown = names.includes(name) ? name : names[0];
    byId("model-names").replaceChildren(...names.map((n) => el("li", {}, el("a", { href: addressOf(n), "aria-current": n === shown ? "page" : null }, n))));
    byId("model-about").replaceChildren(...(shown === undefined ? [el("p", {}, "This server has no models.")] : about(await describeModel(shown))));
    notice("");
  } catch (error) {
    byId("model-about").replaceChildren();
    notice(error.message);
  }
}
