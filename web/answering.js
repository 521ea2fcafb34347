// An answer on its way: asked for, followed, stopped, kept.
import { streamChat } from "./api.js";
import { addChunk, newAnswer, requestOf } from "./conversation.js";
import { putConversation } from "./store.js";

const KEEP_MS = 2000;   // how often what is there so far is kept

let running = null;   // { conversation, answer, abort }

export function isAnswering(conversation) {
  return running !== null && (conversation === undefined || running.conversation === conversation);
}

export function runningAnswer() {
  return running?.answer ?? null;
}

export function stopAnswering() {
  running?.abort.abort();
}

function drawSeed() {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  return (high & 0xfffff) * 0x100000000 + low;
}

async function follow(conversation, answer, request, signal, changed) {
  let asked = performance.now();
  let first = true;
  let keptAt = asked;
  for await (const chunk of streamChat(request, signal)) {
    const now = performance.now();
    addChunk(answer, chunk);
    if (first && (answer.text !== "" || answer.reasoning !== "" || answer.calls.length > 0)) {
      first = false;
      asked = now;   // the rate is that of the answer, not of the prompt
    }
    answer.seconds = (now - asked) / 1000;
    if (now - keptAt > KEEP_MS) {
      keptAt = now;
      putConversation(conversation);
    }
    changed(false);
  }
}

// Asks for the answer to what the conversation holds. `changed(over)` is called as it grows and when it is over; why it
// could not be kept, if so, is what comes back.
export async function answer(conversation, settings, model, changed) {
  const seed = settings.seed ?? drawSeed();
  const request = requestOf(conversation, settings, model, seed);
  const made = newAnswer(model, seed);
  conversation.messages.push(made);
  conversation.updated = Date.now();
  running = { conversation, answer: made, abort: new AbortController() };
  putConversation(conversation);
  changed(false);
  try {
    await follow(conversation, made, request, running.abort.signal, changed);
  } catch (error) {
    made.finish = running.abort.signal.aborted ? "stopped" : "error";
    made.error = running.abort.signal.aborted ? "" : error.message;
  }
  running = null;
  conversation.updated = Date.now();
  changed(true);
  return putConversation(conversation);
}
