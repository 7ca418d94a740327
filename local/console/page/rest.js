// The REST API with the account's credentials, and access tokens made in the browser with an API key.

const TOKEN_SECONDS = 3600;
// An API key that a tab makes ends by itself, since a tab that is closed deletes nothing. It signs new tokens until an hour
// before its end.
const KEY_SECONDS = 12 * 3600;

const bytes = (text) => new TextEncoder().encode(text);
const base64 = (data) => btoa(String.fromCharCode(...data));
const base64url = (data) => base64(data).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');

/** The header that shows a user name and a password. */
export const basic = (name, secret) => `Basic ${base64(bytes(`${name}:${secret}`))}`;

/** A refusal of the REST API: `status`, Twilio's `code`, `message`. */
export class RestError extends Error {
  constructor(status, body) {
    super(body?.message ?? `The REST API answered with ${status}`);
    this.status = status;
    this.code = body?.code ?? null;
  }
}

export class Rest {
  /** `note(request)` is called for each request, after its answer. */
  constructor(session, note = () => {}) {
    this.session = session;
    this.note = note;
    this.key = null;
  }

  async request(method, path, fields = null) {
    const { restUrl } = this.session.values;
    const headers = { Authorization: basic(...this.session.credentials) };
    // Without this header, changes over REST cause no webhooks.
    if (method !== 'GET') headers['X-Twilio-Webhook-Enabled'] = 'true';
    let answer;
    try {
      answer = await fetch(restUrl + path, { method, headers, body: fields ? form(fields) : undefined });
    } catch {
      this.note({ method, path, fields, status: 0 });
      throw new Error(`${restUrl} cannot be reached`);
    }
    const body = answer.status === 204 ? null : await answer.json().catch(() => null);
    const isSecret = path.endsWith('/Keys.json');
    this.note({
      method,
      path,
      fields,
      status: answer.status,
      body: isSecret ? '(not shown: it holds a secret)' : body,
    });
    if (!answer.ok) throw new RestError(answer.status, body);
    return body;
  }

  get(path) {
    return this.request('GET', path);
  }

  post(path, fields) {
    return this.request('POST', path, fields);
  }

  /** The services, oldest first: at most 500, and the one with this SID even if it is younger. */
  async services(chosen) {
    const found = [];
    let path = '/chat/v2/Services?PageSize=100';
    while (path && found.length < 500) {
      const { services, meta } = await this.get(path);
      found.push(...services);
      const next = meta.next_page_url && new URL(meta.next_page_url);
      path = next ? `/chat/v2/Services${next.search}` : null;
    }
    if (chosen && !found.some(({ sid }) => sid === chosen)) {
      const missing = await this.get(`/chat/v2/Services/${chosen}`).catch((error) => {
        if (error.status !== 404) throw error;
      });
      if (missing) found.push(missing);
    }
    return found;
  }

  /** An access token for an identity, good for an hour. */
  async accessToken(identity, serviceSid) {
    if (!crypto.subtle) throw new Error('Browsers make access tokens on https and on localhost only');
    const { sid, secret } = await this.#signingKey();
    const now = seconds();
    const header = { typ: 'JWT', alg: 'HS256', cty: 'twilio-fpa;v=1' };
    const claims = {
      jti: `${sid}-${now}`,
      iss: sid,
      sub: this.session.values.account,
      exp: now + TOKEN_SECONDS,
      grants: { identity, chat: { service_sid: serviceSid } },
    };
    const signed = [header, claims].map((part) => base64url(bytes(JSON.stringify(part)))).join('.');
    const algorithm = { name: 'HMAC', hash: 'SHA-256' };
    const key = await crypto.subtle.importKey('raw', bytes(secret), algorithm, false, ['sign']);
    const signature = await crypto.subtle.sign('HMAC', key, bytes(signed));
    return `${signed}.${base64url(new Uint8Array(signature))}`;
  }

  /** The API key that signs tokens: the given one, or the tab's own. That is made when it is first needed. */
  async #signingKey() {
    this.key ??= this.#findKey().catch((error) => {
      this.key = null;
      throw error;
    });
    const asked = this.key;
    const key = await asked;
    if (key.isGiven || key.until > seconds() + TOKEN_SECONDS) return key;
    // Whoever finds first that the key ends makes another one; the others wait for that.
    if (this.key === asked) this.key = null;
    return this.#signingKey();
  }

  async #findKey() {
    const { account, key: kept } = this.session.values;
    if (kept?.isGiven) return kept;
    if (kept?.until > seconds() + TOKEN_SECONDS) {
      const known = await this.get(`/2010-04-01/Accounts/${account}/Keys/${kept.sid}.json`).catch((error) => {
        if (error.status === 404) return null;
        throw error;
      });
      if (known) return kept;
    }
    const until = seconds() + KEY_SECONDS;
    const fields = { FriendlyName: 'console', Ttl: KEY_SECONDS };
    const { sid, secret } = await this.post(`/2010-04-01/Accounts/${account}/Keys.json`, fields);
    const key = { sid, secret, until };
    this.session.set({ key });
    return key;
  }

  /** Forget the API key; delete it if this tab has made it. All tokens that it signed become invalid then. */
  async forgetKey() {
    const { account, key } = this.session.values;
    this.key = null;
    this.session.set({ key: null });
    if (!key || key.isGiven) return;
    await this.request('DELETE', `/2010-04-01/Accounts/${account}/Keys/${key.sid}.json`).catch((error) => {
      if (error.status !== 404) throw error;
    });
  }
}

const seconds = () => Math.floor(Date.now() / 1000);

/** Fields as a form; an array becomes a repeated field. */
function form(fields) {
  const pairs = Object.entries(fields).flatMap(([name, value]) => [value].flat().map((one) => [name, String(one)]));
  return new URLSearchParams(pairs);
}
