// Modal dialogs. The native element keeps the focus inside, closes with Escape and gives the focus back.

import { explain, h, iconButton, textButton } from './dom.js';

let count = 0;

/** Open a dialog with what `build(close, dialog)` makes; resolves, when it is closed, to what `close` was given. */
export function openDialog(title, build) {
  const id = `dialog-${(count += 1)}`;
  const dialog = h('dialog', { 'aria-labelledby': id });
  return new Promise((resolve) => {
    let result;
    const close = (value) => {
      result = value;
      dialog.close();
    };
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(result);
    });
    // A click beside the dialog closes it.
    dialog.addEventListener('mousedown', (event) => event.target === dialog && close());
    const head = h(
      'header',
      {},
      h('h2', { id }, title),
      iconButton('close', 'Close', () => close()),
    );
    dialog.append(h('div', { class: 'dialog-body' }, head, build(close, dialog)));
    document.body.append(dialog);
    dialog.showModal();
    (dialog.querySelector('[autofocus]') ?? dialog.querySelector('input, select, textarea'))?.focus();
  });
}

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
  const list = field.suggestions?.length ? `list-${field.name}` : undefined;
  return h('input', {
    ...common,
    type: field.type ?? 'text',
    value: field.value ?? '',
    maxlength: field.maximum,
    min: field.minimum,
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
  );
}

/** The values of a form, with checkboxes as true and false. */
export function valuesOf(form) {
  const values = Object.fromEntries(new FormData(form));
  for (const box of form.querySelectorAll('input[type=checkbox]')) values[box.name] = box.checked;
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
    h('button', { class: `button ${look}`, autofocus: fields.length === 0 }, submit),
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
  return form;
}

/** Ask for values in a dialog; resolves to what `act` returned, or undefined if it was closed. */
export function askForm(title, options) {
  return openDialog(title, (close) => makeForm({ ...options, done: close, cancel: () => close() }));
}

/** Ask whether to do something that cannot be undone. */
export function confirmDialog(title, note, submit, act) {
  return askForm(title, { note, submit, look: 'danger', act });
}
