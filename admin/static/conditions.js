// The condition editor: rules with pickers in place of the JSON, which stays the form's field.
// Every change writes the JSON and asks the server what the condition says and would do.
"use strict";

for (const editor of document.querySelectorAll("[data-conditions]")) {
  const BLOCKS = { all: "all of these", any: "at least one of these", none: "none of these" };
  const fields = new Map(JSON.parse(editor.dataset.known).map((field) => [field.key, field]));
  const source = editor.querySelector("textarea");
  const form = source.form;
  const box = document.querySelector("[data-preview-box]");
  const offered = new Map();

  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === true) element.setAttribute(name, "");
      else if (value !== false && value != null) element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  };
  const option = (value, words, selected) => make("option", { value, selected }, words);

  // ---- the preview -------------------------------------------------------------------------
  let timer;
  let asked = 0;
  const preview = async () => {
    const number = ++asked;
    const body = new URLSearchParams({
      csrf_token: form.elements.csrf_token.value,
      condition: source.value,
      selects: form.elements.selects.value,
      group: editor.dataset.group,
    });
    try {
      const answer = await fetch(editor.dataset.preview, { method: "POST", body });
      if (!answer.ok || number !== asked) return;
      const facts = await answer.json();
      box.classList.toggle("wrong", Boolean(facts.error));
      for (const element of box.querySelectorAll("[data-say]")) {
        element.textContent = facts[element.dataset.say] ?? "";
      }
      if (facts.error) box.querySelector('[data-say="outcome"]').textContent = facts.error;
    } catch {
      // The server is away for a moment: saving will say so, the preview is only a look ahead.
    }
  };
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(preview, 350);
  };

  // ---- reading and writing the JSON ---------------------------------------------------------
  const read = () => {
    let tree;
    try {
      tree = JSON.parse(source.value);
    } catch {
      return null;
    }
    const block = Object.keys(BLOCKS).find((name) => Array.isArray(tree?.[name]));
    if (!block) return null;
    const simple = tree[block].every(
      (rule) => fields.has(rule?.field) && fields.get(rule.field).operators.some((o) => o.op === rule.op),
    );
    return simple ? { block, rules: tree[block] } : null;
  };
  const write = () => {
    const rules = [...list.children].map((row) => row.rule());
    source.value = JSON.stringify({ [block.value]: rules }, null, 2);
    soon();
  };

  // ---- one rule -----------------------------------------------------------------------------
  const offer = async (input, key) => {
    const id = `values-${key}`;
    input.setAttribute("list", id);
    if (offered.has(key)) return;
    offered.set(key, true);
    const values = make("datalist", { id });
    editor.append(values);
    const answer = await fetch(`${editor.dataset.values}?field=${encodeURIComponent(key)}`);
    if (!answer.ok) return;
    values.append(...(await answer.json()).values.map((value) => make("option", { value })));
  };

  const NUMBERS = { whole_number: "numeric", decimal: "decimal" };
  const entry = (field, label, value) => {
    const input = make("input", {
      type: field.kind === "date" ? "date" : "text",
      "aria-label": label,
      autocomplete: "off",
      inputmode: NUMBERS[field.kind],
    });
    input.value = value ?? "";
    return input;
  };

  // Each picker is an element with a `given` function: the rule's value.
  const pickers = {
    none: () => Object.assign(make("span"), { given: () => undefined }),
    yes_no: (field, value) => {
      const select = make(
        "select",
        { "aria-label": "Value" },
        option("yes", "yes", value !== false),
        option("no", "no", value === false),
      );
      return Object.assign(select, { given: () => select.value === "yes" });
    },
    choice: (field, value) => {
      const select = make(
        "select",
        { "aria-label": "Value" },
        ...field.choices.map((one) => option(one.value, one.label, one.value === value)),
      );
      return Object.assign(select, { given: () => select.value });
    },
    choices: (field, value) => {
      const chosen = new Set([value].flat());
      const items = field.choices.map((one) =>
        make(
          "li",
          {},
          make(
            "label",
            {},
            make("input", { type: "checkbox", value: one.value, checked: chosen.has(one.value) }),
            ` ${one.label}`,
          ),
        ),
      );
      const group = make(
        "fieldset",
        { class: "options" },
        make("legend", { class: "unseen" }, "Values"),
        make("ul", {}, ...items),
      );
      const given = () => [...group.querySelectorAll(":checked")].map((input) => input.value);
      return Object.assign(group, { given });
    },
    lines: (field, value) => {
      const area = make("textarea", {
        rows: 3,
        "aria-label": "Values, one a line",
        placeholder: "One value a line",
      });
      area.value = [value ?? []].flat().join("\n");
      const given = () => area.value.split("\n").map((line) => line.trim()).filter(Boolean);
      return Object.assign(area, { given });
    },
    line: (field, value) => {
      const input = entry(field, "Value", [value].flat()[0]);
      if (field.picked) offer(input, field.key);
      return Object.assign(input, { given: () => input.value.trim() });
    },
    two: (field, value) => {
      const [first, last] = [value ?? []].flat();
      const inputs = [entry(field, "First value", first), entry(field, "Last value", last)];
      const pair = make("span", { class: "between" }, inputs[0], " and ", inputs[1]);
      return Object.assign(pair, { given: () => inputs.map((input) => input.value.trim()) });
    },
    days: (field, value) => {
      const input = make("input", {
        type: "number",
        min: 1,
        max: 36525,
        "aria-label": "Number of days",
      });
      input.value = /^-?\d+$/.test(value) ? value : 30;
      const whole = make("span", { class: "between" }, input, " days");
      return Object.assign(whole, { given: () => input.value.trim() });
    },
  };
  const pickerFor = (field, op) => {
    const choices = field.choices.length > 0 || field.kind === "group";
    switch (field.operators.find((one) => one.op === op)?.takes) {
      case "nothing":
        return pickers.none;
      case "several":
        return choices ? pickers.choices : pickers.lines;
      case "two":
        return pickers.two;
      case "days":
        return pickers.days;
      default:
        if (field.kind === "yes_no") return pickers.yes_no;
        return choices ? pickers.choice : pickers.line;
    }
  };

  const row = (rule) => {
    const name = make("select", { "aria-label": "Field" });
    const sections = new Map();
    for (const field of fields.values()) {
      if (field.kind === "group" && !field.choices.length && field.key !== rule.field) continue;
      if (!sections.has(field.section)) {
        sections.set(field.section, make("optgroup", { label: field.section }));
      }
      sections
        .get(field.section)
        .append(option(field.key, field.label, field.key === rule.field));
    }
    name.append(...sections.values());
    const operator = make("select", { "aria-label": "Operator" });
    const remove = make("button", { type: "button", class: "plain-button" }, "Remove");
    const item = make("li", { class: "rule" }, name, operator, make("span"), remove);
    let picker;
    const putPicker = (value) => {
      const next = pickerFor(fields.get(name.value), operator.value)(fields.get(name.value), value);
      item.replaceChild(next, item.children[2]);
      picker = next;
    };
    const putOperators = (op) => {
      const known = fields.get(name.value).operators;
      operator.replaceChildren(...known.map((o) => option(o.op, o.words, o.op === op)));
    };
    item.rule = () => {
      const value = picker.given();
      const said = { field: name.value, op: operator.value };
      return value === undefined ? said : { ...said, value };
    };
    name.addEventListener("change", () => {
      putOperators(operator.value);
      putPicker(undefined);
      write();
    });
    operator.addEventListener("change", () => {
      putPicker(picker.given());
      write();
    });
    item.addEventListener("input", (event) => {
      if (event.target !== name && event.target !== operator) write();
    });
    remove.addEventListener("click", () => {
      const next = item.nextElementSibling ?? item.previousElementSibling;
      item.remove();
      (next?.querySelector("select") ?? add).focus();
      count();
      write();
    });
    putOperators(rule.op);
    putPicker(rule.value);
    return item;
  };

  // ---- the editor ----------------------------------------------------------------------------
  const present = read();
  const list = make("ol", { class: "rules", "aria-label": "Rules" });
  const block = make("select", { id: "condition-block" });
  const add = make("button", { type: "button", class: "button quiet" }, "Add a rule");
  const count = () => {
    // A condition has at least one rule.
    const removes = list.querySelectorAll(".rule > .plain-button");
    for (const button of removes) button.disabled = removes.length === 1;
    for (const button of removes) button.hidden = removes.length === 1;
  };
  form.elements.selects.addEventListener("change", soon);
  if (present) {
    for (const [value, words] of Object.entries(BLOCKS)) {
      block.append(option(value, words, value === present.block));
    }
    list.append(...present.rules.map(row));
    const asJson = source.closest(".field");
    asJson.hidden = true;
    editor.querySelector("[data-reference]").hidden = true;
    const error = asJson.querySelector(".error");
    editor.append(
      make("p", { class: "joined" }, make("label", { for: block.id }, "Who meets"), block),
      list,
      make("p", {}, add),
    );
    if (error) editor.append(error);
    block.addEventListener("change", write);
    add.addEventListener("click", () => {
      const first = fields.keys().next().value;
      const item = row({ field: first, op: fields.get(first).operators[0].op });
      list.append(item);
      count();
      item.querySelector("select").focus();
      write();
    });
    count();
  } else {
    source.addEventListener("input", soon);
  }
  if (!box.querySelector('[data-say="sentence"]').textContent) preview();
}
