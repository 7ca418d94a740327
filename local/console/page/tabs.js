// The tabs of a phone, which shows one thing at a time: one person, or the tools.

import { h, icon, keep } from './dom.js';

/** What a tab shows for a pane is named after the pane's place. */
export const paneView = (at) => `pane-${at}`;
export const TOOLS_VIEW = 'tools';

export class Tabs {
  /** `choose(view)` is called when a tab is clicked. */
  constructor(place, choose) {
    this.place = place;
    this.choose = choose;
    this.buttons = new Map();
  }

  /** Show a tab for each pane and one for the tools. `view` is the one that the phone shows. */
  show(panes, view) {
    const tabs = panes.map((pane, at) =>
      this.#tab(paneView(at), { label: pane.identity, drawing: 'person', unread: pane.totalUnread, state: pane.state }),
    );
    tabs.push(this.#tab(TOOLS_VIEW, { label: 'Tools', drawing: 'code', unread: 0, state: null }));
    for (const tab of tabs) {
      if (tab.dataset.view === view) tab.setAttribute('aria-current', 'true');
      else tab.removeAttribute('aria-current');
    }
    keep(this.place, tabs);
  }

  #tab(view, content) {
    let tab = this.buttons.get(view);
    if (!tab) {
      tab = h('button', { type: 'button', data: { view }, on: { click: () => this.choose(view) } });
      this.buttons.set(view, tab);
    }
    const written = JSON.stringify(content);
    if (tab.dataset.content !== written) {
      tab.dataset.content = written;
      keep(tab, parts(content));
    }
    return tab;
  }
}

function parts({ label, drawing, unread, state }) {
  const badge = () => h('span', { class: 'unread-badge' }, String(unread), h('span', { class: 'hidden' }, ' unread'));
  return [
    icon(drawing),
    h('span', { class: 'tab-label' }, label),
    unread > 0 && badge(),
    state && h('span', { class: 'state-dot', data: { state } }),
  ].filter(Boolean);
}
