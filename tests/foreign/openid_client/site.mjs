// A site whose sign-in is openid-client's: what is done here, its documentation does.
//
// One line of JSON on standard input says who it is:
//   {"issuer": …, "port": …, "clients": {NAME: {"client_id": …, "authentication": …, …}}}
// Each client has its pages under /NAME/. An answer is JSON; an error is one of the library's,
// with what it made of the server's answer.
import { randomUUID, webcrypto } from 'node:crypto'
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'
import * as oidc from 'openid-client'

const { value: line } = await createInterface({ input: process.stdin })[Symbol.asyncIterator]().next()
const { issuer, port, clients } = JSON.parse(line)
const home = `http://127.0.0.1:${port}`
const visitors = new Map()

const SIGNING = {
  ES256: { name: 'ECDSA', namedCurve: 'P-256' },
  PS256: { name: 'RSA-PSS', hash: 'SHA-256' },
}

const AUTHENTICATION = {
  client_secret_basic: ({ client_secret }) => oidc.ClientSecretBasic(client_secret),
  client_secret_post: ({ client_secret }) => oidc.ClientSecretPost(client_secret),
  none: () => oidc.None(),
  private_key_jwt: async ({ private_key: jwk }) =>
    oidc.PrivateKeyJwt({
      kid: jwk.kid,
      key: await webcrypto.subtle.importKey('jwk', jwk, SIGNING[jwk.alg], false, ['sign']),
    }),
}

// Each client discovers for itself, as a site of its own would.
const configurations = new Map()
async function configuration(name) {
  if (!configurations.has(name)) {
    const { client_id, authentication, metadata = {} } = clients[name]
    const made = await oidc.discovery(
      new URL(issuer), client_id, metadata, await AUTHENTICATION[authentication](clients[name]),
      // Plain http: everything here is on the loopback address.
      { execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks] },
    )
    configurations.set(name, made)
  }
  return configurations.get(name)
}

const PAGES = {
  // Query parameters go on to the authorization request: prompt, max_age, …
  async login({ name, config, visitor, query }) {
    const asked = {
      pkceCodeVerifier: oidc.randomPKCECodeVerifier(),
      expectedState: oidc.randomState(),
      expectedNonce: oidc.randomNonce(),
      idTokenExpected: true,
      ...(query.has('max_age') && { maxAge: Number(query.get('max_age')) }),
    }
    visitor.asked = asked
    const parameters = {
      redirect_uri: `${home}/${name}/callback`,
      scope: 'openid profile email offline_access',
      code_challenge: await oidc.calculatePKCECodeChallenge(asked.pkceCodeVerifier),
      code_challenge_method: 'S256',
      state: asked.expectedState,
      nonce: asked.expectedNonce,
      ...Object.fromEntries(query),
    }
    return {
      to: clients[name].pushes
        ? await oidc.buildAuthorizationUrlWithPAR(config, parameters)
        : oidc.buildAuthorizationUrl(config, parameters),
    }
  },

  async callback({ config, visitor, url }) {
    visitor.tokens = await oidc.authorizationCodeGrant(config, url, visitor.asked)
    visitor.subject = visitor.tokens.claims().sub
    return { tokens: visitor.tokens, claims: visitor.tokens.claims() }
  },

  async userinfo({ config, visitor }) {
    return await oidc.fetchUserInfo(config, visitor.tokens.access_token, visitor.subject)
  },

  async refresh({ config, visitor, query }) {
    const before = visitor.tokens
    visitor.tokens = await oidc.refreshTokenGrant(config, before.refresh_token, query)
    // openid-client leaves it to the site to hold on to a refresh token that was not replaced.
    visitor.tokens.refresh_token ??= before.refresh_token
    return { tokens: visitor.tokens, claims: visitor.tokens.claims() ?? null }
  },

  async revoke({ config, visitor, query }) {
    const which = query.get('which')
    await oidc.tokenRevocation(config, visitor.tokens[which], { token_type_hint: which })
    return {}
  },

  async introspect({ config, visitor, query }) {
    return await oidc.tokenIntrospection(config, query.get('token') ?? visitor.tokens[query.get('which')])
  },

  // A machine asks in its own name.
  async machine({ config, query }) {
    return { tokens: await oidc.clientCredentialsGrant(config, query) }
  },

  async logout({ name, config, visitor }) {
    return {
      to: oidc.buildEndSessionUrl(config, {
        post_logout_redirect_uri: `${home}/${name}/signed-out`,
        id_token_hint: visitor.tokens.id_token,
        state: (visitor.farewell = oidc.randomState()),
      }),
    }
  },

  async 'signed-out'({ visitor, query }) {
    const known = visitor.farewell !== undefined && query.get('state') === visitor.farewell
    delete visitor.tokens
    return { known }
  },
}

function told(error) {
  return {
    name: error.name,
    message: error.message,
    code: error.code,
    status: error.status,
    error: error.error,
    error_description: error.error_description,
    challenges: Array.isArray(error.cause) ? error.cause : undefined,
    cause: error.cause instanceof Error ? told(error.cause) : undefined,
  }
}

createServer(async (request, response) => {
  const url = new URL(request.url, home)
  const [, name, page] = url.pathname.split('/')
  if (!(name in clients) || !(page in PAGES)) return response.writeHead(404).end()
  const id = /openid_client=([\w-]+)/.exec(request.headers.cookie ?? '')?.[1] ?? randomUUID()
  if (!visitors.has(id)) visitors.set(id, {})
  response.setHeader('Set-Cookie', `openid_client=${id}; Path=/; HttpOnly; SameSite=Lax`)
  try {
    const visitor = (visitors.get(id)[name] ??= {})
    const config = await configuration(name)
    const answer = await PAGES[page]({ name, config, visitor, url, query: url.searchParams })
    if (answer.to) return response.writeHead(302, { Location: answer.to.href }).end()
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(answer))
  } catch (error) {
    response.writeHead(502, { 'Content-Type': 'application/json' }).end(JSON.stringify(told(error)))
  }
}).listen(port, '127.0.0.1', () => console.log('listening'))
