// The height of the tools: a handle on their upper edge changes it, with a mouse, a finger or arrow keys.

import { h } from './dom.js';

const KEY = 'parley-tools-height';
const LEAST = 120;
const STEP = 24;
// What stays for the chat, so that nobody loses the field to write in behind the tools.
const FOR_THE_CHAT = 420;

const stored = () => {
  try {
    return Number(localStorage.getItem(KEY)) || null;
  } catch {
    return null; // If storage is forbidden, a height lasts as long as the page.
  }
};

/** Make the handle of an element whose style sheet reads `--height`. The browser remembers the height. */
export function sizeHandle(element) {
  let height = stored();
  const handle = h('div', {
    class: 'size-handle wide-only',
    role: 'separator',
    tabindex: '0',
    'aria-orientation': 'horizontal',
    'aria-label': 'Height of the tools',
    'aria-controls': element.id,
    title: 'Drag, or press ↑ and ↓, to change the height',
  });
  const most = () => Math.max(LEAST, innerHeight - FOR_THE_CHAT);
  const fitting = (wanted) => Math.round(Math.min(most(), Math.max(LEAST, wanted)));
  const current = () => element.querySelector('.tool-panels').offsetHeight;
  const show = () => {
    if (height !== null) element.style.setProperty('--height', `${fitting(height)}px`);
    handle.setAttribute('aria-valuemin', LEAST);
    handle.setAttribute('aria-valuemax', most());
    handle.setAttribute('aria-valuenow', fitting(height ?? current()));
  };
  const set = (wanted) => {
    height = fitting(wanted);
    show();
    try {
      localStorage.setItem(KEY, height);
    } catch {
      // As above.
    }
  };
  handle.addEventListener('keydown', (event) => {
    const wanted = {
      ArrowUp: current() + STEP,
      ArrowDown: current() - STEP,
      PageUp: current() + 4 * STEP,
      PageDown: current() - 4 * STEP,
      Home: LEAST,
      End: most(),
    }[event.key];
    if (wanted === undefined) return;
    event.preventDefault();
    set(wanted);
  });
  let from = null;
  handle.addEventListener('pointerdown', (event) => {
    handle.setPointerCapture(event.pointerId);
    from = { y: event.clientY, height: current() };
  });
  handle.addEventListener('pointermove', (event) => from && set(from.height + from.y - event.clientY));
  for (const end of ['pointerup', 'pointercancel']) handle.addEventListener(end, () => (from = null));
  addEventListener('resize', show);
  new ResizeObserver(show).observe(element);
  return handle;
}
