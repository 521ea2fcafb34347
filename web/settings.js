// How answers are drawn, the key, the colours: the dialog and what is kept of it.
/* global applyTheme, readTheme */
import { ask, byId } from "./dom.js";
import { apiKey, setApiKey } from "./api.js";

const KEPT = "hearth.settings";
const NUMBERS = ["temperature", "top_p", "top_k", "max_tokens", "seed"];

let settings = { system: "", tools: [], model: "", temperature: null, top_p: null, top_k: null, max_tokens: null, seed: null };

export function getSettings() {
  return settings;
}

function keep() {
  try {
    localStorage.setItem(KEPT, JSON.stringify(settings));
  } catch {
    // they last as long as this page
  }
}

export function setModel(name) {
  settings.model = name;
  keep();
}

// Of what was kept, the fields that are known, each of its type.
function readKept() {
  let kept = {};
  try {
    kept = JSON.parse(localStorage.getItem(KEPT)) ?? {};
  } catch {
    return;
  }
  for (const name of NUMBERS) {
    settings[name] = Number.isFinite(kept[name]) ? kept[name] : null;
  }
  settings.system = typeof kept.system === "string" ? kept.system : "";
  settings.model = typeof kept.model === "string" ? kept.model : "";
  settings.tools = Array.isArray(kept.tools) ? kept.tools : [];
}

function fill() {
  byId("set-system").value = settings.system;
  for (const name of NUMBERS) {
    byId(`set-${name}`).value = settings[name] ?? "";
  }
  byId("set-tools").value = settings.tools.length === 0 ? "" : JSON.stringify(settings.tools, null, 1);
  byId("set-key").value = apiKey();
  byId("set-theme").value = readTheme();
  byId("settings-wrong").textContent = "";
}

function readTools() {
  const text = byId("set-tools").value.trim();
  if (text === "") {
    return [];
  }
  let tools;
  try {
    tools = JSON.parse(text);
  } catch (error) {
    throw new Error(`The tools are no JSON: ${error.message}`);
  }
  if (!Array.isArray(tools) || tools.some((tool) => typeof tool?.function?.name !== "string")) {
    throw new Error('The tools are a list of {"type": "function", "function": {"name": …}}.');
  }
  return tools;
}

function setTheme(theme) {
  try {
    localStorage.setItem("hearth.theme", theme);
  } catch {
    // until this page is closed
  }
  applyTheme(theme);
}

function save() {
  const tools = readTools();
  for (const name of NUMBERS) {
    const text = byId(`set-${name}`).value;
    settings[name] = text === "" ? null : Number(text);
  }
  settings.tools = tools;
  settings.system = byId("set-system").value;
  keep();
  setApiKey(byId("set-key").value.trim());
  setTheme(byId("set-theme").value);
}

// `changed` is called when something was saved.
export function startSettings(changed) {
  readKept();
  byId("settings-form").addEventListener("submit", (event) => {
    if (event.submitter?.value !== "save") {
      return;
    }
    try {
      save();
    } catch (error) {
      event.preventDefault();
      byId("settings-wrong").textContent = error.message;
    }
  });
  byId("settings-open").addEventListener("click", () => openSettings(changed));
}

export async function openSettings(changed) {
  if (byId("settings").open) {
    return;
  }
  fill();
  if (await ask(byId("settings")) === "save") {
    changed();
  }
}
