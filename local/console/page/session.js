// What this tab knows: the account, where the deployment is, who is chatting. Kept for this tab only.

const KEY = 'parley-console';
const PARTS = ['account', 'token', 'rest', 'ws', 'people', 'service'];
const DEFAULT_PEOPLE = ['alice', 'bob'];

const trimmed = (url) => url.replace(/\/+$/, '');

function stored() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}

/** Addresses from `config.json` beside the page, absolute; null where there is no such file. */
async function servedConfig() {
  try {
    const answer = await fetch('config.json', { cache: 'no-store' });
    if (!answer.ok) return null;
    const { rest_url: rest, ws_url: ws, webhook_inbox: inbox } = await answer.json();
    const socket = new URL(ws, location.href);
    if (socket.protocol.startsWith('http')) socket.protocol = socket.protocol.replace('http', 'ws');
    return {
      restUrl: trimmed(new URL(rest, location.href).href),
      wsUrl: trimmed(socket.href),
      inboxUrl: inbox ? new URL(inbox, location.href).href : null,
    };
  } catch {
    return null;
  }
}

const fragment = () => new URLSearchParams(location.hash.slice(1));

/** Whether the address says behind # what the page is to open. */
export const isAddressed = () => PARTS.some((name) => fragment().has(name));

/** Take credentials out of the part of the address behind #, which no server sees, and out of the address bar. */
function fromFragment() {
  if (!isAddressed()) return {};
  const given = fragment();
  history.replaceState(null, '', location.pathname + location.search);
  const taken = {};
  if (given.get('account')) taken.account = given.get('account');
  if (given.get('token')) taken.token = given.get('token');
  if (given.get('rest')) taken.restUrl = trimmed(given.get('rest'));
  if (given.get('ws')) taken.wsUrl = trimmed(given.get('ws'));
  if (given.get('service')) taken.serviceSid = given.get('service');
  if (given.get('people')) {
    taken.people = given
      .get('people')
      .split(',')
      .filter(Boolean)
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

  /** What is remembered, what the address brought, and what the place that serves the page says, in rising weight. */
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
    const { account, token, restUrl, wsUrl } = this.values;
    return Boolean(account && token && restUrl && wsUrl);
  }

  /** Where webhooks of a service can be sent to be seen here; null where nothing takes them. */
  inboxUrl(serviceSid) {
    const near = this.served?.inboxUrl && this.values.restUrl === this.served.restUrl;
    return near ? this.served.inboxUrl + serviceSid : null;
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
      // A browser that forbids storage still shows the page; a reload then asks again.
    }
  }
}
