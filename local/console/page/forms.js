// Forms, made from a list of fields. A field that cannot be read says so below itself, and the form is not sent.

import { explain, h, textButton } from './dom.js';

const NOT_ONLY_SPACES = '.*\\S.*';

function control(field) {
  const common = { name: field.name, id: `field-${field.name}`, required: field.required, autofocus: field.autofocus };
  if (field.type === 'select') {
    const select = h(
      'select',
      common,
      field.options.map(([value, text]) => h('option', { value }, text)),
    );
    select.value = field.value ?? field.options[0]?.[0] ?? '';
    return select;
  }
  if (field.type === 'json') {
    return h('textarea', {
      ...common,
      class: 'json',
      rows: '6',
      spellcheck: 'false',
      value: JSON.stringify(field.value ?? {}, null, 2),
      'aria-describedby': `error-${field.name}`,
    });
  }
  const list = field.suggestions?.length ? `list-${field.name}` : undefined;
  const isText = (field.type ?? 'text') === 'text';
  return h('input', {
    ...common,
    type: field.type ?? 'text',
    dir: isText ? 'auto' : undefined,
    pattern: isText && field.required ? NOT_ONLY_SPACES : undefined,
    title: isText && field.required ? 'Not only spaces' : undefined,
    value: field.value ?? '',
    maxlength: field.maximum,
    min: field.minimum,
    max: field.most,
    list,
    autocomplete: 'off',
    autocapitalize: 'off',
    spellcheck: 'false',
    placeholder: field.placeholder,
    'aria-describedby': field.hint ? `hint-${field.name}` : undefined,
  });
}

function row(field) {
  const hint = field.hint && h('small', { id: `hint-${field.name}` }, field.hint);
  if (field.type === 'checkbox') {
    const box = h('input', { type: 'checkbox', name: field.name, checked: field.value, id: `field-${field.name}` });
    return h('div', { class: 'field check' }, h('label', {}, box, h('span', {}, field.label)), hint);
  }
  if (field.type === 'checks') return checks(field);
  if (field.type === 'radio') {
    const choices = field.options.map(([value, text, about]) =>
      h(
        'label',
        { class: 'choice' },
        h('input', { type: 'radio', name: field.name, value, checked: value === field.value }),
        h('span', {}, h('strong', {}, text), about && h('small', {}, about)),
      ),
    );
    return h('fieldset', { class: 'field' }, h('legend', {}, field.label), choices);
  }
  const suggestions = field.suggestions?.length
    ? h(
        'datalist',
        { id: `list-${field.name}` },
        field.suggestions.map((value) => h('option', { value })),
      )
    : null;
  return h(
    'div',
    { class: 'field' },
    h('label', { for: `field-${field.name}` }, field.label),
    control(field),
    suggestions,
    hint,
    field.type === 'json' && h('p', { class: 'form-error', id: `error-${field.name}`, role: 'alert', hidden: true }),
  );
}

/** A group of boxes, each with a name of its own; the value is the set of those that are ticked. */
function checks(field) {
  const box = ([value, text]) =>
    h(
      'label',
      { class: 'box' },
      h('input', { type: 'checkbox', value, data: { group: field.name }, checked: field.value.includes(value) }),
      h('span', {}, text),
    );
  return h(
    'fieldset',
    { class: 'field' },
    h('legend', {}, field.label),
    field.hint && h('small', {}, field.hint),
    h('div', { class: 'boxes' }, field.options.map(box)),
  );
}

const WANTED = 'Attributes are a JSON object, for example {"color": "green"}.';

/** The object that a JSON text describes; throws what to show to the person who wrote it. */
export function readObject(text) {
  let value;
  try {
    value = text.trim() ? JSON.parse(text) : {};
  } catch (error) {
    throw new Error(`This is not JSON: ${error.message}`);
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new Error(WANTED);
  return value;
}

/** Show below a JSON field what is wrong with it, or that nothing is; returns whether it can be read. */
function isReadable(area) {
  const place = area.parentElement.querySelector('[role=alert]');
  try {
    readObject(area.value);
    place.textContent = '';
  } catch (error) {
    place.textContent = error.message;
  }
  place.hidden = !place.textContent;
  area.setAttribute('aria-invalid', String(!place.hidden));
  return place.hidden;
}

/** The values of a form: checkboxes as true and false, groups of them as arrays, JSON as objects. */
function valuesOf(form) {
  const values = Object.fromEntries(new FormData(form));
  for (const box of form.querySelectorAll('input[type=checkbox][name]')) values[box.name] = box.checked;
  for (const box of form.querySelectorAll('input[data-group]')) {
    values[box.dataset.group] ??= [];
    if (box.checked) values[box.dataset.group].push(box.value);
  }
  for (const area of form.querySelectorAll('textarea.json')) values[area.name] = readObject(area.value);
  return values;
}

/**
 * Make a form that calls `act(values, button)`. While that runs, the form's buttons are off. If it throws, the form
 * shows the error. `others` are further buttons, as pairs of name and text; the first button's name is `submit`.
 */
export function makeForm({ fields = [], note, submit = 'Save', look = 'primary', others = [], act, done, cancel }) {
  const alert = h('p', { class: 'form-error', role: 'alert', hidden: true });
  const run = async (name) => {
    alert.hidden = true;
    const wrong = [...form.querySelectorAll('textarea.json')].find((area) => !isReadable(area));
    if (wrong) {
      wrong.focus();
      return;
    }
    for (const button of buttons) button.disabled = true;
    try {
      const result = await act(valuesOf(form), name);
      done?.(result ?? true);
    } catch (error) {
      alert.textContent = explain(error);
      alert.hidden = false;
    } finally {
      for (const button of buttons) button.disabled = false;
    }
  };
  const buttons = [
    cancel && textButton('Cancel', cancel),
    ...others.map(([name, text]) => textButton(text, () => form.reportValidity() && run(name))),
    h('button', { class: `button ${look}`, autofocus: fields.length === 0 }, h('span', {}, submit)),
  ].filter(Boolean);
  const form = h(
    'form',
    { class: 'form' },
    note && h('p', { class: 'note' }, note),
    fields.map(row),
    alert,
    h('div', { class: 'buttons' }, buttons),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    run('submit');
  });
  for (const area of form.querySelectorAll('textarea.json')) area.addEventListener('input', () => isReadable(area));
  return form;
}

