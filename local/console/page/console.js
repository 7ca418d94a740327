// The page: account, service, panes, and the drawer with log, webhooks and snippets.

import { explain, guarded, h, icon, iconButton, keep, textButton, toast } from './dom.js';
import { askForm, makeForm, openDialog } from './dialogs.js';
import { Drawer } from './drawer.js';
import { Journal } from './journal.js';
import { Pane } from './pane.js';
import { Rest } from './rest.js';
import { Session, isAddressed } from './session.js';
import { Snippets } from './snippets.js';
import { Webhooks } from './webhooks.js';

const MOST_PANES = 4;
const NARROW = matchMedia('(max-width: 700px)');
const PLACE = '.execute-api.us-east-1.amazonaws.com/prod';
const byId = (id) => document.getElementById(id);

class App {
  constructor(session) {
    this.session = session;
    this.journal = new Journal();
    this.rest = new Rest(session, (request) => this.#noteRequest(request));
    this.service = null;
    this.services = [];
    this.panes = [];
    this.active = null;
    this.webhooks = new Webhooks(session, this.rest);
    this.snippets = new Snippets(session, this.rest, () => this.#chosen());
    this.drawer = new Drawer(
      session,
      [
        { name: 'events', label: 'Events', element: this.journal.element },
        { name: 'webhooks', label: 'Webhooks', element: this.webhooks.element },
        { name: 'snippets', label: 'Snippets', element: this.snippets.element },
      ],
      { isNarrow: () => NARROW.matches, changed: (tool) => this.#toolChanged(tool) },
    );
    this.tabs = new Map();
    this.view = 'pane-0';
    this.#prepareHeader();
    NARROW.addEventListener('change', () => this.#showView());
    document.addEventListener('visibilitychange', () => this.active?.onLooked());
    document.addEventListener('keydown', (event) => this.#onKey(event));
  }

  get isNarrow() {
    return NARROW.matches;
  }

  #noteRequest({ method, path, fields, status, body }) {
    const detail = { path, ...(fields && { fields }), ...(body && { answer: body }) };
    this.journal.add('page', 'rest', `${method} ${status || 'failed'}`, detail, path);
  }

  // Start.

  async start() {
    if (!this.session.isComplete) return this.#askAccount();
    try {
      await this.#readServices();
    } catch (error) {
      return this.#askAccount(error);
    }
    byId('account').hidden = true;
    byId('chat').hidden = false;
    document.body.dataset.page = 'chat';
    const { serviceSid } = this.session.values;
    const chosen = this.services.find(({ sid }) => sid === serviceSid) ?? this.services.at(-1) ?? null;
    this.#makePanes();
    await this.#choose(chosen);
    return undefined;
  }

  #askAccount(error) {
    document.body.dataset.page = 'account';
    byId('account').hidden = false;
    byId('chat').hidden = true;
    const { values, served } = this.session;
    const addresses = served
      ? []
      : [
          {
            name: 'restUrl',
            label: 'REST URL',
            type: 'url',
            required: true,
            value: values.restUrl ?? '',
            placeholder: `https://abc${PLACE}`,
          },
          {
            name: 'wsUrl',
            label: 'WebSocket URL',
            type: 'url',
            required: true,
            value: values.wsUrl ?? '',
            placeholder: `wss://def${PLACE}`,
          },
        ];
    const form = makeForm({
      fields: [
        ...addresses,
        { name: 'account', label: 'Account SID', required: true, value: values.account ?? '', placeholder: 'AC…' },
        { name: 'token', label: 'Auth token', type: 'password', required: true, value: '' },
      ],
      submit: 'Open the console',
      act: async (given) => {
        const clean = Object.fromEntries(
          Object.entries(given).map(([name, value]) => [name, value.trim().replace(/\/+$/, '')]),
        );
        const before = { ...this.session.values };
        this.session.set(clean.account === before.account ? clean : { ...clean, key: null, serviceSid: null });
        try {
          await this.#readServices();
        } catch (problem) {
          this.session.set({ token: null });
          throw problem;
        }
        await this.start();
      },
    });
    keep(byId('account-form'), [form]);
    if (error && this.session.values.account) {
      const alert = form.querySelector('[role=alert]');
      alert.hidden = false;
      alert.textContent = error.message;
    }
  }

  async #readServices() {
    this.services = await this.rest.services().catch((error) => {
      throw error.status === 401 ? new Error('The account SID or the auth token is wrong.') : error;
    });
  }

  // Header.

  #prepareHeader() {
    this.picker = byId('service');
    this.picker.addEventListener(
      'change',
      guarded(() => this.#choose(this.services.find(({ sid }) => sid === this.picker.value))),
    );
    const theme = iconButton('moon', 'Dark or light', () => window.parleyTheme.toggle());
    const showTheme = () => keep(theme, [icon(document.documentElement.dataset.theme === 'dark' ? 'sun' : 'moon')]);
    document.documentElement.addEventListener('themechange', showTheme);
    showTheme();
    keep(byId('service-actions'), [
      iconButton(
        'plus',
        'New service',
        guarded(() => this.newService()),
      ),
    ]);
    keep(byId('header-actions'), [
      iconButton(
        'person',
        'Add a person',
        guarded(() => this.addPerson()),
        { class: 'wide-only' },
      ),
      iconButton(
        'sliders',
        'Service settings',
        guarded(() => this.settings()),
      ),
      theme,
      iconButton('help', 'Keyboard and help', () => this.help()),
      iconButton(
        'leave',
        'Sign out',
        guarded(() => this.signOut()),
      ),
    ]);
  }

  #showServices() {
    keep(
      this.picker,
      this.services.map((service) => new Option(service.friendly_name || service.sid, service.sid)),
    );
    if (this.service) this.picker.value = this.service.sid;
    this.picker.closest('.chooser').hidden = this.services.length === 0;
    byId('welcome').hidden = this.services.length > 0;
    byId('panes').hidden = this.services.length === 0;
  }

  async #choose(service) {
    const moved = this.service !== null && service?.sid !== this.service.sid;
    this.service = service ?? null;
    this.session.set({ serviceSid: service?.sid ?? null });
    this.#showServices();
    this.webhooks.choose(this.service);
    if (moved) for (const pane of this.panes) pane.openSid = null;
    for (const pane of this.panes) pane.connect();
    this.#refreshSnippets();
  }

