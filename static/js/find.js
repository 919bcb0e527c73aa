// Find anything: Ctrl+K goes there, arrows walk the results, Enter opens, Esc closes.
// Without this script it is a search form like any other.

const form = document.querySelector("[data-find]");

if (form) {
  const input = form.querySelector("input");
  const list = form.querySelector("#find-results");
  let current = -1;

  input.setAttribute("role", "combobox");
  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-controls", list.id);
  input.setAttribute("aria-expanded", "false");

  const options = () => [...list.querySelectorAll("a")];

  function mark(index) {
    const all = options();
    current = all.length ? (index + all.length) % all.length : -1;
    all.forEach((option, i) => option.setAttribute("aria-selected", String(i === current)));
    const option = all[current];
    if (option) {
      input.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    } else {
      input.removeAttribute("aria-activedescendant");
    }
  }

  function close() {
    list.replaceChildren();
    list.removeAttribute("role");
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    current = -1;
  }

  // The answer is a list of links; here they become the options of a listbox.
  function dress() {
    const all = options();
    if (!all.length) {
      list.setAttribute("role", "status");
    } else {
      list.setAttribute("role", "listbox");
      list.setAttribute("aria-label", input.labels[0].textContent.trim());
      list.querySelectorAll("ul, li, p, div").forEach((element) => element.setAttribute("role", "presentation"));
    }
    all.forEach((option, i) => {
      option.id = `find-option-${i}`;
      option.tabIndex = -1;
      option.setAttribute("role", "option");
    });
    input.setAttribute("aria-expanded", String(list.childElementCount > 0));
    mark(-1);
    current = -1;
    all.forEach((option) => option.setAttribute("aria-selected", "false"));
    input.removeAttribute("aria-activedescendant");
  }

  document.addEventListener("htmx:after:swap", ({ detail }) => {
    if (detail.ctx.target !== list) return;
    if (input.value.trim() && document.activeElement === input) dress();
    else close();
  });

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      input.focus();
      input.select();
    }
  });

  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      mark(current < 0 && step < 0 ? -1 : current + step);
    } else if (event.key === "Enter" && current >= 0) {
      event.preventDefault();
      options()[current].click();
    } else if (event.key === "Escape" && list.childElementCount) {
      event.preventDefault();
      close();
    }
  });

  form.addEventListener("focusout", ({ relatedTarget }) => {
    if (!form.contains(relatedTarget)) close();
  });
  // Pressing on a result must not take the focus away before the click arrives.
  list.addEventListener("pointerdown", (event) => event.preventDefault());
}
