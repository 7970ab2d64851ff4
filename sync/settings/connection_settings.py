"""What the association's staff may enter of the connection: each setting, checked."""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from idp.directory.contacts import InvalidValue, checked_text
from idp.settings import is_loopback
from sync.records import deactivated
from sync.settings import alert_settings, history_settings, limits, pace

SWITCHES = ("integrate_bio", "integrate_profile_image", "integrate_social_media")
LIMITS = ("guard_people", "guard_percent")
NAMES = (
    "base_url",
    "tenant_code",
    "api_key",
    "member_statuses",
    "deactivated",
    "history_days",
    "reconcile_hour",
    *alert_settings.NAMES,
    *LIMITS,
    *pace.SETTINGS,
    *SWITCHES,
)
URL_LENGTH = 255
_CODE = re.compile(r"[!-~]{1,100}")
_KEY = re.compile(r"[!-~]{1,500}")


def checked(name: str, value: Any) -> Any:
    """A setting as it is stored, also from what was typed. Raises ``InvalidValue``; ``TypeError``
    for a name that is none of ``NAMES``."""
    if name not in NAMES:
        raise TypeError(f"the connection has no setting {name!r}")
    match name:
        case "base_url":
            return _checked_base_url(str(value))
        case "tenant_code":
            return _checked_line(_CODE, name, str(value), "A tenant code")
        case "api_key":
            return _checked_line(_KEY, name, str(value), "An API key")
        case "member_statuses":
            return _checked_statuses(value)
        case "alert_addresses":
            return alert_settings.checked_addresses(value)
        case "alert_after_hours":
            return alert_settings.checked_hours(value)
        case "deactivated":
            return _checked_policy(str(value))
        case "guard_people" | "guard_percent":
            return limits.checked(name, value)
        case "history_days":
            return history_settings.checked_days(value)
        case "batch_size" | "requests_per_minute":
            return pace.checked(name, value)
        case "reconcile_hour":
            return history_settings.checked_hour(value)
        case _:
            return bool(value)


def _checked_line(form: re.Pattern[str], name: str, value: str, what: str) -> str:
    value = value.strip()
    if value and not form.fullmatch(value):
        raise InvalidValue(
            name, f"invalid_{name}", f"{what} is one word of plain characters, and not as long."
        )
    return value


def _checked_statuses(values: Iterable[str]) -> list[str]:
    if isinstance(values, str):
        values = values.split(",")
    statuses = [checked_text("member_statuses", value) for value in values]
    if len(statuses) > 50:
        raise InvalidValue("member_statuses", "too_many", "At most 50 statuses.")
    return list(dict.fromkeys(status for status in statuses if status))


def _checked_policy(value: str) -> str:
    if value not in deactivated.POLICIES:
        raise InvalidValue(
            "deactivated",
            "invalid_deactivated",
            f"What is told of deactivated records is one of {', '.join(deactivated.POLICIES)}.",
        )
    return value


def _checked_base_url(value: str) -> str:
    value = value.strip()
    try:
        parts = urlsplit(value)
        usable = (
            bool(parts.hostname)
            and parts.port != 0
            and "@" not in parts.netloc
            and parts.path in ("", "/")
            and not any(mark in value for mark in "?#\\")
            and all("!" <= character <= "~" for character in value)
            and len(value) <= URL_LENGTH
        )
    except ValueError:
        usable = False
    if not usable or parts.scheme not in {"http", "https"}:
        raise InvalidValue(
            "base_url",
            "invalid_base_url",
            "The base URL is https:// and a host name, and nothing behind it.",
        )
    if parts.scheme == "http" and not is_loopback(value):
        raise InvalidValue(
            "base_url",
            "not_https",
            "The base URL must be https: the API key travels with every push.",
        )
    return f"{parts.scheme}://{parts.netloc.lower()}"
