"""The schema of a provider's metadata, as the specifications write it; knows nothing of Tessera.

OpenID Connect Discovery 1.0, 3; RFC 8414, 2; RFC 9126, 5; RFC 9207, 3; OpenID Connect RP-Initiated
Logout 1.0, 2.1; Front-Channel Logout 1.0, 3; Back-Channel Logout 1.0, 2.1; Initiating User
Registration 1.0, 4.1.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, model_validator


def _few(values: list[str]) -> list[str]:
    if not values:
        raise ValueError("RFC 8414, 2: a list with no elements is left out")
    if len(set(values)) != len(values):
        raise ValueError("an element is there twice")
    return values


Address = Annotated[str, Field(pattern=r"^https://[a-z0-9.-]+(:\d+)?/[^?#\s]*$")]
Issuer = Annotated[str, Field(pattern=r"^https://[a-z0-9.-]+(:\d+)?(/[^?#\s]*[^/?#\s])?$")]
Words = Annotated[list[Annotated[str, Field(pattern=r"^\S+$")]], AfterValidator(_few)]
# RFC 6749, 3.3.
Scopes = Annotated[
    list[Annotated[str, Field(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]+$")]], AfterValidator(_few)
]
# BCP 47 in canonical case: language, script, region.
Languages = Annotated[
    list[Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|\d{3}))?$")]],
    AfterValidator(_few),
]
# RFC 7518, 3.1; `none` is no signature.
Algorithms = Annotated[
    list[
        Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384"]
        | Literal["ES512", "EdDSA", "HS256", "HS384", "HS512"]
    ],
    AfterValidator(_few),
]
Methods = Annotated[
    list[
        Literal["client_secret_basic", "client_secret_post", "client_secret_jwt"]
        | Literal["private_key_jwt", "tls_client_auth", "none"]
    ],
    AfterValidator(_few),
]


class ProviderMetadata(BaseModel):
    """A whole document; a member that no specification knows is refused."""

    model_config = ConfigDict(extra="forbid", strict=True)

    issuer: Issuer
    authorization_endpoint: Address
    token_endpoint: Address
    jwks_uri: Address
    response_types_supported: Words
    subject_types_supported: Annotated[list[Literal["public", "pairwise"]], AfterValidator(_few)]
    id_token_signing_alg_values_supported: Algorithms

    userinfo_endpoint: Address | None = None
    registration_endpoint: Address | None = None
    revocation_endpoint: Address | None = None
    introspection_endpoint: Address | None = None
    pushed_authorization_request_endpoint: Address | None = None
    end_session_endpoint: Address | None = None
    check_session_iframe: Address | None = None
    service_documentation: Address | None = None
    op_policy_uri: Address | None = None
    op_tos_uri: Address | None = None

    scopes_supported: Scopes | None = None
    response_modes_supported: (
        Annotated[list[Literal["query", "fragment", "form_post"]], AfterValidator(_few)] | None
    ) = None
    grant_types_supported: Words | None = None
    acr_values_supported: Words | None = None
    userinfo_signing_alg_values_supported: Algorithms | None = None
    request_object_signing_alg_values_supported: Algorithms | None = None
    token_endpoint_auth_methods_supported: Methods | None = None
    token_endpoint_auth_signing_alg_values_supported: Algorithms | None = None
    revocation_endpoint_auth_methods_supported: Methods | None = None
    revocation_endpoint_auth_signing_alg_values_supported: Algorithms | None = None
    introspection_endpoint_auth_methods_supported: Methods | None = None
    introspection_endpoint_auth_signing_alg_values_supported: Algorithms | None = None
    code_challenge_methods_supported: (
        Annotated[list[Literal["plain", "S256"]], AfterValidator(_few)] | None
    ) = None
    prompt_values_supported: (
        Annotated[
            list[Literal["none", "login", "consent", "select_account", "create"]],
            AfterValidator(_few),
        ]
        | None
    ) = None
    display_values_supported: (
        Annotated[list[Literal["page", "popup", "touch", "wap"]], AfterValidator(_few)] | None
    ) = None
    claim_types_supported: (
        Annotated[list[Literal["normal", "aggregated", "distributed"]], AfterValidator(_few)] | None
    ) = None
    claims_supported: Words | None = None
    claims_locales_supported: Languages | None = None
    ui_locales_supported: Languages | None = None

    claims_parameter_supported: StrictBool = False
    request_parameter_supported: StrictBool = False
    request_uri_parameter_supported: StrictBool = True
    require_request_uri_registration: StrictBool = False
    require_pushed_authorization_requests: StrictBool = False
    authorization_response_iss_parameter_supported: StrictBool = False
    frontchannel_logout_supported: StrictBool = False
    frontchannel_logout_session_supported: StrictBool = False
    backchannel_logout_supported: StrictBool = False
    backchannel_logout_session_supported: StrictBool = False

    @model_validator(mode="after")
    def _rules_between_members(self) -> "ProviderMetadata":
        if "RS256" not in self.id_token_signing_alg_values_supported:
            raise ValueError("OpenID Connect Discovery, 3: RS256 must be supported")
        if "openid" not in (self.scopes_supported or ()):
            raise ValueError("OpenID Connect Discovery, 3: the scope openid must be supported")
        for endpoint in ("token", "revocation", "introspection"):
            methods: Any = getattr(self, f"{endpoint}_endpoint_auth_methods_supported") or ()
            signed = getattr(self, f"{endpoint}_endpoint_auth_signing_alg_values_supported")
            if {"private_key_jwt", "client_secret_jwt"} & set(methods) and signed is None:
                raise ValueError(f"RFC 8414, 2: {endpoint}: the algorithms must be named")
        if self.frontchannel_logout_session_supported and not self.frontchannel_logout_supported:
            raise ValueError("sessions at front-channel logout without front-channel logout")
        if self.backchannel_logout_session_supported and not self.backchannel_logout_supported:
            raise ValueError("sessions at back-channel logout without back-channel logout")
        return self
