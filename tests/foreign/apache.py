"""Apache with ``mod_auth_openidc``, as Debian has them: a server of the test's own, none of the
machine's. Two sites on ports of their own, and an API that takes access tokens.
"""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
from joserfc.jwk import RSAKey

from launch.processes import die_with_parent
from tests.foreign.tessera import Tessera, missing
from tests.serving import free_port
from tests.stack import eventually

PROGRAM = Path("/usr/sbin/apache2")
MODULES = Path("/usr/lib/apache2/modules")

# Static pages that say what Apache tells the application behind it.
_PRIVATE = """{
"REMOTE_USER": "<!--#echo encoding="none" var="REMOTE_USER" -->",
"email": "<!--#echo encoding="none" var="OIDC_CLAIM_email" -->",
"sub": "<!--#echo encoding="none" var="OIDC_CLAIM_sub" -->",
"iss": "<!--#echo encoding="none" var="OIDC_CLAIM_iss" -->",
"sid": "<!--#echo encoding="none" var="OIDC_CLAIM_sid" -->"
}
"""
_API = """{
"sub": "<!--#echo encoding="none" var="OIDC_CLAIM_sub" -->",
"scope": "<!--#echo encoding="none" var="OIDC_CLAIM_scope" -->"
}
"""

_SERVER = """
ServerName 127.0.0.1
ServerRoot "{folder}"
DefaultRuntimeDir "{folder}/run"
PidFile "{folder}/run/pid"
Mutex file:{folder}/run
ErrorLog "{folder}/error.log"
LogLevel warn auth_openidc:info
{modules}
# Ignored unless root starts it: then the processes that serve are nobody.
User nobody
Group nogroup
StartServers 1
ServerLimit 1
ThreadsPerChild 16
MaxRequestWorkers 16
MinSpareThreads 1
MaxSpareThreads 16
DocumentRoot "{folder}/pages"
TypesConfig /dev/null
AddType application/json .json
AddOutputFilter INCLUDES .json
<Directory "{folder}/pages">
    Options +Includes
    Require all granted
</Directory>
"""

_SITE = """
Listen 127.0.0.1:{port}
<VirtualHost 127.0.0.1:{port}>
    OIDCProviderMetadataURL {issuer}/.well-known/openid-configuration
    OIDCRedirectURI http://127.0.0.1:{port}/private/redirect_uri
    OIDCClientID {client_id}
    {proof}
    OIDCPKCEMethod S256
    OIDCScope "openid profile email offline_access"
    # Browsers do not tell ports apart when they send cookies.
    OIDCCookie session_{port}
    OIDCStateCookiePrefix state_{port}_
    OIDCCryptoPassphrase {passphrase}
    OIDCRemoteUserClaim sub
    OIDCPassClaimsAs environment
    OIDCInfoHook iat access_token id_token userinfo refresh_token session
    OIDCRedirectURLsAllowed ^http://127\\.0\\.0\\.1:{port}/
    {more}
    <Location /private>
        AuthType openid-connect
        Require valid-user
    </Location>
    <Location /api>
        AuthType oauth20
        Require claim scope~profile
    </Location>
</VirtualHost>
"""


@dataclass(frozen=True)
class Site:
    """One of the two sites."""

    address: str

    @property
    def redirect_uri(self) -> str:
        """Where the module takes answers, and all that it does besides."""
        return f"{self.address}/private/redirect_uri"


@dataclass(frozen=True)
class Apache:
    """The running server.

    ``asking`` has a secret, asks Tessera about access tokens, and learns of a sign-out by the
    browser. ``signing`` proves itself by a key, checks access tokens by their signature, and
    learns of a sign-out from Tessera's worker.
    """

    asking: Site
    signing: Site
    log: Path


