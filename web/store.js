// Conversations in this browser: IndexedDB, and memory alone where the browser keeps nothing.
import { checked } from "./conversation.js";

const NAME = "hearth";
const STORE = "conversations";

let database = null;
let kept = new Map();

function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

// Ends when what was written is safe: a full disk is told by the transaction alone.
function written(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new DOMException("aborted", "AbortError"));
  });
}

// "" or why nothing is kept.
export async function openStore() {
  try {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" });
    database = await done(request);
    const all = await done(database.transaction(STORE).objectStore(STORE).getAll());
    kept = new Map(all.map(checked).filter((c) => c !== null).map((c) => [c.id, c]));
    return "";
  } catch {
    database = null;
    return "This browser keeps nothing (a private window?): conversations last until this page is closed.";
  }
}

// The one that was used last comes first.
export function allConversations() {
  return [...kept.values()].sort((a, b) => b.updated - a.updated);
}

export function getConversation(id) {
  return kept.get(id) ?? null;
}

function why(error) {
  return error?.name === "QuotaExceededError"
    ? "The browser's storage is full: what is new is lost when this page is closed. Export and delete conversations to make room."
    : `The browser did not keep the conversation (${error?.name ?? "unknown error"}).`;
}

// "" or what to tell the user; it stays in memory in any case.
export async function putConversation(conversation) {
  kept.set(conversation.id, conversation);
  if (database === null) {
    return "";
  }
  try {
    const transaction = database.transaction(STORE, "readwrite");
    transaction.objectStore(STORE).put(structuredClone(conversation));
    await written(transaction);
    return "";
  } catch (error) {
    return why(error);
  }
}

export async function removeConversation(id) {
  kept.delete(id);
  if (database !== null) {
    const transaction = database.transaction(STORE, "readwrite");
    transaction.objectStore(STORE).delete(id);
    await written(transaction).catch(() => {});
  }
}
