// Building elements and keeping them up to date. Text always goes in as text, never as markup.

const SVG = 'http://www.w3.org/2000/svg';

const ICONS = {
  plus: 'M12 5v14M5 12h14',
  send: 'M5 12h13M12.500 5.500 19 12l-6.500 6.500',
  back: 'M15 5l-7 7 7 7',
  down: 'M6 9l6 6 6-6',
  close: 'M6 6l12 12M18 6 6 18',
  edit: 'M4 20h4L19 9l-4-4L4 16zM13 7l4 4',
  trash: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10.500 11v5M13.500 11v5',
  lock: 'M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 7 0v3',
  hash: 'M9 4 7 20M17 4l-2 16M4.500 9h16M3.500 15h16',
  people:
    'M9 11.500a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM2.500 20c0-3.500 3-6 6.500-6s6.500 2.500 6.500 6M16 5a3.300 3.300 0 0 1 0 6.400M18 14.500c2.200.8 3.500 2.900 3.500 5.500',
  person: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.500 20.500c0-4 3.400-6.500 7.500-6.500s7.500 2.500 7.500 6.500',
  sliders:
    'M4 7h9M17 7h3M4 17h3M11 17h9M15 9.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5zM9 19.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5z',
  sun: 'M12 16.500a4.500 4.500 0 1 0 0-9 4.500 4.500 0 0 0 0 9zM12 2v2.500M12 19.500V22M2 12h2.500M19.500 12H22M5 5l1.700 1.700M17.300 17.300 19 19M19 5l-1.700 1.700M6.700 17.300 5 19',
  moon: 'M20 14.500A8.500 8.500 0 0 1 9.500 4 8.500 8.500 0 1 0 20 14.500z',
  plug: 'M9 3v5M15 3v5M6 8h12v3a6 6 0 0 1-12 0zM12 17v4',
  search: 'M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM16 16l4.500 4.500',
  more: 'M5 12.600a.6.6 0 1 0 0-1.200.6.6 0 0 0 0 1.200zM12 12.600a.6.6 0 1 0 0-1.200.6.6 0 0 0 0 1.200zM19 12.600a.6.6 0 1 0 0-1.200.6.6 0 0 0 0 1.200z',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  pause: 'M9 6v12M15 6v12',
  play: 'M7 5l12 7-12 7z',
  bell: 'M6 16V11a6 6 0 0 1 12 0v5l1.500 2h-15zM10 21h4',
  mute: 'M6 16V11a6 6 0 0 1 9-5.200M18 11v5l1.500 2h-15M10 21h4M4 4l16 16',
  leave: 'M14 4h5v16h-5M4 12h11M11 8l4 4-4 4',
  help: 'M9 9a3 3 0 1 1 4.500 2.600c-1 .6-1.500 1.200-1.500 2.400M12 17.500h.01',
  clip: 'M19 11.500 11.800 18.700a4.500 4.500 0 0 1-6.400-6.400l7.600-7.600a3 3 0 0 1 4.300 4.300l-7.500 7.500a1.500 1.500 0 0 1-2.200-2.200l6.800-6.700',
  file: 'M6 3h8l4 4v14H6zM14 3v4h4',
  code: 'M8 7l-5 5 5 5M16 7l5 5-5 5',
  check: 'M5 12.500l4.500 4.500L19 7',
  braces:
    'M9 4c-2.200 0-3 1-3 3v2c0 1.700-.8 3-2.500 3 1.700 0 2.500 1.300 2.500 3v2c0 2 .8 3 3 3M15 4c2.200 0 3 1 3 3v2c0 1.700.8 3 2.500 3-1.700 0-2.500 1.300-2.500 3v2c0 2-.8 3-3 3',
};

