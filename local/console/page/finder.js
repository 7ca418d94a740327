// The body of a dialog that finds something in a long list, which it reads page by page only as far as it is needed.

import { debounce, explain, h, keep, textButton } from './dom.js';

const READ_AT_ONCE = 3000;
const MOST_SHOWN = 200;
const TYPING_MILLISECONDS = 250;

/**
 * Make the field, the list and the line below it.
 *
 * `source` has `isComplete`, `read` (how many it has read), `readOn()`, `matching(text)`, and perhaps `lookUp(text)`,
 * which finds something that was not read yet. `row(found, text)` makes the element of what was found. `words` are
 * `list`, `filter`, `placeholder`, `things` (what is read), `none` (for a text) and `empty` (without a text).
 */
export function finder(source, dialog, { row, words }) {
  const list = h('ul', { class: 'people', 'aria-label': words.list });
  const state = h('p', { class: 'hint', role: 'status' });
  const further = textButton('Look further', () => readUpTo(source.read + READ_AT_ONCE), { look: 'link' });
  const filter = h('input', {
    type: 'search',
    placeholder: words.placeholder,
    'aria-label': words.filter,
    on: { input: () => onInput() },
  });
  let wanted = source.read;
  let isReading = false;
  let problem = '';

  const show = () => {
    const text = filter.value.trim();
    const found = source.matching(text);
    const { isComplete } = source;
    const shown = found.slice(0, MOST_SHOWN).map((one) => row(one, text));
    if (isComplete && shown.length === 0) shown.push(h('li', { class: 'nothing' }, text ? words.none : words.empty));
    keep(list, shown);
    const told = [
      found.length > MOST_SHOWN && `The first ${MOST_SHOWN} of ${found.length} are shown.`,
      found.length === 0 && !isComplete && 'Nothing yet.',
      !isComplete && `The search has read ${source.read} ${words.things}; there are more.`,
      problem,
    ];
    state.textContent = told.filter(Boolean).join(' ');
    if (isComplete && document.activeElement === further) filter.focus();
    further.hidden = isComplete;
  };
  const readUpTo = async (number) => {
    wanted = number;
    if (isReading) return;
    isReading = true;
    problem = '';
    try {
      while (!source.isComplete && source.read < wanted && dialog.open) {
        await source.readOn();
        show();
      }
    } catch (error) {
      problem = explain(error);
    }
    isReading = false;
    show();
  };
  const lookUp = debounce(async () => {
    const text = filter.value.trim();
    if (!text || source.isComplete) return;
    await source.lookUp?.(text);
    show();
  }, TYPING_MILLISECONDS);
  const onInput = () => {
    show();
    lookUp();
    readUpTo(filter.value.trim() ? source.read + READ_AT_ONCE : 0);
  };

  show();
  return h('div', { class: 'stacked' }, filter, list, h('div', { class: 'found' }, state, further));
}
