// The condition editor: rules and blocks are added, moved and removed on the page, and a rule's
// pickers are asked of the server when its field or its operator is another. The form stays what
// is sent; without this script its buttons send it.
"use strict";

for (const editor of document.querySelectorAll("[data-conditions]")) {
  const form = editor.closest("form");
  const said = editor.querySelector("[data-said]");
  const deepest = Number(editor.dataset.deepest);
  const changed = () => form.dispatchEvent(new CustomEvent("condition"));
  const say = (words) => {
    said.textContent = "";
    setTimeout(() => (said.textContent = words), 50);
  };
  const listOf = (part) => part.querySelector("[data-parts]");
  const partsOf = (part) => [...listOf(part).children];
  const partOf = (element) => element.parentElement.closest("[data-part]");
  const depth = (part) => (part.dataset.part === "root" ? 1 : 1 + depth(partOf(part)));
  const height = (part) =>
    part.dataset.part === "rule" ? 0 : 1 + Math.max(0, ...partsOf(part).map(height));
  const action = (part, name) => part.querySelector(`button[value="${name}:${part.id}"]`);

  // ---- where a part stands -------------------------------------------------------------------
  const placeOf = (part) => {
    const inside = partOf(part);
    const number = [...listOf(inside).children].indexOf(part) + 1;
    const outer = inside.dataset.part === "root" ? "" : ` of ${placeOf(inside)}`;
    return `${part.dataset.part} ${number}${outer}`;
  };
  const renumber = () => {
    const all = [...editor.querySelectorAll("ol [data-part]")];
    for (const part of all) {
      const place = placeOf(part);
      for (const words of part.querySelectorAll("[data-place]")) {
        if (words.closest("[data-part]") === part) words.textContent = place;
      }
      const first = !part.previousElementSibling && partOf(part).dataset.part === "root";
      const last = !part.nextElementSibling && partOf(part).dataset.part === "root";
      action(part, "up").disabled = first;
      action(part, "down").disabled = last;
      const block = action(part, "block");
      if (block) block.hidden = depth(part) >= deepest;
    }
  };
  const freeId = () => {
    const numbers = [...editor.querySelectorAll("ol [data-part]")].map((part) => Number(part.id.slice(1)));
    return `p${Math.max(0, ...numbers) + 1}`;
  };

  // ---- adding, moving, removing ---------------------------------------------------------------
  const made = (what, inside) => {
    const template = editor.querySelector(`template[data-new="${what}"]`);
    const holder = document.createElement("ol");
    holder.innerHTML = template.innerHTML.replaceAll("pNEW", freeId());
    const part = holder.firstElementChild;
    listOf(inside).append(part);
    return part;
  };
  const focus = (part) =>
    part.querySelector(".answers :is(input, select, textarea), [data-kind]").focus();

  const add = (what, inside) => {
    const part = made(what, inside);
    if (what === "block") {
      const kind = part.querySelector("[data-kind]");
      // Whoever adds a block to “all of these” wants the other kind.
      kind.value = inside.querySelector("[data-kind]").value === "any" ? "all" : "any";
      listOf(part).className = `parts ${kind.value}`;
      made("rule", part);
    }
    renumber();
    focus(what === "block" ? partsOf(part)[0] : part);
    say(what === "block" ? `A block with a rule is added: ${placeOf(part)}.` : `Added: ${placeOf(part)}.`);
  };
  const remove = (part) => {
    const inside = partOf(part);
    const place = placeOf(part);
    const next = part.nextElementSibling ?? part.previousElementSibling;
    part.remove();
    renumber();
    if (next) focus(next);
    else action(inside, "rule").focus();
    say(`Removed: ${place}.`);
  };
  // One place as the page reads: into a block that lies in the way, out of one at its end.
  const move = (part, down) => {
    const inside = partOf(part);
    const beside = down ? part.nextElementSibling : part.previousElementSibling;
    if (!beside) {
      if (inside.dataset.part === "root") return;
      inside[down ? "after" : "before"](part);
    } else if (beside.dataset.part === "block" && depth(beside) + height(part) <= deepest) {
      listOf(beside)[down ? "prepend" : "append"](part);
    } else beside[down ? "after" : "before"](part);
    renumber();
    const same = action(part, down ? "down" : "up");
    (same.disabled ? action(part, down ? "up" : "down") : same).focus();
    say(`Moved: it is ${placeOf(part)} now.`);
  };
  editor.addEventListener("click", (event) => {
    const button = event.target.closest('button[name="edit"]');
    if (!button) return;
    const [what, id] = button.value.split(":");
    const part = document.getElementById(id);
    event.preventDefault();
    if (what === "rule" || what === "block") add(what, part);
    else if (what === "remove") remove(part);
    else if (what === "up" || what === "down") move(part, what === "down");
    changed();
  });

  // ---- a rule's pickers ------------------------------------------------------------------------
  const asked = new WeakMap();
  const fit = async (rule, what) => {
    const fresh = what === "field";
    const picked = what === "value";
    const number = (asked.get(rule) ?? 0) + 1;
    asked.set(rule, number);
    const body = new URLSearchParams({
      csrf_token: form.elements.csrf_token.value,
      group: editor.dataset.group,
      rule: rule.id,
    });
    for (const element of rule.querySelectorAll("[name]")) {
      const checked = element.type !== "checkbox" || element.checked;
      const answer = element.name.startsWith(`${rule.id}.`) && checked && element.value;
      // The values of another field say nothing about this one.
      if (answer && !(fresh && element.name.endsWith(".value"))) body.append(element.name, element.value);
    }
    let html;
    try {
      const answer = await fetch(editor.dataset.rule, { method: "POST", body, redirect: "error" });
      if (!answer.ok) return;
      html = await answer.text();
    } catch {
      say("The server is away for a moment: try again.");
      return;
    }
    // An answer that comes late is to an older question.
    if (asked.get(rule) !== number || !rule.isConnected) return;
    const holder = document.createElement("ol");
    holder.innerHTML = html;
    const here = rule.contains(document.activeElement) ? document.activeElement : null;
    const label = here?.getAttribute("aria-label");
    // What was changed stays: a list of operators is gone through letter by letter, or by arrows.
    const value = rule.querySelector(".value");
    const fitting = holder.querySelector(".value");
    if (fresh) rule.querySelector(".how").replaceWith(holder.querySelector(".how"));
    // So does what is being typed where it fits the other operator as well.
    if (fresh || picked || value.dataset.picker !== fitting.dataset.picker) value.replaceWith(fitting);
    if (here && !here.isConnected) {
      [...rule.querySelectorAll(".answers [aria-label]")]
        .find((element) => element.getAttribute("aria-label") === label)
        ?.focus();
    }
    changed();
  };
  editor.addEventListener("change", (event) => {
    const element = event.target;
    if (element.matches("[data-kind]")) {
      listOf(element.closest("[data-part]")).className = `parts ${element.value}`;
    } else if (element.matches("[data-changes]")) {
      fit(element.closest("[data-part]"), element.name.split(".")[1]);
      return;
    }
    changed();
  });
  editor.addEventListener("input", (event) => {
    if (!event.target.matches("[data-changes], [data-kind]")) changed();
  });
  // Enter in a rule neither saves nor presses the first button.
  editor.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches("input")) event.preventDefault();
  });
  renumber();
}
