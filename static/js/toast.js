// Toasts leave by themselves after a while, wait under the pointer or the focus, and can be closed.
// Other modules say something with: document.dispatchEvent(new CustomEvent("app:toast", {detail: {message, tone, link}}))

const STAY = 12000; // ms; a toast with an Undo stays twice as long
const host = document.getElementById("toasts");

function leave(toast) {
  toast.classList.add("is-leaving");
  setTimeout(() => toast.remove(), 160);
}

function start(toast) {
  if (toast.dataset.started) return;
  toast.dataset.started = "true";
  if (toast.hasAttribute("data-timeless")) return;
  const stay = toast.querySelector("form, a") ? STAY * 2 : STAY;
  let timer;
  const wait = () => clearTimeout(timer);
  const go = () => {
    wait();
    if (toast.matches(":hover, :focus-within")) return;
    timer = setTimeout(leave, stay, toast);
  };
  toast.addEventListener("pointerenter", wait);
  toast.addEventListener("pointerleave", go);
  toast.addEventListener("focusin", wait);
  toast.addEventListener("focusout", () => setTimeout(go));
  go();
}

function say({ message, tone = "bad", link }) {
  // Typing on while the network is down must not pile them up.
  for (const said of host.querySelectorAll(".toast__text")) if (said.dataset.text === message) return;
  const toast = document.getElementById("toast-template").content.firstElementChild.cloneNode(true);
  toast.className = `toast toast--${tone}`;
  const text = toast.querySelector(".toast__text");
  text.textContent = message;
  text.dataset.text = message;
  if (link) {
    const anchor = document.createElement("a");
    anchor.href = link.url;
    anchor.textContent = link.label;
    text.append(" ", anchor);
  }
  host.append(toast);
}

if (host) {
  host.querySelectorAll("[data-toast]").forEach(start);
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) {
      for (const node of addedNodes) if (node.matches?.("[data-toast]")) start(node);
    }
  }).observe(host, { childList: true });
  document.addEventListener("app:toast", ({ detail }) => say(detail));
  document.addEventListener("click", ({ target }) => {
    const button = target.closest?.("[data-close-toast]");
    if (button) leave(button.closest("[data-toast]"));
  });
  document.addEventListener("htmx:finally:request", ({ target, detail }) => {
    const done = detail.ctx.response?.status < 400 && target.matches?.("[data-closes-toast]");
    if (done) leave(target.closest("[data-toast]"));
  });
}
