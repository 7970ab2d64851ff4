"""What a client's staff need to be told, in the words of Higher Logic's technical worksheet."""

from idp.oauth import discovery
from idp.oauth.clients import Client

SCOPE_OF_HIGHER_LOGIC = "profile"


def told(client: Client) -> list[tuple[str, str]]:
    """Name and value of each fact; none of them is a secret."""
    facts = discovery.metadata()
    if not client.made_from.signs_members_in:
        return [
            ("Token URL", facts["token_endpoint"]),
            ("Introspection URL", facts["introspection_endpoint"]),
            ("Client ID", client.client_id),
            ("Scope", client.scopes),
            ("Client authentication", authentication(client)),
        ]
    rows = [
        ("Authorization URL", facts["authorization_endpoint"]),
        ("Token URL", facts["token_endpoint"]),
        ("User-info URL", facts["userinfo_endpoint"]),
        ("Logout URL", facts["end_session_endpoint"]),
        ("Client ID", client.client_id),
        ("Scope", SCOPE_OF_HIGHER_LOGIC if client.is_higher_logic else client.scopes),
        ("Identifier attribute", client.identifier_attribute),
        ("Client authentication", authentication(client)),
    ]
    if not client.is_higher_logic:
        rows.insert(0, ("Issuer", facts["issuer"]))
        rows.insert(1, ("Discovery", f"{facts['issuer']}/.well-known/openid-configuration"))
    return rows


def authentication(client: Client) -> str:
    """How a client proves itself at the token endpoint, in a phrase."""
    match client.authentication:
        case "none":
            return "none, with PKCE"
        case "private_key_jwt":
            return "an assertion signed with its key (private_key_jwt)"
        case _:
            return "HTTP Basic (client_secret_basic); in the body works as well"