@contextmanager
def running(tessera: Tessera) -> Iterator[Apache]:
    """Apache with its two sites registered at Tessera; outside of CI a skip where it is not."""
    if not PROGRAM.exists() or not (MODULES / "mod_auth_openidc.so").exists():
        missing(
            "no Apache with mod_auth_openidc: Debian's packages apache2-bin and "
            "libapache2-mod-auth-openidc bring it (`make test` as root does)"
        )
    # Not below pytest's folder, which Apache's nobody may not enter.
    folder = Path(tempfile.mkdtemp(prefix="tessera-apache-"))
    folder.chmod(0o755)
    try:
        ports = free_port(), free_port()
        asking, signing = (Site(f"http://127.0.0.1:{port}") for port in ports)
        _pages(folder)
        configuration = folder / "apache.conf"
        configuration.touch(0o600)
        configuration.write_text(
            _SERVER.format(folder=folder, modules=_modules())
            + _asking(tessera, asking)
            + _signing(tessera, signing, folder)
        )
        process = subprocess.Popen(
            [PROGRAM, "-f", configuration, "-DFOREGROUND"],
            preexec_fn=die_with_parent,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            eventually(lambda: _answers(process, asking), "Apache answers", 20)
            yield Apache(asking, signing, folder / "error.log")
        finally:
            process.terminate()
            process.communicate(timeout=20)
    finally:
        shutil.rmtree(folder)


def _asking(tessera: Tessera, site: Site) -> str:
    made = _register(tessera, site, frontchannel_logout_uri=f"{site.redirect_uri}?logout=get")
    machine = tessera.client("machine")
    more = (
        f"OIDCOAuthClientID {machine['client_id']}",
        f"OIDCOAuthClientSecret {machine['client_secret']}",
        f"OIDCOAuthServerMetadataURL {tessera.issuer}/.well-known/oauth-authorization-server",
        # Every request asks: what has ended has ended.
        "OIDCOAuthTokenIntrospectionInterval -1",
    )
    return _site(tessera, site, made, f"OIDCClientSecret {made['client_secret']}", more)


def _signing(tessera: Tessera, site: Site, folder: Path) -> str:
    key = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)
    made = _register(
        tessera,
        site,
        authentication="private_key_jwt",
        jwks={"keys": [key.as_dict(private=False)]},
        access_token_format="jwt",
        backchannel_logout_uri=f"{site.redirect_uri}?logout=backchannel",
    )
    private = folder / "key.pem"
    private.touch(0o600)
    private.write_bytes(key.as_pem(private=True))
    public = folder / "public.pem"
    public.write_bytes(key.as_pem(private=False))
    proof = f"""OIDCPrivateKeyFiles {key.kid}#{private}
    OIDCPublicKeyFiles {key.kid}#{public}
    OIDCProviderTokenEndpointAuth private_key_jwt"""
    # The module takes keys over https alone; so they are given as files.
    published = requests.get(f"{tessera.issuer}/oauth/jwks", timeout=30).json()["keys"]
    more = tuple(_public_key(folder, jwk) for jwk in published if jwk["kty"] == "RSA")
    return _site(tessera, site, made, proof, more)


def _public_key(folder: Path, jwk: dict[str, str]) -> str:
    path = folder / f"{jwk['kid']}.pem"
    path.write_bytes(RSAKey.import_key(jwk).as_pem(private=False))
    return f"OIDCOAuthVerifyCertFiles {jwk['kid']}#{path}"


def _register(tessera: Tessera, site: Site, **more: object) -> dict[str, str | None]:
    return tessera.client(
        "oidc",
        site.redirect_uri,
        post_logout_redirect_uris=[f"{site.address}/bye.json"],
        **more,
    )


def _site(
    tessera: Tessera, site: Site, made: dict[str, str | None], proof: str, more: tuple[str, ...]
) -> str:
    return _SITE.format(
        port=site.address.rpartition(":")[2],
        issuer=tessera.issuer,
        client_id=made["client_id"],
        proof=proof,
        passphrase="p" * 32,
        more="\n    ".join(more),
    )


def _modules() -> str:
    wanted = "mpm_event authn_core authz_core authz_user mime include auth_openidc".split()
    return "\n".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in wanted)


def _pages(folder: Path) -> None:
    (folder / "run").mkdir()
    (folder / "run").chmod(0o777)
    for path, text in (
        ("private/index.json", _PRIVATE),
        ("api/index.json", _API),
        ("bye.json", json.dumps("signed out")),
    ):
        page = folder / "pages" / path
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text)


def _answers(process: subprocess.Popen[str], site: Site) -> bool:
    if process.poll() is not None:
        raise AssertionError(f"Apache ended ({process.returncode}): {process.communicate()[1]}")
    try:
        return requests.get(f"{site.address}/bye.json", timeout=2).ok
    except requests.RequestException:
        return False
