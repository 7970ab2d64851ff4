// Keeps the numbers of the sync page current: every element with data-live shows the member of
// that name of the JSON at data-source.
const source = document.querySelector("[data-source]");
if (source) {
  const show = async () => {
    const answer = await fetch(source.dataset.source, { headers: { Accept: "application/json" } });
    if (!answer.ok) return;
    const state = await answer.json();
    for (const element of document.querySelectorAll("[data-live]")) {
      const text = String(state[element.dataset.live]);
      // Only a change is written: a screen reader would read every write out.
      if (element.textContent !== text) element.textContent = text;
    }
  };
  // While the sandbox restarts there is nothing to show: the next second tries again.
  setInterval(() => show().catch(() => undefined), 1000);
}
