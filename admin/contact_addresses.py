"""Where the page of a person or a company is."""

from flask import url_for

from idp.directory.contacts import Contact

PAGES = {"person": "panel_people.person", "company": "panel_companies.company"}


def home(contact: Contact) -> str:
    """The address of a contact's own page."""
    return url_for(PAGES[contact.kind], key=contact.key)
