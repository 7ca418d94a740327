// What this tab remembers: the account, the addresses of the deployment, who is chatting. It is stored for this tab
// only.

const KEY = 'parley-console';
const PARTS = ['account', 'token', 'key', 'secret', 'rest', 'ws', 'people', 'service'];
const DEFAULT_PEOPLE = ['alice', 'bob'];

const trimmed = (url) => url.replace(/\/+$/, '');

function stored() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}

/** The addresses from `config.json` beside the page, made absolute; null if there is no such file. */
async function servedConfig() {
  try {
    const answer = await fetch('config.json', { cache: 'no-store' });
    if (!answer.ok) return null;
    const { rest_url: rest, ws_url: ws, webhook_inbox: inbox, usage } = await answer.json();
    const socket = new URL(ws, location.href);
    if (socket.protocol.startsWith('http')) socket.protocol = socket.protocol.replace('http', 'ws');
    return {
      restUrl: trimmed(new URL(rest, location.href).href),
      wsUrl: trimmed(socket.href),
      inboxUrl: inbox ? new URL(inbox, location.href).href : null,
      usageUrl: usage ? new URL(usage, location.href).href : null,
    };
  } catch {
    return null;
  }
}

const fragment = () => new URLSearchParams(location.hash.slice(1));

/** Whether the address names an account, a service or people behind #. */
export const isAddressed = () => PARTS.some((name) => fragment().has(name));

/** Read the part of the address behind #, which no server sees, and remove it from the address bar. */
function fromFragment() {
  if (!isAddressed()) return {};
  const given = fragment();
  history.replaceState(null, '', location.pathname + location.search);
  const taken = {};
  if (given.get('account')) taken.account = given.get('account');
  if (given.get('token')) taken.token = given.get('token');
  // Whoever made the address made the key too, so this tab neither makes nor deletes one.
  if (given.get('key') && given.get('secret')) {
    taken.key = { sid: given.get('key'), secret: given.get('secret'), isGiven: true };
    // A key without the auth token signs the requests too; an auth token that this tab had is not for it.
    if (!taken.token) taken.token = null;
  }
  if (given.get('rest')) taken.restUrl = trimmed(given.get('rest'));
  if (given.get('ws')) taken.wsUrl = trimmed(given.get('ws'));
  if (given.get('service')) taken.serviceSid = given.get('service');
  if (given.get('people')) {
    const people = given.get('people').split(',');
    taken.people = [...new Set(people)]
      .filter((identity) => identity.trim())
      .slice(0, 4)
      .map((identity) => ({ identity }));
  }
  return taken;
}

export class Session {
  constructor(values, served) {
    this.values = values;
    this.served = served;
  }

  /** Read what is stored. `config.json` overrules it, and what stands in the address overrules both. */
  static async load() {
    const kept = stored();
    const taken = fromFragment();
    const moved = taken.account && taken.account !== kept.account;
    const base = moved ? { theme: kept.theme, people: kept.people } : kept;
    const served = await servedConfig();
    const addresses = served ? { restUrl: served.restUrl, wsUrl: served.wsUrl } : {};
    const session = new Session({ ...base, ...addresses, ...taken }, served);
    session.values.people ??= DEFAULT_PEOPLE.map((identity) => ({ identity }));
    session.save();
    return session;
  }

  get isComplete() {
    const { account, restUrl, wsUrl } = this.values;
    return Boolean(account && this.credentials && restUrl && wsUrl);
  }

  /** User name and password of REST requests: the account's own, or a given API key's; null if there are none. */
  get credentials() {
    const { account, token, key } = this.values;
    if (token) return [account, token];
    return key?.isGiven ? [key.sid, key.secret] : null;
  }

  /** The URL of the inbox that shows a service's webhooks here; null if this deployment has none. */
  inboxUrl(serviceSid) {
    return this.#isNear && this.served.inboxUrl ? this.served.inboxUrl + serviceSid : null;
  }

  /** The URL of the counts of a local run; null if this deployment does not tell them. */
  get usageUrl() {
    return this.#isNear ? this.served.usageUrl : null;
  }

  /** Whether the deployment is the one that has served the page. */
  get #isNear() {
    return Boolean(this.served) && this.values.restUrl === this.served.restUrl;
  }

  /** The URL of the phones that notifications reach in a local run; null if this deployment has none. */
  get phonesUrl() {
    return this.inboxUrl('') && `${this.values.restUrl}/_push/phones`;
  }

  /** The URL of the handsets of a local run, to which paths are added; null if this deployment has none. */
  get handsetsUrl() {
    return this.inboxUrl('') && `${this.values.restUrl}/_phones/`;
  }

  set(changes) {
    Object.assign(this.values, changes);
    this.save();
  }

  forget() {
    this.values = {};
    sessionStorage.removeItem(KEY);
  }

  save() {
    try {
      sessionStorage.setItem(KEY, JSON.stringify(this.values));
    } catch {
      // If the browser forbids storage, the page works, but asks for the account again after a reload.
    }
  }
}
