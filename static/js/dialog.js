// Opens the dialog that htmx put into #dialog-host; Esc, Cancel and the backdrop close it.
// Without this script the same links lead to pages of their own.

const host = document.getElementById("dialog-host");
let opener = null;

function close() {
  if (!host.firstElementChild) return;
  host.replaceChildren(); // a modal that leaves the document is closed
  if (opener?.isConnected) opener.focus();
  opener = null;
}

function open(dialog) {
  dialog.showModal();
  const invalid = dialog.querySelector("[aria-invalid=true]");
  const first = dialog.querySelector("[autofocus], .dialog__body :is(input:not([type=hidden]), select, textarea)");
  (invalid ?? first)?.focus();
}

if (host) {
  document.addEventListener("htmx:before:request", ({ target, detail }) => {
    if (detail.ctx.target === host && !host.contains(target)) opener = target;
  });

  new MutationObserver(() => {
    const dialog = host.querySelector("dialog[data-dialog]:not(:modal)");
    if (dialog) open(dialog);
  }).observe(host, { childList: true });

  // An answer without a dialog means that the act is done. Not before the request is over:
  // htmx fires the answer's events on the form, and they have to reach the body.
  // No text at all: the answer was not ours to show (the sign-in page), and app.js has said so.
  document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
    const answered = ctx.response?.status < 300 && ctx.text !== undefined;
    if (ctx.target === host && answered && !/<dialog/.test(ctx.text)) close();
  });

  // Esc closes it natively; the event does not bubble, so it is caught on the way down.
  host.addEventListener("close", close, { capture: true });
  // A press that starts inside and ends outside (selecting text) must not close.
  let pressedOn = null;
  document.addEventListener("pointerdown", ({ target }) => (pressedOn = target));
  host.addEventListener("click", (event) => {
    const dialog = event.target;
    if (event.target.closest("[data-close]")) {
      event.preventDefault();
      close();
    } else if (dialog.matches("dialog") && pressedOn === dialog) {
      const box = dialog.getBoundingClientRect();
      const inside =
        event.clientX >= box.left && event.clientX <= box.right &&
        event.clientY >= box.top && event.clientY <= box.bottom;
      if (!inside) close();
    }
  });
}
