// A form in flight can't be sent again: its buttons rest until the answer is there.
// The server refuses the second one anyway; this spares the person the question.

const BUTTONS = "button:not([type=button]), input[type=submit]";

function buttonsOf(form) {
  return [...form.querySelectorAll(BUTTONS), ...document.querySelectorAll(`[form="${CSS.escape(form.id)}"]`)];
}

function rest(form, submitter) {
  form.dataset.inFlight = "true";
  form.setAttribute("aria-busy", "true");
  for (const button of buttonsOf(form)) {
    if (button.disabled) continue;
    button.disabled = true;
    button.dataset.rested = "true";
  }
  submitter?.setAttribute("aria-busy", "true");
}

function wake(form) {
  delete form.dataset.inFlight;
  form.removeAttribute("aria-busy");
  for (const button of buttonsOf(form)) {
    button.removeAttribute("aria-busy");
    if (!button.dataset.rested) continue;
    button.disabled = false;
    delete button.dataset.rested;
  }
}

document.addEventListener(
  "submit",
  (event) => {
    const form = event.target;
    const posts = form.method === "post" || form.hasAttribute("hx-post");
    if (!posts || form.hasAttribute("data-repeatable")) return;
    if (form.dataset.inFlight) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    form.dataset.inFlight = "true";
    // After the browser or htmx has read the form: a disabled button would not be sent.
    setTimeout(() => {
      const stopped = event.defaultPrevented && !form.hasAttribute("hx-post");
      if (stopped) wake(form);
      else rest(form, event.submitter);
    });
  },
  { capture: true },
);

document.addEventListener("htmx:finally:request", ({ target, detail: { ctx } }) => {
  if (ctx.request.method === "GET") return; // a preview inside the form is another matter
  const form = target.closest?.("form");
  // The buttons rest one tick after the submit; an answer can't be faster, a refusal can.
  if (form?.dataset.inFlight) setTimeout(() => wake(form));
});

// The back button brings the page as it was left: with its buttons asleep.
addEventListener("pageshow", () => document.querySelectorAll("form[data-in-flight]").forEach(wake));
