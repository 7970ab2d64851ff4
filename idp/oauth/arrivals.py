"""The one place that tells who is about to arrive at a Higher Logic community.

A code is about to be issued there for somebody. Higher Logic lets nobody in whose key it does not
know, and idp does not know the sync, which can see to that: whoever listens is told first, as
``directory.changes`` tells of changes.
"""

from collections.abc import Callable

from flask import request

from idp.oauth.clients import Client
from idp.oauth.self_test.far_side import AGENT
from idp.signin.sessions import SignedIn

Listener = Callable[[SignedIn, str], None]

_listeners: list[Listener] = []


def listen(function: Listener) -> None:
    """Register a listener: called with the sign-in and the client's id while the member waits.

    It keeps them waiting for a moment at most, raises nothing, and leaves no transaction open.
    """
    if function not in _listeners:
        _listeners.append(function)


def tell(client: Client, sign_in: SignedIn) -> None:
    """Tell of a member who is about to arrive at a client. Of Higher Logic's clients only; the
    self-test arrives nowhere."""
    if not client.is_higher_logic or request.user_agent.string == AGENT:
        return
    for listener in _listeners:
        listener(sign_in, client.client_id)
