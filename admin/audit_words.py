"""The events of the audit as staff say them: “Anna Smith changed the job title of Bob Jones”."""

from dataclasses import dataclass

from idp.audit import Event

NOBODY, TESSERA = "Somebody", "Tessera"


@dataclass(frozen=True)
class Said:
    """What is said of an event: ``text`` with ``{who}``, ``{about}``, ``{also}`` (a second one)
    and ``{what}`` (the fields that changed).

    ``own`` is said instead where who did it is whom it is about, and ``bare`` where it is about
    nobody.
    """

    text: str
    own: str = ""
    bare: str = ""


_RECORD = "{who} changed {what} of {about}"

SAID: dict[Event, Said] = {
    Event.SIGNED_IN: Said("{about} signed in", "{who} signed in"),
    Event.SIGN_IN_REFUSED: Said(
        "A sign-in as {about} was refused",
        bare="A sign-in with an address that has no account was refused",
    ),
    Event.SIGNED_OUT: Said("{who} signed {about} out", "{who} signed out"),
    Event.SIGNED_OUT_EVERYWHERE: Said(
        "{who} signed {about} out everywhere", "{who} signed out everywhere"
    ),
    Event.PASSWORD_SET: Said("{who} set the password of {about}", "{about} chose a new password"),
    Event.RESET_ASKED: Said(
        "{who} sent {about} a link to choose a password",
        bare="{who} asked for a link to choose a password",
    ),
    Event.CONFIRMED: Said("{who} gave their password again"),
    Event.CONFIRM_REFUSED: Said("{who} gave a wrong password when asked for it again"),
    Event.PROFILE_CHANGED: Said(_RECORD, "{who} changed {what} of their own profile"),
    Event.OWN_PHOTO_CHANGED: Said("{who} changed their own photo"),
    Event.OWN_PHOTO_REMOVED: Said("{who} removed their own photo"),
    Event.ACCOUNT_CREATED: Said("{who} gave {about} an account"),
    Event.ROLE_CHANGED: Said("{who} changed the role of {about}"),
    Event.ACCOUNT_DEACTIVATED: Said("{who} switched the account of {about} off"),
    Event.ACCOUNT_REACTIVATED: Said("{who} switched the account of {about} on again"),
    Event.CONTACT_CREATED: Said("{who} added {about}"),
    Event.CONTACT_CHANGED: Said(_RECORD, "{who} changed {what} of their own record"),
    Event.PHOTO_CHANGED: Said("{who} changed the photo of {about}"),
    Event.PHOTO_REMOVED: Said("{who} removed the photo of {about}"),
    Event.CONTACT_DEACTIVATED: Said("{who} put the record of {about} out of use"),
    Event.CONTACT_REACTIVATED: Said("{who} put the record of {about} back into use"),
    Event.CONTACT_MERGED: Said("{who} merged another record into the one of {about}"),
    Event.FIELD_CREATED: Said("{who} made the custom field {about}"),
    Event.FIELD_CHANGED: Said("{who} changed {what} of the custom field {about}"),
    Event.FIELD_DELETED: Said("{who} deleted the custom field {about}"),
    Event.GROUP_CREATED: Said("{who} made the group {about}"),
    Event.GROUP_CHANGED: Said("{who} changed {what} of the group {about}"),
    Event.GROUP_DELETED: Said("{who} deleted the group {about}"),
    Event.MEMBER_ADDED: Said("{who} added {also} to the group {about}"),
    Event.MEMBER_CHANGED: Said("{who} changed {what} of {also} in the group {about}"),
    Event.MEMBER_REMOVED: Said("{who} took {also} out of the group {about}"),
    Event.MEMBER_SHUT_OUT: Said("{who} shut {also} out of the group {about}"),
    Event.MEMBER_LET_IN: Said("{who} let {also} into the group {about} again"),
    Event.ASSOCIATION_CHANGED: Said("{who} changed {what} of the association"),
    Event.LOGO_CHANGED: Said("{who} changed the association’s logo"),
    Event.LOGO_REMOVED: Said("{who} removed the association’s logo"),
    Event.SET_UP_DECIDED: Said("{who} decided on a step of the set-up"),
    Event.SET_UP_REOPENED: Said("{who} took back what was decided on a step of the set-up"),
    Event.LAUNCHED: Said("{who} ended the set-up"),
    Event.TEST_CONTACT_SENT: Said("{who} sent {about} to Higher Logic as a test"),
    Event.CONNECTION_CHANGED: Said("{who} changed {what} of the connection to Higher Logic"),
    Event.CONNECTION_TESTED: Said("{who} tested the connection to Higher Logic"),
    Event.CLIENT_CREATED: Said("{who} made the client {about}"),
    Event.CLIENT_CHANGED: Said("{who} changed {what} of the client {about}"),
    Event.CLIENT_SECRET_CHANGED: Said("{who} changed the secret of the client {about}"),
    Event.CLIENT_TEST_STARTED: Said("{who} started the self-test of {about}"),
    Event.CLIENT_TESTED: Said("The self-test of {about} that {who} started is over"),
    Event.IMPORTED: Said("{who} imported {about}"),
    Event.EXPORTED: Said("{who} exported a list of {about}", bare="{who} exported a list"),
    Event.MAPPING_CHANGED: Said("{who} saved the columns “{about}” for imports"),
    Event.MAPPING_DELETED: Said("{who} deleted the columns “{about}” for imports"),
    Event.IMPORT_UPLOADED: Said("{who} uploaded a file of {about}"),
    Event.IMPORT_CHOSEN: Said("{who} said where the columns of a file of {about} go"),
    Event.IMPORT_STARTED: Said("{who} started an import of {about}"),
    Event.IMPORT_ALLOWED: Said("{who} allowed an import of {about} what it takes away"),
    Event.IMPORT_CANCELLED: Said("{who} cancelled an import of {about}"),
    Event.CREATED_BY_IMPORT: Said("An import by {who} added {about}"),
    Event.CHANGED_BY_IMPORT: Said("An import by {who} changed {what} of {about}"),
    Event.DEACTIVATED_BY_IMPORT: Said(
        "An import by {who} put the record of {about}, who was not in the file, out of use"
    ),
    Event.RESENT: Said(
        "{who} had {about} sent to Higher Logic again",
        bare="{who} had everything sent to Higher Logic again",
    ),
    Event.RECONCILED: Said("{who} compared every record with what Higher Logic has"),
    Event.RECONCILE_ASKED: Said(
        "{who} asked for every record to be compared with what Higher Logic has"
    ),
    Event.REMOVALS_HELD: Said("Removals from the group {about} were held back"),
    Event.REMOVALS_OVER: Said("Nothing of the group {about} is held back any more"),
    Event.REMOVALS_ALLOWED: Said("{who} let the removals from the group {about} go"),
    Event.REMOVALS_REFUSED: Said("{who} kept those held back in the group {about}"),
    Event.NOT_PUSHED_FIRST: Said(
        "{about} went on to Higher Logic before it had their record",
        "{who} went on to Higher Logic before it had their record",
    ),
    Event.KEYS_ROTATED: Said("{who} began with the next key for signing sign-ins"),
    Event.CONSENT_GIVEN: Said("{who} allowed {about} to read their details"),
    Event.CONSENT_WITHDRAWN: Said("{who} took the leave of {about} back"),
    Event.CODE_REUSED: Said("A sign-in code for {about} was used twice"),
    Event.ACCESS_REFUSED: Said("{who} was not let in to {about}: a member of none of its groups"),
    Event.REFRESH_REUSED: Said("A sign-in at {about} was renewed twice with the same token"),
    Event.TOKEN_REVOKED: Said("{about} gave a sign-in back"),
}

