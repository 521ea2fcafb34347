// One message's elements, and how they follow what the message becomes.
import { button, copyText, el } from "./dom.js";
import { sizeText } from "./files.js";
import { render } from "./markdown.js";
import { traceBox, underline } from "./trace.js";

// ---- questions ----

function fileBox(file) {
  return el("details", {}, el("summary", {}, `${file.name} (${sizeText(file.text.length)})`),
    el("pre", { tabindex: "0", role: "region", "aria-label": file.name }, file.text));
}

function editor(message, box, actions) {
  const field = el("textarea", { rows: "4", "aria-label": "Your message, changed" });
  field.value = message.text;
  const leave = () => actions.redraw(message);
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      leave();
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      actions.edit(message, field.value);
    }
  });
  box.replaceChildren(el("div", { class: "edit" }, field, el("div", {},
    button("Send", () => actions.edit(message, field.value), { class: "primary" }), button("Cancel", leave))));
  field.focus();
}

function questionView(message, actions) {
  const body = el("div", {}, ...message.files.map(fileBox), el("div", { class: "text" }, message.text));
  const element = el("article", { class: "message user" }, el("h2", {}, "You"), body, el("div", { class: "acts" },
    button("Edit", () => editor(message, body, actions), { class: "act-edit" }), button("Copy", () => copyText(message.text))));
  return { element, update() {} };
}

// ---- results of calls ----

function resultView(message) {
  const element = el("article", { class: "message tool" }, el("h2", {}, `Result of ${message.call}`),
    el("pre", { tabindex: "0", role: "region", "aria-label": "Result" }, message.text));
  return { element, update() {} };
}

// ---- answers ----

// As JSON that one can read, where it is JSON.
function readable(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function callBox(message, call, actions) {
  const box = el("div", { class: "call" }, el("h3", {}, `Calls ${call.name}`),
    el("pre", { tabindex: "0", role: "region", "aria-label": `What ${call.name} is called with` }, readable(call.arguments)));
  if (actions.awaits(message, call)) {
    const field = el("textarea", { rows: "2", "aria-label": `What came of ${call.name}` });
    box.append(field, button("Send the result", () => actions.result(call, field.value)));
  }
  return box;
}

const FINISHES = { length: "cut off: most tokens reached", stopped: "stopped" };

const LEAST_SECONDS = 0.05;   // what came within less came at once: its time is the network's and the page's

function rateText(rate) {
  return `${rate < 999.5 ? rate.toPrecision(3) : Math.round(rate)} tokens/s`;
}

// "hearthside · 42 tokens · 310 tokens/s · seed 7"; the rate is that of the tokens after the first
function aboutText(message) {
  const parts = [message.model];
  if (message.tokens > 0) {
    parts.push(`${message.tokens} tokens`);
  }
  if (message.tokens > 1 && message.seconds >= LEAST_SECONDS) {
    parts.push(rateText((message.tokens - 1) / message.seconds));
  }
  parts.push(`seed ${message.seed}`, FINISHES[message.finish] ?? "");
  return parts.filter((part) => part !== "").join(" · ");
}

function answerView(message, actions) {
  const thinking = el("details", { hidden: true }, el("summary", {}, "Thinking"), el("div", { class: "quiet" }));
  const text = el("div", { class: "text" });
  const trace = el("div", {});
  const calls = el("div", {});
  const wrong = el("p", { class: "wrong" });
  const about = el("span", { class: "about" });
  const traceButton = button("Trace", () => actions.trace(message), { class: "act-trace" });
  const acts = el("div", { class: "acts" }, button("Copy", () => copyText(message.text)),
    button("Retry", () => actions.retry(message), { class: "act-retry" }),
    traceButton, about);
  const element = el("article", { class: "message answer" }, el("h2", {}, "Answer"), thinking, text, trace, calls, wrong, acts);

  function update(busy) {
    element.classList.toggle("busy", busy);
    element.setAttribute("aria-busy", String(busy));
    thinking.hidden = message.reasoning === "";
    thinking.lastChild.replaceChildren(message.reasoning === "" ? "" : render(message.reasoning));
    text.replaceChildren(render(message.text));
    trace.replaceChildren();
    calls.replaceChildren(...message.calls.map((call) => callBox(message, call, actions)));
    wrong.textContent = message.error;
    acts.hidden = busy;
    about.textContent = aboutText(message);
  }

  // What /v1/trace said of it.
  function showTrace(found) {
    const { box, open } = traceBox(found);
    text.replaceChildren(render(message.text));
    underline(text, message.text, found.spans, open);
    trace.replaceChildren(box);
  }

  // Once it is known which models are traced.
  function offer() {
    traceButton.hidden = !actions.isTraced(message);
  }

  offer();
  update(false);
  return { element, update, showTrace, offer };
}

// `actions`: trace(message), isTraced(message), edit(message, text), retry(message), redraw(message), result(call, text), awaits(message, call).
export function messageView(message, actions) {
  const views = { user: questionView, tool: resultView, assistant: answerView };
  return views[message.role](message, actions);
}
