"""Mail to members and staff: by SMTP, or into the data folder where no server is named."""

import smtplib
import ssl
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import unquote, urlsplit

import structlog
from flask import Flask, current_app

from idp.database import now
from idp.settings import ConfigurationError, Settings

log = structlog.get_logger()

TIMEOUT = 20
PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


def init_app(_app: Flask, settings: Settings) -> None:
    """Check the mail address. Raises ``ConfigurationError`` when it cannot be used."""
    if settings.mail_url is None:
        return
    parts = urlsplit(settings.mail_url.get_secret_value())
    if parts.scheme not in PORTS or not parts.hostname:
        raise ConfigurationError(
            "TSR-C11",
            "TESSERA_MAIL_URL is smtp://, smtp+starttls:// or smtps://, then user:password@host.",
        )


def send(to: str, subject: str, text: str) -> None:
    """Send one plain-text mail, now. Raises ``OSError`` or ``smtplib.SMTPException``."""
    settings: Settings = current_app.config["TESSERA"]
    message = EmailMessage()
    message["To"] = to
    message["From"] = settings.mail_from
    # A header takes none of what ends a line anywhere, which is more than CR and LF (U+2028).
    message["Subject"] = " ".join(subject.splitlines())
    message["Date"] = now()
    message.set_content(text)
    if settings.mail_url is None:
        path = _write(message, settings.data_dir / "mail")
        log.info("mail written to a file: no mail server is set", file=str(path))
        return
    parts = urlsplit(settings.mail_url.get_secret_value())
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    context = ssl.create_default_context()
    if parts.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT, context=context)
    else:
        server = smtplib.SMTP(host, port, timeout=TIMEOUT)
    with server:
        if parts.scheme == "smtp+starttls":
            server.starttls(context=context)
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        server.send_message(message)


def _write(message: EmailMessage, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{now():%Y%m%dT%H%M%S.%f}.eml"
    path.touch(mode=0o600)
    path.write_bytes(message.as_bytes())
    return path
