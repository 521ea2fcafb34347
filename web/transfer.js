// Conversations to files and back.
import { allConversations, getConversation, putConversation } from "./store.js";
import { checked, newConversation, titleOf } from "./conversation.js";
import { download } from "./dom.js";

const FORMAT = "hearth-conversations";
const IMPORT_MOST = 64 * 1024 * 1024;

function fileName(conversation, ending) {
  const name = titleOf(conversation).replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "").slice(0, 50);
  return `${name === "" ? "conversation" : name}.${ending}`;
}

function exportText(conversations) {
  return JSON.stringify({ format: FORMAT, version: 1, conversations }, null, 2);
}

export function exportJson(conversation) {
  download(fileName(conversation, "json"), "application/json", exportText([conversation]));
}

export function exportAll() {
  download("conversations.json", "application/json", exportText(allConversations()));
}

function quoted(title, text) {
  return `> **${title}**\n>\n${text.split("\n").map((line) => `> ${line}`).join("\n")}\n\n`;
}

function markdownOf(message) {
  if (message.role === "tool") {
    return quoted(`Result of ${message.call}`, message.text);
  }
  let text = message.role === "user" ? "## You\n\n" : `## ${message.model === "" ? "Answer" : message.model}\n\n`;
  for (const file of message.files ?? []) {
    text += quoted(`File ${file.name}`, file.text);
  }
  text += message.reasoning ? quoted("Thinking", message.reasoning) : "";
  text += message.text === "" ? "" : `${message.text}\n\n`;
  for (const call of message.calls ?? []) {
    text += quoted(`Call of ${call.name}`, call.arguments);
  }
  return text;
}

export function exportMarkdown(conversation) {
  const text = `# ${titleOf(conversation)}\n\n${conversation.messages.map(markdownOf).join("")}`;
  download(fileName(conversation, "md"), "text/markdown", text);
}

// Adds the conversations of a file; those that are there already come again under another id. Throws with a sentence.
export async function importFile(file) {
  if (file.size > IMPORT_MOST) {
    throw new Error(`${file.name} is larger than 64 MB.`);
  }
  let read;
  try {
    read = JSON.parse(await file.text());
  } catch {
    throw new Error(`${file.name} is no JSON.`);
  }
  const conversations = read?.format === FORMAT && Array.isArray(read.conversations) ? read.conversations.map(checked) : [null];
  if (conversations.includes(null)) {
    throw new Error(`${file.name} holds no conversations that were exported here.`);
  }
  let wrong = "";
  for (const conversation of conversations) {
    if (getConversation(conversation.id) !== null) {
      conversation.id = newConversation().id;
    }
    wrong = (await putConversation(conversation)) || wrong;
  }
  if (wrong !== "") {
    throw new Error(wrong);
  }
  return conversations;
}
