// The view of a conversation: its messages, and the field where one writes.
import { announce, ask, byId, el, notice } from "./dom.js";
import { answer, isAnswering, runningAnswer, stopAnswering } from "./answering.js";
import { isTraced, listModels, traceAnswer } from "./api.js";
import { newConversation, titleFrom, titleOf } from "./conversation.js";
import { hasFiles, startFiles, takeFiles } from "./files.js";
import { showList } from "./list.js";
import { messageView } from "./message.js";
import { getSettings, setModel } from "./settings.js";
import { getConversation, putConversation } from "./store.js";
import { exportJson, exportMarkdown } from "./transfer.js";

let current = newConversation();
let views = new Map();   // of messages that are shown

export function currentConversation() {
  return current;
}

// ---- what is shown ----

const log = () => byId("log");

// Who reads at the end stays there while messages grow; who has scrolled up is left alone.
let atEnd = true;
const watcher = new ResizeObserver(() => {
  if (atEnd) {
    toEnd();
  }
});

function toEnd() {
  log().scrollTop = log().scrollHeight;
}

function lookWhere() {
  atEnd = log().scrollHeight - log().scrollTop - log().clientHeight < 80;
}

function showHead() {
  byId("chat-title").textContent = titleOf(current);
  document.title = `${titleOf(current)} – Openhearth`;
  const empty = current.messages.length === 0;
  for (const id of ["rename", "export-markdown", "export-json"]) {
    byId(id).hidden = empty;
  }
  showList(current.id);
}

function showButtons() {
  byId("stop").hidden = !isAnswering();
  byId("send").hidden = isAnswering();
}

function addView(message) {
  const view = messageView(message, actions);
  views.set(message, view);
  watcher.observe(view.element);
  if (message === runningAnswer()) {
    view.update(true);
  }
  return view.element;
}

function showMessages() {
  views = new Map();
  watcher.disconnect();
  const elements = current.messages.map(addView);
  log().replaceChildren(...(elements.length > 0 ? elements
    : [el("p", { class: "empty" }, "Ask something. Conversations stay in this browser.")]));
  atEnd = true;
  toEnd();
}

export function showConversation(id) {
  const found = id === "" ? null : getConversation(id);
  if (found !== null) {
    current = found;
  } else if (id !== "" || current.messages.length > 0) {
    current = newConversation();
  }
  showHead();
  showMessages();
  showButtons();
  byId("question").focus();
}

// ---- answers ----

// Draws what came, as often as drawing is cheap.
function drawer(conversation, message) {
  let next = 0;
  let timer = 0;
  function draw(over) {
    const view = views.get(message);
    timer = 0;
    if (conversation !== current || view === undefined) {
      return;
    }
    const began = performance.now();
    view.update(!over);
    next = performance.now() + Math.max(50, 4 * (performance.now() - began));
  }
  return (over) => {
    if (over) {
      clearTimeout(timer);
      draw(true);
    } else if (timer === 0) {
      timer = setTimeout(draw, Math.max(0, next - performance.now()), false);
    }
  };
}

function tellEnd(message) {
  const spoken = message.text.length > 600 ? `${message.text.slice(0, 600)}…` : message.text;
  announce(message.error !== "" ? `The answer failed: ${message.error}` : `Answer: ${spoken}`);
}

// Asks where the answer's words stand, and shows it where the answer is shown.
async function traceMessage(conversation, message) {
  const asked = conversation.messages.slice(0, conversation.messages.indexOf(message)).findLast((m) => m.role === "user");
  try {
    const found = await traceAnswer(message.model, asked?.text ?? "", message.text);
    if (conversation === current) {
      views.get(message)?.showTrace(found);
    }
  } catch (error) {
    notice(error.message);
  }
}

async function askForAnswer() {
  const conversation = current;
  const model = byId("model").value;
  let draw = null;
  notice("");
  announce("Answering.");
  const wrong = await answer(conversation, getSettings(), model, (over) => {
    const message = conversation.messages.at(-1);
    if (draw === null) {   // the answer has just begun
      draw = drawer(conversation, message);
      showMessages();
      showHead();
      showButtons();
    }
    draw(over);
    if (over) {
      showButtons();
      showList(current.id);
      tellEnd(message);
    }
  });
  if (wrong !== "") {
    notice(wrong);
  }
  const made = conversation.messages.at(-1);
  if (made.role === "assistant" && made.error === "" && made.text !== "" && isTraced(made.model)) {
    await traceMessage(conversation, made);
  }
}

function begin(message) {
  current.messages.push(message);
  if (current.title === "") {
    current.title = titleFrom(message.text === "" ? message.files[0].name : message.text);
    history.replaceState(null, "", `#/c/${current.id}`);
    window.dispatchEvent(new Event("hearth-address"));
  }
  askForAnswer();
}

function send() {
  const field = byId("question");
  const text = field.value.trim();
  if (isAnswering() || (text === "" && !hasFiles())) {
    return;
  }
  field.value = "";
  begin({ role: "user", text, files: takeFiles() });
}

// ---- what one may do with messages ----

const actions = {
  // Asked anew: what came after it is gone.
  edit(message, text) {
    if (!isAnswering() && text.trim() !== "") {
      current.messages.length = current.messages.indexOf(message);
      begin({ role: "user", text: text.trim(), files: message.files });
      byId("question").focus();
    }
  },
  retry(message) {
    if (!isAnswering()) {
      current.messages.length = current.messages.indexOf(message);
      askForAnswer();
      byId("question").focus();
    }
  },
  isTraced(message) {
    return isTraced(message.model);
  },
  trace(message) {
    if (message !== runningAnswer()) {
      traceMessage(current, message);
    }
  },
  redraw() {
    showMessages();
    byId("question").focus();
  },
  // A call of the last answer that has no result yet.
  awaits(message, call) {
    const at = current.messages.indexOf(message);
    const after = current.messages.slice(at + 1);
    return message !== runningAnswer() && after.every((m) => m.role === "tool" && m.call !== call.id);
  },
  // The model goes on when all its calls have their results.
  result(call, text) {
    if (isAnswering()) {
      return;
    }
    current.messages.push({ role: "tool", text, call: call.id });
    const asked = current.messages.findLast((m) => m.role === "assistant");
    if (asked.calls.some((c) => actions.awaits(asked, c))) {
      putConversation(current);
      showMessages();
    } else {
      askForAnswer();
    }
  },
};

// The last question is edited, the last answer asked for again: for the keys.
export function pressLast(name) {
  const all = log().querySelectorAll(`.act-${name}`);
  all[all.length - 1]?.click();
}

// ---- the rest of the view ----

export async function showModels() {
  const names = await listModels();
  const wanted = getSettings().model;
  byId("model").replaceChildren(...names.map((name) => el("option", { value: name, selected: name === wanted }, name)));
  views.forEach((view) => view.offer?.());
}

async function rename() {
  byId("rename-text").value = current.title;
  if (await ask(byId("rename-dialog")) === "save" && byId("rename-text").value.trim() !== "") {
    current.title = byId("rename-text").value.trim();
    notice(await putConversation(current));
    showHead();
  }
}

export function startChat() {
  startFiles();
  log().addEventListener("scroll", lookWhere);
  byId("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  byId("question").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      send();
    }
  });
  byId("stop").addEventListener("click", () => {
    stopAnswering();
    byId("question").focus();
  });
  byId("model").addEventListener("change", () => setModel(byId("model").value));
  byId("rename").addEventListener("click", rename);
  byId("export-markdown").addEventListener("click", () => exportMarkdown(current));
  byId("export-json").addEventListener("click", () => exportJson(current));
}
