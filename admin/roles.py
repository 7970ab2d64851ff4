"""The roles in staff's words: what each is called, and what it may do."""

NAMES: dict[str, str] = {
    "owner": "Owner",
    "staff": "Staff",
    "reader": "Read-only",
    "help-desk": "Help desk",
    "member": "Member",
}
WORDS: dict[str, str] = {
    "owner": "Everything that staff may, and also: the association’s settings, the connection to "
    "Higher Logic, the sites that members sign in to, what becomes of removals that are held back, "
    "who has which role, and the audit.",
    "staff": "Looks after people, companies, groups, custom fields and imports: sees them, changes "
    "them, and exports their lists. No settings.",
    "reader": "Sees what staff see and exports the lists, and changes nothing.",
    "help-desk": "Sees people, companies and groups. Makes accounts for members, sends them "
    "invitations and links for a new password, and signs them out everywhere. Changes and exports "
    "nothing else, and sees no settings.",
    "member": "Signs in to their own page and to the community. The panel is closed to them.",
}


def role_name(role: str) -> str:
    """What a role is called."""
    return NAMES[role]
