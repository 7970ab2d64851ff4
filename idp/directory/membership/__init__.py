"""Membership: which contacts are in which group, materialised.

Today's memberships of a group are those whom its condition selects and those whom staff added
(``Addition``), without whom they shut out (``Exclusion``). They follow inside the transaction of
what they follow from: for one contact's change by asking every group about that contact only
(``following``), for a group's change by one set difference in the database (``setwise``), and by
themselves when the day turns (``days``). Either way what joined or left a synced group, or has
another role or other dates there, is announced, and what ended is kept as ``PastMembership``
(docs/architecture.md, decision 4).
"""

from idp.directory.membership import following as following
from idp.directory.membership import watching as watching
from idp.directory.membership.days import turn_of_day
from idp.directory.membership.hand import (
    add,
    additions_of,
    change,
    exclusion_of,
    let_in,
    remove,
    shut_out,
)
from idp.directory.membership.model import (
    ORIGINS,
    ROLE_LENGTH,
    Addition,
    Exclusion,
    Membership,
    PastMembership,
    contact_ids_of,
)
from idp.directory.membership.setwise import matching, refresh_group

__all__ = [
    "ORIGINS",
    "ROLE_LENGTH",
    "Addition",
    "Exclusion",
    "Membership",
    "PastMembership",
    "add",
    "additions_of",
    "change",
    "contact_ids_of",
    "exclusion_of",
    "let_in",
    "matching",
    "refresh_group",
    "remove",
    "shut_out",
    "turn_of_day",
]
