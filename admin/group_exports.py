"""Who is, was, is added to or shut out of a group, as files."""

from collections.abc import Callable
from typing import Any

from flask import Response
from sqlalchemy import ColumnElement

from admin import exports, group_sync
from admin.access import PanelView, page
from admin.group_members import found
from admin.lists import searched
from idp.directory import exporting
from idp.directory.groups import Group
from idp.exporting import Table

_OF_PEOPLE: dict[str, Any] = {"methods": ("POST",), "post": "export", "sensitive": ("POST",)}


class ExportPages(PanelView):
    """The files of a group's lists, as a part of the groups' view."""

    @page("/<key:key>/members/export", **_OF_PEOPLE)
    def export_members(self, key: str) -> Any:
        """Who is in a group, or those that the search finds, as a file."""
        return _file(key, exporting.members)

    @page("/<key:key>/members/past/export", **_OF_PEOPLE)
    def export_past_members(self, key: str) -> Any:
        """Who was in a group, or those that the search finds, as a file."""
        return _file(key, exporting.past_members)

    @page("/<key:key>/members/added/export", **_OF_PEOPLE)
    def export_added_members(self, key: str) -> Any:
        """Who was added to a group, or those that the search finds, as a file."""
        return _file(key, exporting.added_members)

    @page("/<key:key>/members/shut-out/export", **_OF_PEOPLE)
    def export_shut_out_members(self, key: str) -> Any:
        """Who is shut out of a group, or those that the search finds, as a file."""
        return _file(key, exporting.shut_out_members)


def _file(key: str, table: Callable[[Group, ColumnElement[bool] | None], Table]) -> Response:
    group = found(key)
    asked = group_sync.found_by(searched()) if searched() else None
    return exports.download(table(group, asked), group.key)
