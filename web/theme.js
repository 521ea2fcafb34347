// The colours that were chosen, before anything is painted. "" is what the system has.
function readTheme() {
  try {
    const kept = localStorage.getItem("hearth.theme");
    return kept === "dark" || kept === "light" ? kept : "";
  } catch {
    return "";   // storage is switched off
  }
}

function applyTheme(theme) {
  if (theme === "") {
    delete document.documentElement.dataset.theme;
  } else {
    document.documentElement.dataset.theme = theme;
  }
  window.dispatchEvent(new Event("hearth-theme"));
}

applyTheme(readTheme());
