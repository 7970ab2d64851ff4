"""The steps of the set-up, in the order of the brief; each ticks itself from the facts.

A step that is a decision ("no custom fields") is ticked by saying so; what was decided is the
association's (``association.Association.decided``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import url_for
from markupsafe import Markup

from admin.access import may
from admin.set_up_facts import Facts
from idp.moments import ago
from sync.standing import saying


@dataclass(frozen=True)
class Step:
    """A step of the set-up, as the page shows it.

    ``text`` says what it is for, ``missing`` what is missing, ``facts`` what is there once it is
    ``done``; ``endpoint`` leads to where it is mended. ``decision`` is what may be said instead of
    doing it, if anything; ``decided`` that it was.
    """

    name: str
    title: str
    text: str
    endpoint: str
    action: str
    done: bool
    missing: str = ""
    facts: str | Markup = ""
    values: tuple[tuple[str, Any], ...] = ()
    decision: str = ""
    decided: bool = False

    @property
    def url(self) -> str:
        """Where the step is done."""
        return url_for(self.endpoint, **dict(self.values))

    @property
    def mine(self) -> bool:
        """Whether who is signed in may do it."""
        page = self.endpoint if self.name != "launch" else "panel_set_up.launch"
        return may(page) and may("panel_set_up.decide")


def steps() -> list[Step]:
    """All of the steps. A fixed number of statements."""
    facts = Facts.now()
    made = [make(facts) for make in _STEPS]
    return [*made, _launch(facts, all(step.done for step in made))]


def _look(facts: Facts) -> Step:
    here = facts.association
    return Step(
        "look",
        "Your association’s name and look",
        "Members see name, logo and colour on every page and in every mail.",
        "panel_association.index",
        "Enter them",
        facts.named,
        missing="The name is not entered yet.",
        facts=f"{here.name}, {'with' if here.logo_token else 'without'} a logo.",
    )


def _people(facts: Facts) -> Step:
    return Step(
        "people",
        "People and companies",
        "From your member system’s export: companies first, then people. Only people with an "
        "account reach Higher Logic, and the import can give each of them one.",
        "panel_imports.index",
        "Import them",
        facts.people > 0,
        missing="Nobody is here yet.",
        facts=f"{_number(facts.people, 'person', 'people')}, {facts.accounts:,} of them with an "
        "account, not counting who works in this panel; "
        f"{_number(facts.companies, 'company', 'companies')}.",
    )


def _connect(facts: Facts) -> Step:
    link = facts.link
    if not link.configured:
        missing, action = "Neither is complete yet.", "Enter them"
        if link.tenant_code:
            missing = "The API key is missing."
        elif link.sealed_key:
            missing = "The tenant code is missing."
    elif link.stopped_at is not None or link.last_test_ok is False:
        missing, action = link.stopped_reason or link.last_test_message, "Put it right"
    else:
        missing, action = "Both are entered, and not tested yet.", "Go to the test"
    return Step(
        "connection",
        "API key and tenant code",
        "Your Higher Logic representative gives you both. Test connection then tells you whether "
        "Higher Logic takes them, and sends nothing of your members.",
        "panel_integrations.index",
        action,
        facts.connected,
        missing=missing,
        facts=Markup("Higher Logic took them {}.").format(ago(link.last_tested_at))
        if link.last_test_ok
        else "Higher Logic accepts what comes with them.",
        values=(("_anchor", "connection"),),
    )


def _properties(facts: Facts) -> Step:
    switches = facts.switches
    off = [words for words, on in switches.items() if not on]
    said = "; ".join(f"{words}: {'on' if on else 'off'}" for words, on in switches.items())
    return Step(
        "properties",
        "The three Higher Logic properties",
        "Ask your representative to activate MembershipIntegrateBio, IntegrateProfileImage and "
        "IntegrateSocialMediaSites, or to confirm that they are on; then switch the same on here.",
        "panel_integrations.index",
        "Look at the switches",
        not off or "properties" in facts.decided,
        missing=f"{said}.",
        facts=f"{said}.",
        values=(("_anchor", "properties"),),
        decision="" if not off else "What is off stays off",
        decided="properties" in facts.decided and bool(off),
    )


def _test_contact(facts: Facts) -> Step:
    return Step(
        "test-contact",
        "One test contact",
        "One record goes to Higher Logic, and you read what it answered, before anybody else’s "
        "goes. Choose yourself, or a colleague.",
        "panel_set_up.test_contact",
        "Choose who",
        facts.any_accepted,
        missing="Nothing was sent yet." if facts.link.configured else "The connection comes first.",
        facts="Higher Logic accepts our records.",
    )


def _sign_in(facts: Facts) -> Step:
    client = facts.client
    if client is None:
        missing, action, endpoint = "There is no client yet.", "Make the client", "new"
    elif not client.redirect_uris:
        missing, action, endpoint = (
            "The client is made. Fill out the worksheet, send it to your representative, and enter "
            "the address that comes back.",
            *("Open the worksheet", "worksheet"),
        )
    elif facts.self_test == "failed":
        missing, action, endpoint = "The self-test failed.", "Open the self-test", "self_test"
    else:
        missing, action, endpoint = (
            "Client and worksheet are there. The self-test has not been run yet.",
            *("Run the self-test", "self_test"),
        )
    values = (("client_id", client.client_id),) if client is not None else ()
    done = client is not None and bool(client.redirect_uris) and facts.self_test == "passed"
    return Step(
        "sign-in",
        "Single sign-on: client and worksheet",
        "Members then sign in at Higher Logic with their account here. We fill out the technical "
        "worksheet for you, and the self-test plays Higher Logic’s part from end to end.",
        f"panel_clients.{endpoint}",
        action,
        done or "sign-in" in facts.decided,
        missing=missing,
        facts=f"{client.name}: the self-test passed." if client is not None and done else "",
        values=values,
        decision="" if done else "We do without single sign-on",
        decided="sign-in" in facts.decided and not done,
    )


def _fields(facts: Facts) -> Step:
    number = facts.synced_fields
    return Step(
        "fields",
        "Custom fields to sync",
        "Each custom field that is shown in the Members section can be sent along. If communities "
        "or security groups exist at Higher Logic already, send at least the field that holds "
        "their key.",
        "panel_fields.index",
        "Choose fields",
        number > 0 or "fields" in facts.decided,
        missing="No custom field is marked for Higher Logic."
        if facts.fields
        else "There are no custom fields yet.",
        facts=f"{_number(number, 'field is', 'fields are')} sent along." if number else "",
        decision="" if number else "No custom fields",
        decided="fields" in facts.decided and not number,
    )


def _group(facts: Facts) -> Step:
    best = facts.best_group
    if best is None:
        missing, endpoint, action = (
            "No group’s sync is on.",
            "panel_groups.index",
            "Open groups" if facts.groups else "Make a group",
        )
        values: tuple[tuple[str, Any], ...] = ()
        if not facts.groups:
            endpoint = "panel_groups.new"
    else:
        missing = f"{best['name']}: {saying.label(best)}."
        endpoint, action, values = "panel_groups.group", "Open the group", (("key", best["key"]),)
    return Step(
        "group",
        "The first group",
        "One group makes one community or one security group. Look at the preview, who is in it "
        "and who is left out, then switch Sync to Higher Logic on.",
        endpoint,
        action,
        facts.group_arrived,
        missing=missing,
        facts=f"{best['name']}: {_number(best['sent'], 'member has', 'members have')} arrived."
        if best is not None
        else "",
        values=values,
    )


def _launch(facts: Facts, ready: bool) -> Step:
    launched = facts.association.launched_at
    return Step(
        "launch",
        "Launch",
        "At Higher Logic, Admin > Settings > Sync External Database says how many contacts are "
        "pending refresh: 0 means that it has worked in everything. Then tell your members.",
        "panel_set_up.index",
        "Launch",
        launched is not None,
        missing="" if ready else "The steps above come first.",
        facts=Markup("Launched {}.").format(ago(launched)),
    )


_STEPS: tuple[Callable[[Facts], Step], ...] = (
    *(_look, _people, _connect, _properties, _test_contact, _sign_in, _fields, _group),
)


def view() -> dict[str, Any]:
    """What the page shows; the next step is one that who is signed in may do, if there is any."""
    found = steps()
    to_do = [step for step in found if not step.done]
    mine = [step for step in to_do if step.mine]
    return {
        "steps": found,
        "number_done": len(found) - len(to_do),
        "next_step": next(iter(mine or to_do), None),
        "ready": [step.name for step in to_do] == ["launch"],
    }


def _number(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
