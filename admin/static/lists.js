// A list follows its search and its filters while somebody uses them: the page is asked for as the
// form would ask for it, and what it found takes the place of what is shown. The address says what
// is shown, so that it can be kept; an answer to an older question is dropped.
"use strict";

for (const form of document.querySelectorAll("form[data-follows]")) {
  const here = document.getElementById(form.dataset.follows);
  const said = document.querySelector("[data-said]");
  let timer;
  let running;
  let shown = "";

  const asked = () => {
    const given = new URLSearchParams();
    for (const [name, value] of new FormData(form)) {
      if (typeof value === "string" && value.trim()) given.append(name, value.trim());
    }
    return given.toString();
  };
  const take = (page) => {
    const found = page.getElementById(form.dataset.follows);
    if (!found) return;
    here.replaceChildren(...found.childNodes);
    here.dataset.number = found.dataset.number;
    for (const name of ["[data-part=export]", "[data-show-all]"]) {
      const before = document.querySelector(name);
      const after = page.querySelector(name);
      if (before && after) before.replaceWith(after);
      else if (before) before.hidden = true;
    }
    // What is wrong with a filter stands beside it.
    for (const field of form.querySelectorAll(".field")) {
      const input = field.querySelector("input, select");
      const other = input && page.getElementById(input.id)?.closest(".field");
      const error = other?.querySelector(".error");
      field.classList.toggle("wrong", Boolean(error));
      field.querySelector(".error")?.remove();
      if (error) field.append(error);
      for (const name of ["aria-invalid", "aria-describedby"]) {
        const value = other?.querySelector("input, select").getAttribute(name);
        if (value) input.setAttribute(name, value);
        else input?.removeAttribute(name);
      }
    }
    if (said) said.textContent = `${found.dataset.number} found`;
  };
  const look = async () => {
    const question = asked();
    if (question === shown) return;
    shown = question;
    running?.abort();
    const own = (running = new AbortController());
    const address = question ? `${form.action}?${question}` : form.action;
    here.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(address, { redirect: "error", signal: own.signal });
      const text = await answer.text();
      if (own !== running) return;
      if (answer.ok) {
        // Without its head: the style in it has the nonce of an answer that is no page of its own.
        const main = text.slice(text.indexOf("<main"), text.lastIndexOf("</main>"));
        take(new DOMParser().parseFromString(main, "text/html"));
        history.replaceState(null, "", address);
      } else {
        shown = "";
      }
    } catch {
      // A newer question has taken its place, the server is away, or we are signed out: the form
      // still asks the plain way.
      if (own === running) shown = "";
    }
    if (own === running) here.removeAttribute("aria-busy");
  };
  const soon = (pause) => {
    clearTimeout(timer);
    timer = setTimeout(look, pause);
  };

  form.action = location.pathname;
  shown = asked();
  form.addEventListener("input", () => soon(200));
  form.addEventListener("change", () => soon(0));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    soon(0);
  });
  // Whoever is quick has typed before this script was here.
  const search = form.querySelector("[type=search]");
  if (search === document.activeElement && search.value !== search.defaultValue) {
    shown = null;
    soon(0);
  }
}
