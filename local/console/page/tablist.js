// Tabs inside a dialog: each panel is made when it is first chosen, because some must read from the service.

import { explain, h, keep } from './dom.js';

/** Make tabs from `{ name, label, make }`; `make()` returns the panel's element, or a promise of it. */
export function tablist(label, tabs) {
  const panels = new Map();
  const buttons = tabs.map(({ name, label: text }) =>
    h(
      'button',
      {
        type: 'button',
        role: 'tab',
        id: `settings-tab-${name}`,
        'aria-controls': `settings-${name}`,
        on: { click: () => choose(name) },
      },
      text,
    ),
  );
  const places = tabs.map(({ name }) =>
    h('div', { id: `settings-${name}`, role: 'tabpanel', 'aria-labelledby': `settings-tab-${name}`, hidden: true }),
  );
  const fill = async (place, make) => {
    try {
      keep(place, [h('p', { class: 'hint' }, 'Reading …')]);
      keep(place, [await make()]);
    } catch (error) {
      panels.delete(place);
      keep(place, [h('p', { class: 'form-error', role: 'alert' }, explain(error))]);
    }
  };
  const choose = (name) => {
    tabs.forEach((tab, at) => {
      const isChosen = tab.name === name;
      buttons[at].setAttribute('aria-selected', String(isChosen));
      buttons[at].setAttribute('tabindex', isChosen ? '0' : '-1');
      places[at].hidden = !isChosen;
      if (!isChosen || panels.has(places[at])) return;
      panels.set(places[at], true);
      fill(places[at], tab.make);
    });
  };
  const list = h('div', { class: 'settings-tabs', role: 'tablist', 'aria-label': label }, buttons);
  list.addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const at = (buttons.indexOf(document.activeElement) + step + tabs.length) % tabs.length;
    choose(tabs[at].name);
    buttons[at].focus();
  });
  choose(tabs[0].name);
  return h('div', { class: 'stacked' }, list, places);
}
