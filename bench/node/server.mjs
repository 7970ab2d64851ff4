// node-oidc-provider as one deploys it: a durable store, sessions in it, refresh tokens that
// rotate, PKCE for every client, one process. What it is told comes as JSON on standard input.
//
// Where its defaults and Tessera's differ, what costs node-oidc-provider less is taken: the
// client is part of the configuration, and tokens do not ask after the session at each use.
// Members come from the same store, since that is where a deployment finds out whether somebody
// still is one.

import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';

import Provider from 'oidc-provider';

const told = JSON.parse(await text(process.stdin));
const { default: open } = await import(`./${told.kind}.mjs`);
const store = await open(told.address, told.members);

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const SCOPES = 'openid profile email offline_access';

const provider = new Provider(told.issuer, {
  adapter: store.Adapter,
  clients: [
    {
      client_id: told.client_id,
      client_secret: told.client_secret,
      redirect_uris: [told.redirect_uri],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_basic',
    },
  ],
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig', kid: 'one' }] },
  cookies: { keys: [told.cookie_key] },
  claims: {
    openid: ['sub'],
    profile: ['name', 'given_name', 'family_name'],
    email: ['email', 'email_verified'],
  },
  features: {
    devInteractions: { enabled: false },
    revocation: { enabled: true },
    introspection: { enabled: true },
  },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  // A silent authorization is not given offline_access (it asks for prompt=consent); the refresh
  // token comes all the same, and outlives the session as Tessera's does.
  issueRefreshToken: async (ctx, client) => client.grantTypeAllowed('refresh_token'),
  expiresWithSession: async () => false,
  ttl: {
    AccessToken: 3600,
    AuthorizationCode: 60,
    Grant: 14 * 86400,
    IdToken: 3600,
    Interaction: 3600,
    RefreshToken: 14 * 86400,
    Session: 14 * 86400,
  },
  async findAccount(ctx, id) {
    const row = await store.member(id);
    if (row === undefined) return undefined;
    return {
      accountId: id,
      claims: async () => ({
        sub: id,
        name: `${row.given_name} ${row.family_name}`,
        given_name: row.given_name,
        family_name: row.family_name,
        email: row.email,
        email_verified: false,
      }),
    };
  },
});

// Signing in, once for each member and before anything is measured: whoever the hint names is in,
// and has consented.
async function signIn(request, response) {
  const { params } = await provider.interactionDetails(request, response);
  const grant = new provider.Grant({ accountId: params.login_hint, clientId: params.client_id });
  grant.addOIDCScope(SCOPES);
  const grantId = await grant.save();
  await provider.interactionFinished(request, response, {
    login: { accountId: params.login_hint },
    consent: { grantId },
  });
}

const callback = provider.callback();
const server = createServer((request, response) => {
  if (!request.url.startsWith('/interaction/')) return callback(request, response);
  return signIn(request, response).catch((error) => {
    console.error(error);
    response.writeHead(500).end();
  });
});
server.listen(Number(new URL(told.issuer).port), '127.0.0.1');
process.on('SIGTERM', () => process.exit());
