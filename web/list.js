// The list of conversations.
import { byId, button, el, notice } from "./dom.js";
import { isAnswering, stopAnswering } from "./answering.js";
import { titleOf } from "./conversation.js";
import { allConversations, removeConversation } from "./store.js";
import { exportAll, importFile } from "./transfer.js";

let shown = "";

function row(conversation) {
  const title = titleOf(conversation);
  return el("li", {},
    button(title, () => go(conversation.id), { class: "open", title, "aria-current": conversation.id === shown ? "page" : null }),
    button("✕", () => remove(conversation), { "aria-label": `Delete ${title}` }));
}

export function showList(id) {
  shown = id;
  byId("conversations").replaceChildren(...allConversations().map(row));
}

export function toggleList(open) {
  byId("list").classList.toggle("shown", open);
  byId("list-toggle").setAttribute("aria-expanded", String(open));
}

function go(id) {
  toggleList(false);
  location.hash = `#/c/${id}`;
}

export function goNew() {
  toggleList(false);
  location.hash = "#/new";
}

// The one above or below in the list.
export function goBeside(step) {
  const all = allConversations();
  const at = all.findIndex((c) => c.id === shown);
  const next = all[at === -1 ? 0 : at + step];
  if (next !== undefined) {
    go(next.id);
  }
}

async function remove(conversation) {
  if (!confirm(`Delete “${titleOf(conversation)}”? It is kept nowhere else.`)) {
    return;
  }
  if (isAnswering(conversation)) {
    stopAnswering();
  }
  await removeConversation(conversation.id);
  if (conversation.id === shown) {
    goNew();
  } else {
    showList(shown);
  }
}

export function startList() {
  const input = byId("import-file");
  byId("new").addEventListener("click", goNew);
  byId("list-toggle").addEventListener("click", () => toggleList(!byId("list").classList.contains("shown")));
  byId("export-all").addEventListener("click", exportAll);
  byId("import").addEventListener("click", () => input.click());
  input.addEventListener("change", async () => {
    try {
      const conversations = await importFile(input.files[0]);
      notice("");
      if (conversations.length > 0) {
        go(conversations[0].id);
      }
    } catch (error) {
      notice(error.message);
    }
    showList(shown);
    input.value = "";
  });
}
