// When an answer can't be shown, say what happened and what to do; a panel keeps what it had.

const said = document.getElementById("said-by-scripts").dataset;
const SIGN_IN = "/accounts/login/";
const started = new WeakMap();

function reasonFor(status) {
  if (status === 403) return said.forbidden;
  if (status === 404 || status === 410) return said.missing;
  if (status === 429) return said.throttled;
  return status >= 500 ? said.server : null;
}

function report(ctx, message, link) {
  const skeleton = ctx.target?.querySelector?.(".skeleton");
  const dialog = document.querySelector("dialog:modal");
  if (skeleton) {
    const state = document.getElementById("panel-error-template").content.cloneNode(true);
    state.querySelector("[data-reason]").textContent = message;
    state.querySelector("[data-retry]").addEventListener("click", () => {
      ctx.target.replaceChildren(skeleton);
      htmx.process(ctx.sourceElement, true);
    });
    skeleton.replaceWith(state);
  } else if (dialog) {
    // Everything outside an open dialog is out of reach, so it is said inside.
    dialog.querySelector("[data-said]")?.remove();
    const alert = document.createElement("p");
    alert.className = "alert alert--bad";
    alert.dataset.said = "true";
    alert.setAttribute("role", "alert");
    alert.textContent = message;
    if (link) alert.append(" ", anchorTo(link));
    (dialog.querySelector(".dialog__body") ?? dialog).prepend(alert);
  } else {
    document.dispatchEvent(new CustomEvent("app:toast", { detail: { message, link } }));
  }
}

// Two reasons look alike: the role does not include it, or the form's CSRF token is of an old session.
async function tellForbidden(ctx, raw, message) {
  const stale = (await raw.clone().text()).includes("data-csrf-failure");
  if (stale) report(ctx, said.stale, { url: location.href, label: said.reload });
  else report(ctx, message);
}

function anchorTo({ url, label }) {
  const anchor = document.createElement("a");
  anchor.href = url;
  anchor.textContent = label;
  return anchor;
}

// On a narrow screen the current tab may be out of sight.
document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => started.set(ctx, Date.now()));

document.addEventListener("htmx:before:response", (event) => {
  const { ctx } = event.detail;
  const { raw } = ctx.response;
  if (raw.redirected && new URL(raw.url).pathname === SIGN_IN) {
    event.preventDefault();
    const url = `${SIGN_IN}?next=${encodeURIComponent(location.pathname + location.search)}`;
    report(ctx, said.expired, { url, label: said.signIn });
    return;
  }
  const message = reasonFor(raw.status);
  if (!message) return;
  event.preventDefault();
  if (raw.status === 403) tellForbidden(ctx, raw, message);
  else report(ctx, message);
});

document.addEventListener("htmx:error", ({ detail: { ctx, error } }) => {
  if (!ctx) return;
  const waited = Date.now() - (started.get(ctx) ?? Date.now());
  // A request that a newer one replaced is aborted too, and nobody needs to hear of that.
  if (error?.name === "AbortError") {
    if (waited >= htmx.config.defaultTimeout - 500) report(ctx, said.timeout);
  } else if (!ctx.response) {
    report(ctx, said.offline);
  }
});
