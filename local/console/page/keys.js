// The account's API keys. A key's secret is shown once, when the key is made: the service tells it only then.

import { copyText, guarded, h, iconButton, keep, textButton } from './dom.js';
import { askForm, confirmDialog, openDialog } from './dialogs.js';

const MOST_CHARACTERS = 64;
const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });

/** Make the list of keys. */
export async function keysPanel(rest) {
  const { account } = rest.session.values;
  const place = `/2010-04-01/Accounts/${account}/Keys`;
  const panel = h('div', { class: 'stacked' });
  const show = async () => {
    const keys = await readKeys(rest, place);
    const own = rest.session.values.key?.sid;
    const list = h(
      'ul',
      { class: 'people', 'aria-label': 'API keys' },
      keys.map((key) => keyRow(key, key.sid === own, { rename: () => rename(key), remove: () => remove(key) })),
    );
    const note = 'Access tokens are signed with an API key. If you delete a key, all tokens that it has signed become invalid.';
    keep(panel, [h('p', { class: 'note' }, note), list, textButton('New key', guarded(create), { drawing: 'plus' })]);
  };
  const nameField = (value) => ({ name: 'keyName', label: 'Name', value, maximum: MOST_CHARACTERS, autofocus: true });
  const rename = async (key) => {
    const act = ({ keyName }) => rest.post(`${place}/${key.sid}.json`, { FriendlyName: keyName });
    if (await askForm('Rename the key', { note: key.sid, fields: [nameField(key.friendly_name)], act })) await show();
  };
  const remove = async (key) => {
    const note = `${key.sid}: its tokens become invalid within ten seconds.`;
    const act = () => rest.request('DELETE', `${place}/${key.sid}.json`);
    if (await confirmDialog(`Delete the key “${key.friendly_name}”?`, note, 'Delete', act)) await show();
  };
  const create = async () => {
    const act = ({ keyName }) => rest.post(`${place}.json`, { FriendlyName: keyName });
    const made = await askForm('New key', { fields: [nameField('')], submit: 'Create', act });
    if (!made) return;
    await secretDialog(made);
    await show();
  };
  await show();
  return panel;
}

async function readKeys(rest, place) {
  const keys = [];
  let path = `${place}.json?PageSize=100`;
  while (path) {
    const page = await rest.get(path);
    keys.push(...page.keys);
    path = page.next_page_uri;
  }
  return keys;
}

function keyRow(key, isOwn, on) {
  const words = [key.sid, day.format(new Date(key.date_created)), isOwn && 'signs the tokens of this tab'];
  const name = key.friendly_name || key.sid;
  return h(
    'li',
    { data: { sid: key.sid } },
    h('span', { class: 'person' }, h('strong', {}, name), h('small', {}, words.filter(Boolean).join(' · '))),
    iconButton('edit', `Rename ${name}`, guarded(on.rename)),
    // Without its key, the page could connect nobody any more.
    !isOwn && iconButton('trash', `Delete ${name}`, guarded(on.remove)),
  );
}

function secretDialog({ sid, secret }) {
  const copy = textButton(
    'Copy the secret',
    guarded(() => copyText(secret)),
    { drawing: 'copy', look: 'primary', autofocus: true },
  );
  return openDialog('The new key', () =>
    h(
      'div',
      { class: 'stacked' },
      h('p', { class: 'note' }, 'The secret is shown once. Keep it where your server reads its secrets.'),
      h(
        'dl',
        { class: 'facts' },
        h('dt', {}, 'SID'),
        h('dd', {}, h('code', {}, sid)),
        h('dt', {}, 'Secret'),
        h('dd', {}, h('code', {}, secret)),
      ),
      h('div', { class: 'buttons' }, copy),
    ),
  );
}