# Kinds that the page can be narrowed to, with the events of each.
KINDS: dict[str, tuple[str, tuple[Event, ...]]] = {
    "records": (
        "People and companies",
        (
            *(Event.CONTACT_CREATED, Event.CONTACT_CHANGED, Event.PROFILE_CHANGED),
            *(Event.CONTACT_DEACTIVATED, Event.CONTACT_REACTIVATED, Event.CONTACT_MERGED),
            *(Event.PHOTO_CHANGED, Event.PHOTO_REMOVED),
            *(Event.OWN_PHOTO_CHANGED, Event.OWN_PHOTO_REMOVED),
        ),
    ),
    "accounts": (
        "Accounts and passwords",
        (
            *(Event.ACCOUNT_CREATED, Event.ROLE_CHANGED, Event.ACCOUNT_DEACTIVATED),
            *(Event.ACCOUNT_REACTIVATED, Event.PASSWORD_SET, Event.RESET_ASKED),
        ),
    ),
    "sign-ins": (
        "Sign-ins",
        (
            *(Event.SIGNED_IN, Event.SIGN_IN_REFUSED, Event.SIGNED_OUT),
            *(Event.SIGNED_OUT_EVERYWHERE, Event.CONFIRMED, Event.CONFIRM_REFUSED),
            *(Event.ACCESS_REFUSED, Event.NOT_PUSHED_FIRST),
            *(Event.CONSENT_GIVEN, Event.CONSENT_WITHDRAWN, Event.CODE_REUSED),
            *(Event.REFRESH_REUSED, Event.TOKEN_REVOKED),
        ),
    ),
    "groups": (
        "Groups and their members",
        (
            *(Event.GROUP_CREATED, Event.GROUP_CHANGED, Event.GROUP_DELETED),
            *(Event.MEMBER_ADDED, Event.MEMBER_CHANGED, Event.MEMBER_REMOVED),
            *(Event.MEMBER_SHUT_OUT, Event.MEMBER_LET_IN),
        ),
    ),
    "fields": (
        "Custom fields",
        (Event.FIELD_CREATED, Event.FIELD_CHANGED, Event.FIELD_DELETED),
    ),
    "imports": (
        "Imports",
        (
            *(Event.IMPORT_UPLOADED, Event.IMPORT_CHOSEN, Event.IMPORT_STARTED),
            *(Event.IMPORT_ALLOWED, Event.IMPORT_CANCELLED, Event.IMPORTED),
            *(Event.MAPPING_CHANGED, Event.MAPPING_DELETED),
        ),
    ),
    "imported": (
        "Each contact of an import",
        (Event.CREATED_BY_IMPORT, Event.CHANGED_BY_IMPORT, Event.DEACTIVATED_BY_IMPORT),
    ),
    "exports": ("Exports", (Event.EXPORTED,)),
    "higher-logic": (
        "Sync to Higher Logic",
        (
            *(Event.CONNECTION_CHANGED, Event.CONNECTION_TESTED, Event.TEST_CONTACT_SENT),
            *(Event.RESENT, Event.RECONCILE_ASKED, Event.RECONCILED),
            *(Event.REMOVALS_HELD, Event.REMOVALS_OVER),
            *(Event.REMOVALS_ALLOWED, Event.REMOVALS_REFUSED),
        ),
    ),
    "clients": (
        "Clients",
        (
            *(Event.CLIENT_CREATED, Event.CLIENT_CHANGED, Event.CLIENT_SECRET_CHANGED),
            *(Event.CLIENT_TEST_STARTED, Event.CLIENT_TESTED, Event.KEYS_ROTATED),
        ),
    ),
    "association": (
        "The association",
        (
            *(Event.ASSOCIATION_CHANGED, Event.LOGO_CHANGED, Event.LOGO_REMOVED),
            *(Event.SET_UP_DECIDED, Event.SET_UP_REOPENED, Event.LAUNCHED),
        ),
    ),
}


def said_with(word: str) -> list[str]:
    """The names of the events whose sentence has a word."""
    word = word.casefold()
    return [
        event.value
        for event, said in SAID.items()
        if any(word in text.casefold() for text in (said.text, said.own, said.bare))
    ]
