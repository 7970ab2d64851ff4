"""The panel: where the association's staff look after people, groups and the connection.

Flask-Admin brings the mounting, the menu and the check before every view (``access``); pages,
forms and look are the panel's own, made for people who are not engineers. A module is a page or
a subject: the view is thin, what it asks of the database stands beside it, and the rules belong
to the packages that they are about.
"""

from flask import Blueprint, Flask
from flask_admin import Admin
from flask_admin.theme import Theme

from admin import access, banner, roles
from admin.association_settings import AssociationView
from admin.audit import AuditView
from admin.clients import ClientsView
from admin.companies import CompaniesView
from admin.fields import FieldsView
from admin.groups import GroupsView
from admin.imports import ImportsView
from admin.integrations import IntegrationsView
from admin.keys import KeyConverter
from admin.overview import OverviewView
from admin.people import PeopleView
from admin.set_up_pages import SetUpView
from admin.staff import StaffView
from idp.web import csp_nonce

__all__ = ["init_app"]

SETTINGS = "Association settings"


def init_app(app: Flask) -> None:
    """Give an app the panel, at ``/panel/``."""
    app.url_map.converters["key"] = KeyConverter
    app.add_template_global(banner.troubles, "sync_troubles")
    for question in (
        *(access.may, access.may_see, access.may_send, access.may_be_sent_by),
        roles.role_name,
    ):
        app.add_template_global(question)
    app.register_blueprint(
        Blueprint(
            "panel_files",
            __name__,
            template_folder="templates",
            static_folder="static",
            static_url_path="/panel/static",
        )
    )
    panel = Admin(
        name="Panel",
        # An index view of our own has no static folder: nothing of Flask-Admin's is served.
        index_view=OverviewView("Overview", endpoint="panel", url="/panel"),
        url="/panel",
        theme=Theme(folder="bootstrap4", base_template="panel/base.html"),
        csp_nonce_generator=csp_nonce,
    )
    for view in (
        SetUpView("Set-up", None, "panel_set_up", "set-up"),
        PeopleView("People", "Directory", "panel_people", "people"),
        CompaniesView("Companies", "Directory", "panel_companies", "companies"),
        ImportsView("Imports", "Directory", "panel_imports", "imports"),
        FieldsView("Custom fields", "Directory", "panel_fields", "fields"),
        GroupsView("Groups", None, "panel_groups", "groups"),
        StaffView("Staff and roles", None, "panel_staff", "staff"),
        AssociationView("Name and look", SETTINGS, "panel_association", "association"),
        IntegrationsView("Integrations", SETTINGS, "panel_integrations", "integrations"),
        ClientsView("Clients", SETTINGS, "panel_clients", "clients"),
        AuditView("Audit", None, "panel_audit", "audit"),
    ):
        panel.add_view(view)
    panel.init_app(app)
