// What a conversation is, apart from how it looks.
//
// { id, title, created, updated, messages } with messages
//   { role: "user", text, files: [{ name, text }] }
//   { role: "assistant", text, reasoning, calls: [{ id, name, arguments }], model, seed, finish, error, tokens, seconds }
//   { role: "tool", text, call }          what came of a call

const TITLE_MOST = 60;
const MESSAGES_MOST = 10000;

export function newConversation() {
  const now = Date.now();
  return { id: crypto.getRandomValues(new Uint32Array(4)).join("-"), title: "", created: now, updated: now, messages: [] };
}

export function newAnswer(model, seed) {
  return { role: "assistant", text: "", reasoning: "", calls: [], model, seed, finish: "", error: "", tokens: 0, seconds: 0 };
}

export function titleOf(conversation) {
  return conversation.title === "" ? "New conversation" : conversation.title;
}

export function titleFrom(text) {
  const line = text.trim().split("\n")[0];
  return line.length <= TITLE_MOST ? line : `${line.slice(0, TITLE_MOST - 1)}…`;
}

// ---- from outside: the store of an older version, an imported file ----

const textOf = (value) => (typeof value === "string" ? value : "");
const numberOf = (value) => (Number.isFinite(value) ? value : 0);
const listOf = (value) => (Array.isArray(value) ? value : []);

function checkedMessage(m) {
  const role = m?.role;
  if (role === "user") {
    return { role, text: textOf(m.text), files: listOf(m.files).map((f) => ({ name: textOf(f?.name), text: textOf(f?.text) })) };
  }
  if (role === "tool") {
    return { role, text: textOf(m.text), call: textOf(m.call) };
  }
  if (role === "assistant") {
    const calls = listOf(m.calls).map((c) => ({ id: textOf(c?.id), name: textOf(c?.name), arguments: textOf(c?.arguments) }));
    return {
      role, calls, text: textOf(m.text), reasoning: textOf(m.reasoning), model: textOf(m.model), seed: numberOf(m.seed),
      finish: textOf(m.finish), error: textOf(m.error), tokens: numberOf(m.tokens), seconds: numberOf(m.seconds),
    };
  }
  return null;
}

// A conversation made of the fields above alone; null where it is none.
export function checked(value) {
  if (typeof value?.id !== "string" || value.id === "" || !Array.isArray(value.messages) || value.messages.length > MESSAGES_MOST) {
    return null;
  }
  const messages = value.messages.map(checkedMessage);
  if (messages.includes(null)) {
    return null;
  }
  return { id: value.id, title: textOf(value.title), created: numberOf(value.created), updated: numberOf(value.updated), messages };
}

// ---- to the server ----

// Longer than any run of backticks inside.
function fenceFor(text) {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  return "`".repeat(longest + 1);
}

function withFiles(message) {
  const parts = message.files.map((file) => {
    const fence = fenceFor(file.text);
    return `File ${file.name}:\n${fence}\n${file.text}\n${fence}`;
  });
  return [message.text, ...parts].filter((part) => part !== "").join("\n\n");
}

function sent(message) {
  if (message.role === "tool") {
    return { role: "tool", content: message.text, tool_call_id: message.call };
  }
  if (message.role === "user") {
    return { role: "user", content: withFiles(message) };
  }
  const made = { role: "assistant", content: message.text };
  if (message.calls.length > 0) {
    made.tool_calls = message.calls.map((c) => ({ id: c.id, type: "function", function: { name: c.name, arguments: c.arguments } }));
  }
  return made;
}

const isEmpty = (m) => m.role === "assistant" && m.text === "" && m.calls.length === 0;

// The body of POST /v1/chat/completions.
export function requestOf(conversation, settings, model, seed) {
  const messages = conversation.messages.filter((m) => !isEmpty(m)).map(sent);
  if (settings.system !== "") {
    messages.unshift({ role: "system", content: settings.system });
  }
  const request = { model, messages, seed };
  for (const name of ["temperature", "top_p", "top_k", "max_tokens"]) {
    if (settings[name] !== null) {
      request[name] = settings[name];
    }
  }
  if (settings.tools.length > 0) {
    request.tools = settings.tools;
  }
  return request;
}

// A chunk of the stream into the answer.
export function addChunk(answer, chunk) {
  const choice = chunk.choices?.[0];
  const delta = choice?.delta ?? {};
  answer.text += delta.content ?? "";
  answer.reasoning += delta.reasoning_content ?? "";
  for (const part of delta.tool_calls ?? []) {
    const at = part.index ?? answer.calls.length;
    while (answer.calls.length <= at && at < 100) {
      answer.calls.push({ id: "", name: "", arguments: "" });
    }
    const call = answer.calls[at];
    if (call !== undefined) {
      call.id = part.id ?? call.id;
      call.name += part.function?.name ?? "";
      call.arguments += part.function?.arguments ?? "";
    }
  }
  answer.finish = choice?.finish_reason ?? answer.finish;
  answer.tokens = chunk.usage?.completion_tokens ?? answer.tokens;
}
