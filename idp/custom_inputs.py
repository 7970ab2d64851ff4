"""The inputs of custom fields: the same on a member's own page and in the panel."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from wtforms import (
    EmailField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
    URLField,
    validators,
    widgets,
)
from wtforms.fields import SelectChoice

from idp.directory import fields
from idp.directory.contacts import Contact
from idp.directory.fields import CustomField, FieldValue
from idp.directory.values import (
    EMAIL_LENGTH,
    KEY_LENGTH,
    TEXT_LENGTH,
    URL_LENGTH,
    InvalidValue,
    one_line,
)

LONGEST_IN_AUDIT = 500
Values = Mapping[str, list[FieldValue]]
"""A contact's rows by field key, as ``fields.values_of`` gives them."""


def name_of(field: CustomField) -> str:
    """The name of a field's input."""
    return f"custom_{field.key}"


def inputs(custom: Iterable[CustomField], values: Values) -> dict[str, object]:
    """A form's inputs for custom fields, by name.

    A choice that is no longer offered is among the choices of who has it.
    """
    return {name_of(field): _input(field, values.get(field.key, [])) for field in custom}


def present(custom: Iterable[CustomField], values: Values) -> dict[str, Any]:
    """What the inputs hold before anybody typed, by name."""
    return {name_of(field): _held(field, values.get(field.key, [])) for field in custom}


def take(
    form: Any, contact: Contact, custom: Iterable[CustomField], values: Values
) -> dict[str, list[str]]:
    """Give the contact what was typed; gives what changed, before and after, by field key.

    What cannot be taken is said at its input, and the caller rolls back (``form.errors``).
    """
    changed: dict[str, list[str]] = {}
    for field in custom:
        it = form[name_of(field)]
        if it.errors:
            continue
        rows = values.get(field.key, [])
        before = fields.shown(rows)
        typed = "|".join(it.data) if isinstance(it.data, list) else it.data or ""
        if field.kind == "text" and typed == one_line(before):
            continue  # as it was shown: its line breaks stay
        try:
            given = fields.parsed(field, typed)
            if fields.replace_rows(contact, field, rows, given):
                after = fields.said(field, given)
                changed[field.key] = [_shortened(before), _shortened(after)]
        except InvalidValue as error:
            it.errors = [*it.errors, str(error)]
    return changed


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_IN_AUDIT else f"{text[:LONGEST_IN_AUDIT]}…"


def _held(field: CustomField, rows: list[FieldValue]) -> str | list[str]:
    if field.kind in fields.WITH_CHOICES:
        value = fields.value_of(rows)
        return value if isinstance(value, list) else str(value or "")
    text = fields.shown(rows)
    if field.kind == "text":
        return one_line(text)
    return text.lower() if field.kind == "yes_no" else text


def _input(field: CustomField, rows: list[FieldValue]) -> object:
    if field.kind in _WITH_OPTIONS:
        held = {row.choice_id for row in rows}
        return _WITH_OPTIONS[field.kind](
            field.label,
            [
                SelectChoice(choice.key, choice.label)
                for choice in field.choices
                if not choice.retired or choice.id in held
            ],
        )
    kind, longest, more = _LINES[field.kind]
    checks = [validators.Length(max=longest)] if longest else []
    return kind(field.label, checks, render_kw=dict(more))


def _several_of(label: str, choices: list[SelectChoice]) -> object:
    return SelectMultipleField(
        label,
        choices=choices,
        widget=widgets.ListWidget(prefix_label=False),
        option_widget=widgets.CheckboxInput(),
    )


def _one_of(label: str, choices: list[SelectChoice]) -> object:
    return SelectField(label, choices=[SelectChoice("", "–"), *choices])


def _yes_no(label: str, _choices: list[SelectChoice]) -> object:
    return _one_of(label, [SelectChoice("yes", "Yes"), SelectChoice("no", "No")])


_WITH_OPTIONS: dict[str, Callable[[str, list[SelectChoice]], object]] = {
    "yes_no": _yes_no,
    "one_of": _one_of,
    "several_of": _several_of,
}
_AS_IT_IS = {"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}
# The input, the characters that it takes, and what a browser should know. A long text is counted
# where it is read: browsers send each line break as two characters.
_LINES: dict[str, tuple[type[StringField], int | None, dict[str, str]]] = {
    "text": (StringField, TEXT_LENGTH, {}),
    "long_text": (TextAreaField, None, {"rows": "6", "maxlength": str(fields.LONG_TEXT_LENGTH)}),
    "whole_number": (StringField, 40, {"inputmode": "numeric"}),
    "decimal": (StringField, 40, {"inputmode": "decimal"}),
    "date": (StringField, 40, {"type": "date"}),
    "email": (EmailField, EMAIL_LENGTH, {"autocapitalize": "none", "autocomplete": "off"}),
    "web_address": (URLField, URL_LENGTH, {"placeholder": "https://"}),
    "key": (StringField, KEY_LENGTH, _AS_IT_IS),
}
