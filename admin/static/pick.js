// Fields that are picked by typing a part of a name: the ARIA pattern of an editable combobox with
// a list. What can be picked stands in the field's datalist, or is asked of the server. Without
// this script the datalist is the browser's own.
"use strict";

{
  const LONGEST = 60;
  const said = document.querySelector("[data-said]");
  let open = null; // { input, list, options, at, before }
  let asked = 0;
  let timer;

  const close = () => {
    if (!open) return;
    clearTimeout(timer);
    asked += 1;
    open.list.remove();
    open.input.setAttribute("aria-expanded", "false");
    open.input.removeAttribute("aria-activedescendant");
    open.input.removeAttribute("aria-controls");
    open = null;
  };
  const prepare = (input) => {
    if (input.getAttribute("role") === "combobox") return;
    input.dataset.from = input.getAttribute("list") ?? "";
    input.removeAttribute("list");
    input.setAttribute("role", "combobox");
    input.setAttribute("aria-autocomplete", "list");
    input.setAttribute("aria-expanded", "false");
  };
  const meant = (option, typed) => {
    const name = option.value.toLowerCase();
    return typed.toLowerCase().split(/\s+/).every((word) => name.includes(word));
  };
  const mark = (at) => {
    open.at = at;
    open.options.forEach((option, number) => option.setAttribute("aria-selected", String(number === at)));
    const active = open.options[at];
    if (active) {
      open.input.setAttribute("aria-activedescendant", active.id);
      active.scrollIntoView({ block: "nearest" });
    } else open.input.removeAttribute("aria-activedescendant");
  };
  const put = (found, typed) => {
    const { input, list } = open;
    list.replaceChildren();
    open.options = [];
    let section = "";
    for (const one of found.slice(0, LONGEST)) {
      if (one.section && one.section !== section) {
        section = one.section;
        const heading = document.createElement("li");
        heading.setAttribute("role", "presentation");
        heading.className = "section";
        heading.textContent = section;
        list.append(heading);
      }
      const item = document.createElement("li");
      item.setAttribute("role", "option");
      item.id = `${list.id}-${open.options.length}`;
      item.textContent = one.value;
      item.dataset.value = one.value;
      list.append(item);
      open.options.push(item);
    }
    const more = found.length - LONGEST;
    if (more > 0 || !found.length) {
      const note = document.createElement("li");
      note.setAttribute("role", "presentation");
      note.className = "section";
      note.textContent = more > 0 ? `${more} more: type a part of the name` : "Nothing has this name";
      if (found.length || "only" in input.dataset) list.append(note);
    }
    list.hidden = !list.children.length;
    input.setAttribute("aria-expanded", String(!list.hidden));
    if (said) said.textContent = typed || found.length ? `${found.length} to pick from` : "";
    const same = open.options.findIndex((option) => option.dataset.value === input.value);
    mark(same >= 0 ? same : typed && "only" in input.dataset ? 0 : -1);
  };
  const look = async (typed) => {
    const { input } = open;
    if (!input.dataset.lookUp) {
      const known = [...(document.getElementById(input.dataset.from)?.options ?? [])];
      const found = known.filter((option) => meant(option, typed));
      put(found.map((option) => ({ value: option.value, section: option.dataset.section })), typed);
      return;
    }
    const number = ++asked;
    const address = new URL(input.dataset.lookUp, location.href);
    address.searchParams.set("q", typed);
    let found;
    try {
      const answer = await fetch(address, { redirect: "error" });
      if (!answer.ok) return;
      found = (await answer.json()).found;
    } catch {
      return; // The server is away for a moment: what is typed can be sent all the same.
    }
    // An answer that comes late is to an older question.
    if (number === asked && open?.input === input) put(found.map((value) => ({ value })), typed);
  };
  const show = (input, typed) => {
    if (open?.input !== input) {
      close();
      prepare(input);
      const list = document.createElement("ul");
      list.id = "picked-from";
      list.className = "picked-from";
      list.hidden = true;
      list.setAttribute("role", "listbox");
      list.setAttribute("aria-label", input.getAttribute("aria-label") ?? "");
      list.addEventListener("mousedown", (event) => event.preventDefault()); // the focus stays
      list.addEventListener("click", (event) => {
        const option = event.target.closest('[role="option"]');
        if (option) pick(option);
      });
      input.after(list);
      input.setAttribute("aria-controls", list.id);
      open = { input, list, options: [], at: -1, before: input.value };
    }
    clearTimeout(timer);
    if (input.dataset.lookUp) timer = setTimeout(() => open && look(typed), typed ? 150 : 0);
    else look(typed);
  };
  const pick = (option) => {
    const { input } = open;
    input.value = option.dataset.value;
    close();
    input.dispatchEvent(new Event("input", { bubbles: true }));
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };

  const of = (event) => event.target.closest?.("input[data-pick]");
  document.addEventListener("focusin", (event) => {
    const input = of(event);
    if (open && open.input !== input) close();
    if (input) prepare(input);
  });
  document.addEventListener("focusout", (event) => {
    if (open?.input === event.target) close();
  });
  document.addEventListener("mousedown", (event) => {
    const input = of(event);
    if (!input) return;
    if (open?.input === input) close();
    // Everything, not only what the present value finds: who clicks wants another.
    else setTimeout(() => input === document.activeElement && show(input, ""));
  });
  document.addEventListener("input", (event) => {
    const input = of(event);
    if (input && event.isTrusted) show(input, input.value.trim());
  });
  document.addEventListener("keydown", (event) => {
    const input = of(event);
    if (!input || event.isComposing) return;
    const last = (open?.options.length ?? 0) - 1;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const down = event.key === "ArrowDown";
      if (open?.input !== input) show(input, "");
      else if (last >= 0) mark(down ? (open.at >= last ? 0 : open.at + 1) : open.at <= 0 ? last : open.at - 1);
    } else if (event.key === "Enter" && open?.input === input && open.options[open.at]) {
      event.preventDefault();
      pick(open.options[open.at]);
    } else if (event.key === "Tab" && open?.input === input && open.options[open.at]) {
      if (open.options[open.at].dataset.value !== open.before) pick(open.options[open.at]);
    } else if (event.key === "Escape" && open?.input === input) {
      event.preventDefault();
      input.value = open.before;
      close();
    }
  }, true);
  for (const input of document.querySelectorAll("input[data-pick]")) prepare(input);
}
