// Text files that go with a question.
import { announce, button, byId, el, notice } from "./dom.js";

const FILE_MOST = 256 * 1024;
const FILES_MOST = 20;

let attached = [];

function show() {
  byId("files").replaceChildren(...attached.map((file, i) => el("li", {}, `${file.name} (${sizeText(file.text.length)})`,
    button("✕", () => remove(i), { "aria-label": `Remove ${file.name}` }))));
}

export function sizeText(characters) {
  return characters < 1024 ? `${characters} characters` : `${Math.round(characters / 1024)} k characters`;
}

function remove(i) {
  attached.splice(i, 1);
  show();
  byId("question").focus();
}

// The text of a file, or a sentence why not.
async function read(file) {
  if (file.size > FILE_MOST) {
    throw new Error(`${file.name} has ${Math.ceil(file.size / 1024)} KB; a file may have ${FILE_MOST / 1024} KB.`);
  }
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
  } catch {
    throw new Error(`${file.name} is no text in UTF-8.`);
  }
  if (text.includes("\0")) {
    throw new Error(`${file.name} is no text.`);
  }
  return { name: file.name.slice(0, 200), text };
}

async function attach(files) {
  notice("");
  for (const file of files) {
    try {
      if (attached.length >= FILES_MOST) {
        throw new Error(`At most ${FILES_MOST} files go with a question.`);
      }
      attached.push(await read(file));
      announce(`${file.name} attached.`);
    } catch (error) {
      notice(error.message);
    }
  }
  show();
}

export function takeFiles() {
  const taken = attached;
  attached = [];
  show();
  return taken;
}

export function hasFiles() {
  return attached.length > 0;
}

export function startFiles() {
  const input = byId("attach-file");
  const composer = byId("composer");
  byId("attach").addEventListener("click", () => input.click());
  input.addEventListener("change", async () => {
    await attach([...input.files]);
    input.value = "";
  });
  composer.addEventListener("dragover", (event) => {
    event.preventDefault();
    composer.classList.add("over");
  });
  composer.addEventListener("dragleave", () => composer.classList.remove("over"));
  composer.addEventListener("drop", (event) => {
    event.preventDefault();
    composer.classList.remove("over");
    attach([...event.dataTransfer.files]);
  });
}
