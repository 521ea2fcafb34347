// The page: which view is shown, keys, and how it begins.
import { byId, el, notice } from "./dom.js";
import { stopAnswering } from "./answering.js";
import { currentConversation, pressLast, showConversation, showModels, startChat } from "./chat.js";
import { goBeside, goNew, startList, toggleList } from "./list.js";
import { hideLive, showLive, startLive } from "./live.js";
import { showModel } from "./model.js";
import { openSettings, startSettings } from "./settings.js";
import { openStore } from "./store.js";

// ---- views ----

let shown = "";

function showView(name, title) {
  if (shown === "live" && name !== "live") {
    hideLive();
  }
  for (const view of ["chat", "models", "live"]) {
    byId(`view-${view}`).hidden = view !== name;
  }
  byId("list").hidden = byId("list-toggle").hidden = name !== "chat";
  document.querySelectorAll(".top nav a").forEach((link, i) => {
    if (["chat", "models", "live"][i] === name) {
      link.setAttribute("aria-current", "page");
    } else {
      link.removeAttribute("aria-current");
    }
  });
  if (title !== "") {
    document.title = `${title} – Openhearth`;
    if (shown !== "" && shown !== name) {
      byId(`${name}-title`).focus();
    }
  }
  shown = name;
}

// The conversation that one comes back to.
function mendChatLink() {
  const { id, messages } = currentConversation();
  document.querySelector(".top nav a").href = messages.length > 0 ? `#/c/${id}` : "#/";
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function route() {
  const [, view, ...rest] = location.hash.split("/");
  const name = decoded(rest.join("/"));
  if (view === "models") {
    showView("models", "Models");
    showModel(name);
  } else if (view === "live") {
    const was = shown;
    showView("live", "Live");
    if (was !== "live") {
      showLive();
    }
  } else {
    showView("chat", "");
    showConversation(view === "c" ? name : "");
  }
  mendChatLink();
}

// ---- keys ----

const KEYS = [
  { keys: "Enter", what: "send the message" },
  { keys: "Shift+Enter", what: "a new line in it" },
  { keys: "Escape", what: "stop the answer", code: "Escape", run: stopAnswering },
  { keys: "Alt+N", what: "new conversation", code: "KeyN", run: goNew },
  { keys: "Alt+↑", what: "conversation above in the list", code: "ArrowUp", run: () => goBeside(-1) },
  { keys: "Alt+↓", what: "conversation below in the list", code: "ArrowDown", run: () => goBeside(1) },
  { keys: "Alt+E", what: "edit the last question", code: "KeyE", run: () => pressLast("edit") },
  { keys: "Alt+R", what: "ask for the last answer again", code: "KeyR", run: () => pressLast("retry") },
  { keys: "Alt+M", what: "write a message", code: "KeyM", run: () => byId("question").focus() },
  { keys: "Alt+S", what: "settings", code: "KeyS", run: () => openSettings(refresh) },
  { keys: "Alt+H", what: "this list", code: "KeyH", run: () => byId("help").showModal() },
];

function press(event) {
  const plain = event.code === "Escape";
  const key = KEYS.find((k) => k.code === event.code && event.altKey !== plain && !event.ctrlKey && !event.metaKey);
  if (key === undefined || document.querySelector("dialog[open]") !== null) {
    return;
  }
  event.preventDefault();
  if (plain) {
    toggleList(false);
  }
  key.run();
}

function startKeys() {
  byId("shortcuts").replaceChildren(...KEYS.flatMap(({ keys, what }) => [
    el("dt", {}, ...keys.split("+").flatMap((k, i) => [i > 0 ? "+" : "", el("kbd", {}, k)])), el("dd", {}, what)]));
  byId("help-open").addEventListener("click", () => byId("help").showModal());
  document.addEventListener("keydown", press);
}

// ---- beginning ----

async function refresh() {
  try {
    await showModels();
    notice("");
  } catch (error) {
    notice(error.message);
  }
}

const wrong = await openStore();
startSettings(refresh);
startList();
startChat();
startLive();
startKeys();
window.addEventListener("hashchange", route);
window.addEventListener("hearth-address", mendChatLink);
route();
await refresh();
if (wrong !== "") {
  notice(wrong);
}
document.documentElement.dataset.ready = "true";
