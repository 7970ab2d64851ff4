// What the condition says and would do is kept current while it is edited: asked when the typing
// rests, one question at a time, and an answer to an older question is not shown.
"use strict";

for (const box of document.querySelectorAll("[data-preview]")) {
  const form = document.getElementById("group-form");
  const REST = 400;
  let timer;
  let wanted = 0;
  let busy = false;

  const show = (facts) => {
    for (const element of box.querySelectorAll("[data-say]")) {
      const words = facts[element.dataset.say] ?? "";
      if (element.textContent !== words) element.textContent = words;
    }
    box.classList.remove("asking");
    for (const part of form.querySelectorAll("ol [data-part]")) {
      // What is being picked is not called wrong yet.
      const picking = part.contains(document.activeElement) && document.activeElement.matches("[data-only]");
      const problem = picking ? "" : (facts.problems?.[part.id] ?? "");
      part.classList.toggle("wrong", Boolean(problem));
      document.getElementById(`${part.id}-problem`).textContent = problem;
    }
  };
  const ask = async () => {
    if (busy) return; // it is asked again when the answer is there
    busy = true;
    const number = wanted;
    const body = new URLSearchParams({ group: box.dataset.group });
    for (const [name, value] of new FormData(form)) {
      if (name === "csrf_token" || name === "part" || name === "selects" || /^p\d+\./.test(name)) {
        body.append(name, value);
      }
    }
    try {
      const answer = await fetch(box.dataset.preview, { method: "POST", body, redirect: "error" });
      if (answer.ok && number === wanted) show(await answer.json());
      else if (!answer.ok) box.classList.remove("asking");
    } catch {
      // The server is away for a moment: saving will say so, the preview is only a look ahead.
      box.classList.remove("asking");
    }
    busy = false;
    if (number !== wanted) ask();
  };
  const soon = () => {
    wanted += 1;
    box.classList.add("asking");
    clearTimeout(timer);
    timer = setTimeout(ask, REST);
  };
  form.addEventListener("condition", soon);
  form.elements.selects.addEventListener("change", soon);
}