/** Make an element. In `props`, `on` holds listeners, `data` the dataset, and the rest are properties or attributes. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === 'on') for (const [type, listener] of Object.entries(value)) element.addEventListener(type, listener);
    else if (name === 'data') Object.assign(element.dataset, value);
    else if (name === 'class') element.className = value;
    else if (['value', 'checked', 'disabled', 'hidden', 'textContent'].includes(name)) element[name] = value;
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** A line drawing in the current colour, hidden from assistive technology: the button around it has the name. */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', ICONS[name]);
  svg.append(path);
  return svg;
}

/** A button that shows a drawing only. */
export function iconButton(name, label, listener, props = {}) {
  const { class: extra = '', ...others } = props;
  return h(
    'button',
    {
      type: 'button',
      class: `icon-button ${extra}`.trim(),
      'aria-label': label,
      title: label,
      on: { click: listener },
      ...others,
    },
    icon(name),
  );
}

/** A button with a text and, if wanted, a drawing before it. */
export function textButton(label, listener, { look = 'plain', drawing = null, ...props } = {}) {
  return h(
    'button',
    { type: 'button', class: `button ${look}`, on: listener ? { click: listener } : {}, ...props },
    drawing && icon(drawing),
    h('span', {}, label),
  );
}

/** One of eight colours for an identity, the same wherever it appears. */
export function tone(identity) {
  let sum = 0;
  for (const character of identity) sum = (sum * 50 + character.codePointAt(0)) % 997;
  return String(sum % 8);
}

/** The round mark of an identity. Its dot shows presence: `true`, `false`, `'unknown'`, or null for no dot. */
export function avatar(identity, online = null, size = '') {
  const initials = [...identity.replace(/[^\p{L}\p{N}]+/gu, ' ').trim()].slice(0, 1).join('').toUpperCase() || '?';
  const mark = h('span', { class: `avatar ${size}`, data: { tone: tone(identity) }, 'aria-hidden': 'true' }, initials);
  if (online !== null && online !== undefined)
    mark.append(h('span', { class: 'dot', data: { online: String(online) } }));
  return mark;
}

/**
 * Make `parent` hold exactly `nodes` in this order. The node with the focus stays in place, or it would lose the
 * focus.
 */
export function keep(parent, nodes) {
  const wanted = new Set(nodes);
  const focused = document.activeElement;
  for (const child of [...parent.childNodes]) if (!wanted.has(child)) child.remove();
  let next = parent.firstChild;
  for (const node of nodes) {
    // Nodes that stand before this one, but come later in the order, are taken out and put in again when their turn
    // comes.
    while (node.parentNode === parent && next && next !== node && !next.contains(focused)) {
      const after = next.nextSibling;
      next.remove();
      next = after;
    }
    if (node === next) next = next.nextSibling;
    else parent.insertBefore(node, next);
  }
}

/** Run `action` once, `milliseconds` after the last call. */
export function debounce(action, milliseconds) {
  let timer = null;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(action, milliseconds);
  };
}

/** An error in one line. */
export function explain(error) {
  const code = error?.code ? ` (${error.code})` : '';
  return `${error?.message ?? error}${code}`;
}

/** Show a note at the edge of the page for some seconds; errors stay a little longer. */
export function toast(text, kind = 'info') {
  const note = h('div', { class: 'toast', data: { kind } }, text);
  const place = document.getElementById(kind === 'error' ? 'alerts' : 'notes');
  place.append(note);
  while (place.children.length > 3) place.firstChild.remove();
  setTimeout(() => note.remove(), kind === 'error' ? 9000 : 4500);
}

/** Put a text into the clipboard, and say so. */
export async function copyText(text) {
  await navigator.clipboard.writeText(text);
  toast('Copied.');
}

/** Wrap a handler: if it throws, the page shows the error. */
export function guarded(action) {
  return async (...given) => {
    try {
      return await action(...given);
    } catch (error) {
      toast(explain(error), 'error');
      return undefined;
    }
  };
}

/** Say something to assistive technology. */
export function announce(text) {
  const place = document.getElementById('live');
  place.append(h('p', {}, text));
  while (place.children.length > 8) place.firstChild.remove();
}