  /** Make a service with presence, a public channel, and everybody who has a pane in it as its administrators. */
  async #makeService(friendlyName) {
    let service = await this.rest.post('/chat/v2/Services', { FriendlyName: friendlyName });
    const path = `/chat/v2/Services/${service.sid}`;
    service = await this.rest.post(path, { ReachabilityEnabled: 'true' });
    await this.rest.post(`${path}/Channels`, { UniqueName: 'general', FriendlyName: 'General' });
    for (const { identity } of this.panes) {
      const fields = { Identity: identity, RoleSid: service.default_channel_creator_role_sid };
      await this.rest.post(`${path}/Channels/general/Members`, fields);
    }
    this.services.push(service);
    await this.#choose(service);
    return service;
  }

  async newService() {
    await askForm('New service', {
      fields: [
        {
          name: 'name',
          label: 'Name',
          required: true,
          autofocus: true,
          value: `Service ${this.services.length + 1}`,
          maximum: 64,
        },
      ],
      note: 'A service is a chat of its own. This one starts with presence and a public channel for all on this page.',
      submit: 'Create',
      act: ({ name }) => this.#makeService(name),
    });
  }

  async settings() {
    if (!this.service) return this.newService();
    const { service } = this;
    return askForm('Service settings', {
      fields: [
        { name: 'name', label: 'Name', value: service.friendly_name, required: true, maximum: 64, autofocus: true },
        {
          name: 'presence',
          label: 'Presence: show who is online',
          type: 'checkbox',
          value: service.reachability_enabled,
        },
        {
          name: 'typing',
          label: 'Typing ends after (seconds)',
          type: 'number',
          value: service.typing_indicator_timeout,
          minimum: 1,
          required: true,
        },
      ],
      act: async ({ name, presence, typing }) => {
        const fields = { FriendlyName: name, ReachabilityEnabled: presence, TypingIndicatorTimeout: typing };
        const was = service.reachability_enabled;
        Object.assign(service, await this.rest.post(`/chat/v2/Services/${service.sid}`, fields));
        this.#showServices();
        // Presence that is switched on is told with the next session.
        if (was !== service.reachability_enabled) for (const pane of this.panes) if (pane.client) pane.connect();
      },
    });
  }

  /** Who could be chatted as: users of the service. */
  async identities() {
    if (!this.service) return [];
    const { users } = await this.rest.get(`/chat/v2/Services/${this.service.sid}/Users?PageSize=50`);
    return users.map(({ identity }) => identity);
  }

  async signOut() {
    await askForm('Sign out?', {
      note: 'This tab forgets the account, and its API key is deleted. The chat itself stays.',
      submit: 'Sign out',
      act: async () => {
        await Promise.all(this.panes.map((pane) => pane.disconnect()));
        const { key } = this.session.values;
        try {
          await this.rest.forgetKey();
        } catch (error) {
          throw new Error(`The account is forgotten, but its API key ${key.sid} is not deleted: ${explain(error)}`);
        } finally {
          this.session.forget();
        }
      },
    });
    // Who has read what went wrong has no account to go on with either.
    if (!this.session.isComplete) location.reload();
  }

  help() {
    const rows = [
      ['Enter', 'send the message, or save the edit'],
      ['Shift + Enter', 'new line'],
      ['↑ in an empty field', 'edit your last message'],
      ['Shift + Tab from the field', 'to the messages; ↑ and ↓ go through them'],
      ['E, Delete', 'edit or delete the message you are on'],
      ['Escape', 'stop editing; close a dialog; back to the field'],
      ['Alt + 1 … 4', 'go to a person'],
      ['Alt + E', 'open or close the tools'],
    ];
    openDialog('Keyboard', () =>
      h(
        'div',
        { class: 'stacked' },
        h(
          'dl',
          { class: 'keys' },
          rows.flatMap(([keys, does]) => [h('dt', {}, h('kbd', {}, keys)), h('dd', {}, does)]),
        ),
        h(
          'p',
          { class: 'note' },
          'A person reads what is open in the pane you are in. Go into the other pane, and that person has read it.',
        ),
      ),
    );
  }

  #onKey(event) {
    if (!event.altKey || event.ctrlKey || event.metaKey || document.querySelector('dialog[open]')) return;
    const number = /^Digit([1-4])$/.exec(event.code)?.[1];
    const pane = number && this.panes[Number(number) - 1];
    if (pane) {
      event.preventDefault();
      this.#goTo(pane);
    } else if (event.code === 'KeyE') {
      event.preventDefault();
      this.drawer.toggle();
    }
  }

  #goTo(pane) {
    this.activate(pane);
    this.#view(`pane-${this.panes.indexOf(pane)}`);
    (pane.conversation?.composer ?? pane.element).focus();
  }

  // Panes.

  #makePanes() {
    for (const pane of this.panes) pane.disconnect();
    this.panes = this.session.values.people.map((person) => new Pane(this, person));
    this.active = this.panes[this.session.values.active ?? 0] ?? this.panes[0];
    this.#showPanes();
  }

  #showPanes() {
    keep(
      byId('panes'),
      this.panes.map(({ element }) => element),
    );
    for (const pane of this.panes) {
      pane.showIdentity();
      pane.element.classList.toggle('active', pane === this.active);
    }
    this.#showTabs();
    this.#showView();
  }

  /** This person is the one who looks and writes now. */
  activate(pane) {
    if (this.active === pane) return;
    this.active = pane;
    for (const one of this.panes) one.element.classList.toggle('active', one === pane);
    this.personChanged();
    pane.onLooked();
  }

  async addPerson() {
    if (this.panes.length >= MOST_PANES) throw new Error(`There is room for ${MOST_PANES} people`);
    const taken = this.panes.map(({ identity }) => identity);
    const free = ['alice', 'bob', 'carol', 'dave'].find((identity) => !taken.includes(identity));
    const users = (await this.identities()).filter((identity) => !taken.includes(identity));
    await askForm('Add a person', {
      fields: [
        {
          name: 'identity',
          label: 'Identity',
          value: free,
          required: true,
          maximum: 256,
          autofocus: true,
          suggestions: users,
        },
      ],
      submit: 'Add',
      act: async ({ identity }) => {
        if (taken.includes(identity)) throw new Error(`${identity} has a pane already`);
        const pane = new Pane(this, { identity });
        this.panes.push(pane);
        this.#showPanes();
        this.personChanged();
        pane.connect();
      },
    });
  }

  removePane(pane) {
    this.panes = this.panes.filter((one) => one !== pane);
    pane.disconnect();
    if (this.active === pane) this.active = this.panes[0];
    this.#showPanes();
    this.personChanged();
  }

  /** Who chats, in which channel, has changed: remember it, and fill it in. */
  personChanged() {
    const people = this.panes.map(({ identity, openSid }) => ({ identity, channelSid: openSid }));
    this.session.set({ people, active: this.panes.indexOf(this.active) });
    this.#showTabs();
    this.#refreshSnippets();
  }

  stateChanged() {
    this.#showTabs();
  }

  unreadChanged() {
    const total = this.panes.reduce((sum, pane) => sum + pane.totalUnread, 0);
    document.title = total ? `(${total}) Parley console` : 'Parley console';
    this.#showTabs();
  }

  // Tools.

  #toolChanged(tool) {
    this.webhooks.show(tool === 'webhooks');
    this.#refreshSnippets();
  }

  #chosen() {
    return { service: this.service?.sid, channel: this.active?.openSid, identity: this.active?.identity };
  }

  #refreshSnippets() {
    guarded(() => this.snippets.refresh())();
  }

  // On a phone: one thing at a time.

  #showTabs() {
    const nodes = this.panes.map((pane, at) => {
      const label = pane.identity;
      return this.#tab(`pane-${at}`, label, 'person', pane.totalUnread, pane.state);
    });
    keep(byId('tabs'), [...nodes, this.#tab('tools', 'Tools', 'code', 0, null)]);
  }

  #tab(view, label, drawing, unread, state) {
    let tab = this.tabs.get(view);
    if (!tab) {
      tab = h('button', { type: 'button', on: { click: () => this.#view(view) } });
      this.tabs.set(view, tab);
    }
    const content = JSON.stringify([label, unread, state]);
    if (tab.dataset.content !== content) {
      tab.dataset.content = content;
      keep(tab, [
        icon(drawing),
        h('span', { class: 'tab-label' }, label),
        ...(unread
          ? [h('span', { class: 'unread-badge' }, String(unread), h('span', { class: 'hidden' }, ' unread'))]
          : []),
        ...(state ? [h('span', { class: 'state-dot', data: { state } })] : []),
      ]);
    }
    if (view === this.view) tab.setAttribute('aria-current', 'true');
    else tab.removeAttribute('aria-current');
    return tab;
  }

  #view(view) {
    this.view = view;
    const pane = this.panes[Number(view.split('-')[1])];
    if (pane) this.activate(pane);
    this.#showTabs();
    this.#showView();
    pane?.onLooked();
  }

  #showView() {
    if (!this.panes.some((_, at) => this.view === `pane-${at}`) && this.view !== 'tools') this.view = 'pane-0';
    document.body.dataset.view = this.view === 'tools' ? 'tools' : 'panes';
    this.panes.forEach((pane, at) => pane.element.classList.toggle('shown', this.view === `pane-${at}`));
    this.drawer.show();
  }

  welcome() {
    const begin = textButton(
      'Start a conversation',
      guarded(() => this.#makeService('First steps')),
      { look: 'primary big' },
    );
    keep(byId('welcome-action'), [begin]);
  }
}

const app = new App(await Session.load());
app.welcome();
await app.start().catch((error) => toast(error.message, 'error'));
// A link to the console, opened where it is open already, changes nothing but the part behind #.
addEventListener('hashchange', () => isAddressed() && location.reload());
