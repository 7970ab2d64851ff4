"""A condition as the panel's editor sends it."""

from typing import Any

BLOCKS = ("all", "any", "none")


def written(condition: Any) -> dict[str, Any]:
    """The fields of the editor's form that say a condition, which is a tree or a single rule."""
    form: dict[str, Any] = {"part": []}
    number = 0

    def add(part: dict[str, Any]) -> None:
        nonlocal number
        number += 1
        name = f"p{number}"
        if "field" in part:
            form["part"].append(f"rule:{name}")
            form[f"{name}.field"], form[f"{name}.op"] = part["field"], part["op"]
            value = part.get("value", [])
            form[f"{name}.value"] = [
                {True: "yes", False: "no"}.get(one, str(one)) if isinstance(one, bool) else str(one)
                for one in (value if isinstance(value, list) else [value])
            ]
            return
        kind = next(one for one in BLOCKS if one in part)
        form["part"].append(f"block:{name}")
        form[f"{name}.kind"] = kind
        for inner in part[kind]:
            add(inner)
        form["part"].append("end")

    tree = {"all": [condition]} if "field" in condition else condition
    kind = next(one for one in BLOCKS if one in tree)
    form["p0.kind"] = kind
    for inner in tree[kind]:
        add(inner)
    return form
