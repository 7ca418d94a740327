// The page: it knows the account's services and the panes, and shows log, webhooks and snippets below them.

import { refuseOtherDrops } from './attachments.js';
import { copyText, guarded, icon, iconButton, keep, textButton, toast } from './dom.js';
import { accountForm, signOutDialog } from './account.js';
import { Drawer } from './drawer.js';
import { helpDialog } from './help.js';
import { Journal } from './journal.js';
import { Pane } from './pane.js';
import { identityDialog } from './people.js';
import { Phones } from './phones.js';
import { Rest } from './rest.js';
import { makeService, newServiceDialog } from './services.js';
import { Session, isAddressed } from './session.js';
import { settingsDialog } from './settings.js';
import { Snippets } from './snippets.js';
import { paneView, Tabs, TOOLS_VIEW } from './tabs.js';
import { Usage } from './usage.js';
import { Webhooks } from './webhooks.js';

const MOST_PANES = 4;
// A function remembers a service for ten seconds. It may have begun to read it just before the change.
const REMEMBERED_MILLISECONDS = 11_000;
const SUGGESTED = ['alice', 'bob', 'carol', 'dave'];
const NARROW = matchMedia('(max-width: 700px)');
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
    this.connectingAgain = null; // a timer
    this.webhooks = new Webhooks(session, this.rest);
    this.phones = new Phones(session);
    this.usage = new Usage(session, () => this.journal.tally);
    this.snippets = new Snippets(session, this.rest, () => this.#chosen());
    this.drawer = new Drawer(
      session,
      [
        { name: 'events', label: 'Events', element: this.journal.element },
        { name: 'webhooks', label: 'Webhooks', element: this.webhooks.element },
        { name: 'phones', label: 'Phones', element: this.phones.element },
        { name: 'usage', label: 'Usage', element: this.usage.element },
        { name: 'snippets', label: 'Snippets', element: this.snippets.element },
      ],
      { isNarrow: () => NARROW.matches, changed: (tool) => this.#toolChanged(tool) },
    );
    this.tabs = new Tabs(byId('tabs'), (view) => this.#view(view));
    this.view = paneView(0);
    this.#prepareHeader();
    this.#prepareWelcome();
    NARROW.addEventListener('change', () => this.#showView());
    refuseOtherDrops();
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

  /** Open the chat if the account is known, otherwise ask for it. */
  async start() {
    if (!this.session.isComplete) {
      this.#askAccount();
      return;
    }
    try {
      await this.#open();
    } catch (error) {
      this.#askAccount(error);
    }
  }

  async #open() {
    const { serviceSid } = this.session.values;
    this.services = await this.rest.services(serviceSid).catch((error) => {
      if (error.status !== 401) throw error;
      const { token } = this.session.values;
      throw new Error(token ? 'The account SID or the auth token is wrong.' : 'The link that opened this page has expired.');
    });
    byId('account').hidden = true;
    byId('chat').hidden = false;
    document.body.dataset.page = 'chat';
    const chosen = this.services.find(({ sid }) => sid === serviceSid) ?? this.services.at(-1) ?? null;
    this.#makePanes();
    this.#choose(chosen);
  }

  #askAccount(error = null) {
    document.body.dataset.page = 'account';
    byId('account').hidden = false;
    byId('chat').hidden = true;
    keep(byId('account-form'), [accountForm(this.session, () => this.#open(), error)]);
  }

  signOut() {
    return signOutDialog(this.session, this.rest, () => Promise.all(this.panes.map((pane) => pane.disconnect())));
  }

  // Header.

  #prepareHeader() {
    this.picker = byId('service');
    this.picker.addEventListener('change', () =>
      this.#choose(this.services.find(({ sid }) => sid === this.picker.value)),
    );
    const theme = iconButton('moon', 'Dark or light', () => window.parleyTheme.toggle());
    const showTheme = () => keep(theme, [icon(document.documentElement.dataset.theme === 'dark' ? 'sun' : 'moon')]);
    document.documentElement.addEventListener('themechange', showTheme);
    showTheme();
    const button = (drawing, label, action, props) => iconButton(drawing, label, guarded(action), props);
    byId('service-sid').addEventListener('click', guarded(() => copyText(this.service.sid)));
    keep(byId('service-actions'), [button('plus', 'New service', () => this.newService())]);
    keep(byId('header-actions'), [
      button('person', 'Add a person', () => this.addPerson(), { class: 'wide-only' }),
      button('sliders', 'Service settings', () => this.settings()),
      theme,
      button('help', 'Keyboard and help', helpDialog, { class: 'wide-only' }),
      button('leave', 'Sign out', () => this.signOut()),
    ]);
  }

  #prepareWelcome() {
    const begin = guarded(() => this.#makeService('First steps'));
    keep(byId('welcome-action'), [textButton('Start a conversation', begin, { look: 'primary big' })]);
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
    this.#view(paneView(this.panes.indexOf(pane)));
    (pane.conversation?.composer ?? pane.element).focus();
  }

  // Services.

  #showServices() {
    keep(
      this.picker,
      this.services.map((service) => new Option(service.friendly_name?.trim() || service.sid, service.sid)),
    );
    if (this.service) this.picker.value = this.service.sid;
    const sid = this.service?.sid ?? '';
    const shown = byId('service-sid');
    shown.textContent = `${sid.slice(0, 6)}…${sid.slice(-4)}`;
    shown.title = `Copy ${sid}`;
    shown.setAttribute('aria-label', `Copy the SID ${shown.textContent}`);
    this.picker.closest('.chooser').hidden = this.services.length === 0;
    byId('welcome').hidden = this.services.length > 0;
    byId('panes').hidden = this.services.length === 0;
  }

  #choose(service) {
    const hasMoved = this.service !== null && service?.sid !== this.service.sid;
    this.service = service ?? null;
    this.session.set({ serviceSid: service?.sid ?? null });
    this.#showServices();
    this.webhooks.choose(this.service);
    for (const pane of this.panes) {
      if (hasMoved) pane.openSid = null;
      pane.connect();
    }
    this.#refreshSnippets();
  }

  async #makeService(name) {
    const identities = this.panes.map(({ identity }) => identity);
    const service = await makeService(this.rest, name, identities);
    this.services.push(service);
    this.#choose(service);
  }

  newService() {
    return newServiceDialog(`Service ${this.services.length + 1}`, (name) => this.#makeService(name));
  }

  settings() {
    const { service } = this;
    if (!service) return this.newService();
    return settingsDialog(service, this.rest, {
      changed: (before) => {
        this.#showServices();
        this.webhooks.choose(service);
        if (before.reachability_enabled !== service.reachability_enabled) this.#connectAgainLater();
      },
      deleted: () => this.#serviceDeleted(service),
    });
  }

  #serviceDeleted(service) {
    this.services = this.services.filter((one) => one !== service);
    if (service === this.service) this.#choose(this.services.at(-1) ?? null);
  }

  /** A client learns with its session whether the service has presence, so each needs a new one. */
  #connectAgainLater() {
    toast('All connect again in eleven seconds. Until then, functions may remember the old presence setting.');
    clearTimeout(this.connectingAgain);
    const { service } = this;
    this.connectingAgain = setTimeout(() => {
      if (service !== this.service) return;
      for (const pane of this.panes) if (pane.client) pane.connect();
    }, REMEMBERED_MILLISECONDS);
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

  /** Make this pane the one that somebody looks at and writes in. */
  activate(pane) {
    if (this.active === pane) return;
    this.active = pane;
    for (const one of this.panes) one.element.classList.toggle('active', one === pane);
    this.personChanged();
    pane.onLooked();
  }

  /** Ask for an identity that no pane other than `except` has; the service's users are suggested. */
  async askIdentity(title, options, except = null) {
    const taken = this.panes.filter((pane) => pane !== except).map(({ identity }) => identity);
    const { users } = this.service
      ? await this.rest.get(`/chat/v2/Services/${this.service.sid}/Users?PageSize=50`)
      : { users: [] };
    const value = except?.identity ?? SUGGESTED.find((identity) => !taken.includes(identity));
    const suggestions = users.map(({ identity }) => identity);
    return identityDialog(title, { ...options, value, suggestions, taken });
  }

  addPerson() {
    if (this.panes.length >= MOST_PANES) throw new Error(`There is room for ${MOST_PANES} people`);
    return this.askIdentity('Add a person', {
      submit: 'Add',
      act: (identity) => {
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

  /** Another person chats, or in another channel: store it, and write it into the snippets. */
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
    this.phones.show(tool === 'phones');
    this.usage.show(tool === 'usage');
    this.#refreshSnippets();
  }

  #chosen() {
    return { service: this.service?.sid, channel: this.active?.openSid, identity: this.active?.identity };
  }

  #refreshSnippets() {
    guarded(() => this.snippets.refresh())();
  }

  // A phone shows one thing at a time.

  #showTabs() {
    this.tabs.show(this.panes, this.view);
  }

  #view(view) {
    this.view = view;
    const pane = this.panes.find((_, at) => paneView(at) === view);
    if (pane) this.activate(pane);
    this.#showTabs();
    this.#showView();
    pane?.onLooked();
  }

  #showView() {
    const isThere = this.view === TOOLS_VIEW || this.panes.some((_, at) => this.view === paneView(at));
    if (!isThere) this.view = paneView(0);
    document.body.dataset.view = this.view === TOOLS_VIEW ? 'tools' : 'panes';
    this.panes.forEach((pane, at) => pane.element.classList.toggle('shown', this.view === paneView(at)));
    this.drawer.show();
  }
}

const app = new App(await Session.load());
await app.start().catch((error) => toast(error.message, 'error'));
// A link to the console that is opened in its own tab changes only the part behind #, so the page reloads itself.
addEventListener('hashchange', () => isAddressed() && location.reload());
