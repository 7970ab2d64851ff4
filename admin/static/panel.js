// What every page of the panel may need. Each part looks for its elements and does nothing
// without them; the pages work without any of it.
"use strict";

// The menu folds away on a narrow screen.
{
  const button = document.querySelector(".menu-button");
  const menu = document.getElementById("menu");
  const narrow = window.matchMedia("(max-width: 56rem)");
  const fold = (closed) => {
    menu.classList.toggle("closed", closed);
    button.setAttribute("aria-expanded", String(!closed));
  };
  const fit = () => {
    button.hidden = !narrow.matches;
    fold(narrow.matches);
  };
  if (button && menu) {
    button.addEventListener("click", () => fold(!menu.classList.contains("closed")));
    menu.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && narrow.matches) {
        fold(true);
        button.focus();
      }
    });
    narrow.addEventListener("change", fit);
    fit();
  }
}

// Copy buttons.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const words = button.textContent;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Select it and copy by hand";
  }
  setTimeout(() => (button.textContent = words), 2000);
});

// A file that is too large is not sent at all: the server could only break the line.
for (const form of document.querySelectorAll("form[data-largest]")) {
  const input = form.querySelector('input[type="file"]');
  const words = form.querySelector("[data-too-large]");
  const look = () => {
    const size = input.files.length ? input.files[0].size : 0;
    words.hidden = size <= Number(form.dataset.largest);
    return words.hidden;
  };
  input.addEventListener("change", look);
  look(); // whoever is quick has chosen one before this script was here
  form.addEventListener("submit", (event) => {
    if (look()) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  });
}

// A form that takes a while says so, and is sent once.
for (const form of document.querySelectorAll("form[data-busy]")) {
  form.addEventListener("submit", () => {
    const button = form.querySelector("button");
    button.textContent = form.dataset.busy;
    button.setAttribute("aria-disabled", "true");
    form.addEventListener("submit", (again) => again.preventDefault());
  });
}

// The sync status is kept current until Higher Logic is up to date, and then now and then.
for (const box of document.querySelectorAll("[data-status]")) {
  const say = (name, text) => {
    for (const element of box.querySelectorAll(`[data-say="${name}"]`)) {
      if (element.textContent !== text) element.textContent = text;
    }
  };
  const show = (facts) => {
    for (const [name, value] of Object.entries(facts)) {
      if (typeof value === "string") say(name, value);
    }
    for (const element of box.querySelectorAll('[data-say="last_accepted"]')) {
      element.title = facts.last_accepted_exact;
    }
    const bar = box.querySelector("[data-progress]");
    if (bar) {
      bar.max = facts.due || 1;
      bar.value = facts.sent;
    }
    const failures = box.querySelector("[data-failures]");
    if (failures) {
      failures.replaceChildren(
        ...facts.failures.map((failure) => {
          const item = document.createElement("li");
          const link = document.createElement("a");
          link.href = failure.url;
          link.textContent = failure.name;
          item.append(link, `: ${failure.reason}`);
          return item;
        }),
      );
    }
    box.classList.remove(box.dataset.state.replaceAll("_", "-"));
    box.classList.add(facts.state.replaceAll("_", "-"));
    box.dataset.state = facts.state;
  };
  const pauses = { pending: 1000, up_to_date: 5000 };
  const look = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch(box.dataset.status, { redirect: "error" });
        if (answer.status >= 400 && answer.status < 500) return;
        if (answer.ok) show(await answer.json());
      } catch {
        // The server is away for a moment, or we are signed out: the page keeps what it knew.
      }
    }
    setTimeout(look, pauses[box.dataset.state] ?? 3000);
  };
  setTimeout(look, pauses[box.dataset.state] ?? 3000);
}

// A part of a page that keeps itself current. Who reads it with the keyboard, or has opened
// something in it, is not disturbed; a new headline is said.
for (const box of document.querySelectorAll("[data-current]")) {
  const said = document.querySelector("[data-headline-said]");
  const headline = () => box.querySelector("[data-headline]")?.textContent ?? "";
  const pause = () => Number(box.querySelector("[data-again]")?.dataset.again) || 5000;
  let shown = "";
  const show = (html) => {
    if (html === shown || box.contains(document.activeElement)) return;
    const before = headline();
    const open = [...box.querySelectorAll("details[id][open]")].map((one) => one.id);
    box.innerHTML = shown = html;
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    if (said && headline() !== before) said.textContent = headline();
  };
  const look = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch(box.dataset.current, { redirect: "error" });
        if (answer.status >= 400 && answer.status < 500) return;
        if (answer.ok) show(await answer.text());
      } catch {
        // The server is away for a moment, or we are signed out: the page keeps what it knew.
      }
    }
    setTimeout(look, pause());
  };
  setTimeout(look, pause());
}

// What a job does is shown as long as it goes on.
for (const box of document.querySelectorAll("[data-progress-of]")) {
  const look = async () => {
    try {
      const answer = await fetch(box.dataset.progressOf, { redirect: "error" });
      if (answer.status >= 400 && answer.status < 500) return;
      if (answer.ok) box.innerHTML = await answer.text();
    } catch {
      // The server is away for a moment, or we are signed out: the page keeps what it knew.
    }
    goOn();
  };
  const goOn = () => {
    const running = box.querySelector("[data-running]");
    if (running) setTimeout(look, Number(running.dataset.running) || 500);
  };
  goOn();
}

// A page that is made to be printed.
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

// Fields that name a company, a group or a member offer what is being typed.
for (const input of document.querySelectorAll("input[data-search]")) {
  const offered = document.getElementById(input.getAttribute("list"));
  let timer;
  const ask = async () => {
    const typed = input.value;
    const answer = await fetch(`${input.dataset.search}?q=${encodeURIComponent(typed)}`);
    // An answer that comes late is to an older question.
    if (!answer.ok || input.value !== typed) return;
    offered.replaceChildren(
      ...(await answer.json()).found.map((one) => {
        const option = document.createElement("option");
        option.value = one.value ?? one;
        if (one.label) option.label = one.label;
        return option;
      }),
    );
  };
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, 150);
  });
  // Whoever is quick has typed before this script was here.
  if (input === document.activeElement && input.value !== input.defaultValue) ask();
}
