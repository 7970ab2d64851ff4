"""What the buttons of the condition editor do where no script does it: add, move, remove a part."""

from dataclasses import dataclass

from admin.condition_drafts import MOST_PARTS, ROOT, Block, Part, Rule, walk
from idp.directory import conditions


@dataclass(frozen=True)
class Done:
    """What an edit came to: the part whose controls are to have the focus, and what is said."""

    focus: str
    said: str


def edit(root: Block, action: str) -> Done | None:
    """Do what a button says, as ``up:p3``; ``None`` for what cannot be done, or no longer."""
    what, _, name = action.partition(":")
    match what:
        case "rule" | "block":
            return _add(root, what, name)
        case "remove":
            return _remove(root, name)
        case "up" | "down":
            return _move(root, name, -1 if what == "up" else 1)
        case "show":
            return Done(name, "")
        case _:
            return None


def _add(root: Block, what: str, name: str) -> Done | None:
    found = _find(root, name)
    inside = found[0] if found else root if name == ROOT else None
    depth = len(found[2]) + 1 if found else 1
    numbers = [int(part.id[1:]) for part, _, _ in walk(root)]
    if not isinstance(inside, Block) or len(numbers) >= MOST_PARTS // 2:
        return None
    made = f"p{max(numbers, default=0) + 1}"
    if what == "rule":
        inside.parts.append(Rule(made))
        return Done(made, "A rule is added.")
    if depth >= conditions.DEEPEST:
        return None
    # Whoever adds a block to “all of these” wants the other kind.
    rule = f"p{max(numbers, default=0) + 2}"
    inside.parts.append(Block(made, "all" if inside.kind == "any" else "any", [Rule(rule)]))
    return Done(rule, "A block with a rule is added.")


def _remove(root: Block, name: str) -> Done | None:
    found = _find(root, name)
    if found is None:
        return None
    part, inside, path = found
    inside.parts.remove(part)
    left = inside.parts[min(path[-1] - 1, len(inside.parts) - 1)] if inside.parts else inside
    return Done(left.id, f"The {'block' if isinstance(part, Block) else 'rule'} is removed.")


def _move(root: Block, name: str, step: int) -> Done | None:
    """One place up or down as the page reads: into a block that lies in the way, out at its end."""
    found = _find(root, name)
    if found is None:
        return None
    part, inside, path = found
    at = path[-1] - 1
    beside = inside.parts[at + step] if 0 <= at + step < len(inside.parts) else None
    if beside is None:
        if len(path) == 1:
            return None
        outer = _find(root, inside.id)
        assert outer is not None  # noqa: S101 (only the outermost block stands in none)
        inside.parts.pop(at)
        outer[1].parts.insert(outer[2][-1] - 1 + (step > 0), part)
    elif isinstance(beside, Block) and len(path) + 1 + _height(part) <= conditions.DEEPEST:
        inside.parts.pop(at)
        beside.parts.insert(0 if step > 0 else len(beside.parts), part)
    else:
        inside.parts[at], inside.parts[at + step] = inside.parts[at + step], part
    return Done(name, "Moved up." if step < 0 else "Moved down.")


def _height(part: Part) -> int:
    """How many blocks deep a part is: 0 for a rule."""
    if isinstance(part, Rule):
        return 0
    return 1 + max((_height(inner) for inner in part.parts), default=0)


def _find(root: Block, name: str) -> tuple[Part, Block, tuple[int, ...]] | None:
    return next((found for found in walk(root) if found[0].id == name), None)
