// When a tab's panel has come, its link becomes the current one; the server did it for the first.

const panel = document.getElementById("panel");
const tabs = document.querySelector("[data-tabs]");

new MutationObserver(() => {
  const key = panel.querySelector("[data-panel]")?.dataset.panel;
  if (!key) return;
  for (const tab of tabs.querySelectorAll("a")) {
    if (tab.dataset.tab === key) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
}).observe(panel, { childList: true });
