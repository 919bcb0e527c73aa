// Copies the text of data-copy, and says so.

async function copy(text) {
  if (navigator.clipboard && isSecureContext) return navigator.clipboard.writeText(text);
  // Plain http in a shop's network has no clipboard API.
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  (document.querySelector("dialog:modal") ?? document.body).append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

document.addEventListener("click", async ({ target }) => {
  const button = target.closest?.("[data-copy]");
  if (!button || button.dataset.done) return;
  await copy(button.dataset.copy);
  const label = button.querySelector("[data-label]");
  const before = label.textContent;
  label.textContent = document.getElementById("said-by-scripts").dataset.copied;
  button.dataset.done = "true";
  setTimeout(() => {
    label.textContent = before;
    delete button.dataset.done;
  }, 2000);
});
