// The server: its models, its metrics, and answers as they come.

const KEY = "hearth.key";
let keyHere = "";   // where the browser keeps nothing

export function apiKey() {
  try {
    return sessionStorage.getItem(KEY) ?? keyHere;
  } catch {
    return keyHere;
  }
}

export function setApiKey(key) {
  keyHere = key;
  try {
    sessionStorage.setItem(KEY, key);
  } catch {
    // it lives as long as this page
  }
}

export class ServerError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function refusal(response) {
  let message = `${response.status} ${response.statusText}`;
  try {
    message = (await response.json()).error.message ?? message;
  } catch {
    // no JSON: somebody between this page and the server spoke
  }
  const hint = response.status === 401 ? " Settings has a field for an API key." : "";
  return new ServerError(response.status, message + hint);
}

async function ask(path, options = {}) {
  const headers = { ...options.headers };
  if (apiKey() !== "") {
    headers.Authorization = `Bearer ${apiKey()}`;
  }
  let response;
  try {
    response = await fetch(path, { cache: "no-store", credentials: "omit", redirect: "error", ...options, headers });
  } catch (error) {
    throw error.name === "AbortError" ? error : new ServerError(0, "The server does not answer.");
  }
  if (!response.ok) {
    throw await refusal(response);
  }
  return response;
}

let traced = new Set();   // models whose training data the server has an index of

export function isTraced(name) {
  return traced.has(name);
}

export async function listModels() {
  const list = await (await ask("/v1/models")).json();
  traced = new Set(list.data.filter((model) => model.traced === true).map((model) => String(model.id)));
  return list.data.map((model) => String(model.id));
}

export async function describeModel(name) {
  const path = name.split("/").map(encodeURIComponent).join("/");
  return (await ask(`/api/hearth/models/${path}`)).json();
}

// Which of an answer's words stand in the data that its model was trained on.
export async function traceAnswer(model, prompt, text) {
  const response = await ask("/v1/trace", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ model, prompt, text }),
  });
  return (await response.json()).trace;
}

export async function readMetrics(signal) {
  return (await ask("/metrics", { signal })).text();
}

// The data of a stream's events, one after the other (Server-Sent Events).
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    rest += value ?? "";
    const lines = rest.split(/\r\n|\n/);
    rest = done ? "" : lines.pop();
    for (const line of lines) {
      if (line.startsWith("data:")) {
        yield line.slice(5).trimStart();
      }
    }
    if (done) {
      return;
    }
  }
}

// An answer's chunks. What ends without [DONE] was cut off, and is an error.
export async function* streamChat(request, signal) {
  const response = await ask("/v1/chat/completions", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ...request, stream: true, stream_options: { include_usage: true } }),
    signal,
  });
  for await (const data of events(response.body)) {
    if (data === "[DONE]") {
      return;
    }
    const chunk = JSON.parse(data);
    if (chunk.error !== undefined) {
      throw new ServerError(500, String(chunk.error.message ?? "The answer failed."));
    }
    yield chunk;
  }
  throw new ServerError(0, "The connection ended before the answer did.");
}
