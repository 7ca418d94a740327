// The users of a service: who they are, and what a back end may change of them.

import { avatar, guarded, h, iconButton, keep, textButton } from './dom.js';
import { askForm, confirmDialog } from './dialogs.js';
import { makeForm } from './forms.js';
import { readRoles } from './roles.js';

const PAGE = 50;

/** Make the list of users, read page by page, with a field that finds one by its identity. */
export async function usersPanel(service, rest) {
  const path = `/chat/v2/Services/${service.sid}/Users`;
  const roles = await readRoles(service, rest);
  const roleName = (sid) => roles.find((role) => role.sid === sid)?.friendly_name ?? sid;
  const users = new Map(); // by SID
  const list = h('ul', { class: 'people', 'aria-label': 'Users' });
  let next = `${path}?PageSize=${PAGE}`;

  const show = () => {
    const rows = [...users.values()].map((user) => userRow(user, roleName, () => edit(user)));
    keep(list, rows.length ? rows : [h('li', { class: 'nothing' }, 'There are no users yet.')]);
    more.hidden = next === null;
  };
  const readOn = async () => {
    const { users: page, meta } = await rest.get(next);
    for (const user of page) users.set(user.sid, user);
    next = meta.next_page_url ? `${path}${new URL(meta.next_page_url).search}` : null;
    show();
  };
  const more = textButton('More users', guarded(readOn), { look: 'link' });
  const edit = async (user) => {
    const changed = await userDialog(user, `${path}/${user.sid}`, roles, rest);
    if (changed === 'deleted') users.delete(user.sid);
    else if (changed) users.set(user.sid, changed);
    show();
  };
  const find = makeForm({
    fields: [{ name: 'userIdentity', label: 'Identity', required: true, maximum: 256 }],
    submit: 'Find',
    others: [['create', 'Create']],
    act: async ({ userIdentity }, button) => {
      const made = button === 'create' && (await rest.post(path, { Identity: userIdentity }));
      const user = made || (await rest.get(`${path}/${encodeURIComponent(userIdentity)}`));
      users.set(user.sid, user);
      await edit(user);
    },
  });
  find.classList.add('inline');
  await readOn();
  return h('div', { class: 'stacked' }, find, list, more);
}

function userRow(user, roleName, edit) {
  const channels = user.joined_channels_count;
  const words = [
    user.friendly_name,
    roleName(user.role_sid),
    user.is_online !== null && (user.is_online ? 'online' : 'offline'),
    `${channels} ${channels === 1 ? 'channel' : 'channels'}`,
  ];
  return h(
    'li',
    { data: { identity: user.identity } },
    avatar(user.identity, user.is_online, 'small'),
    h('span', { class: 'person' }, h('strong', {}, user.identity), h('small', {}, words.filter(Boolean).join(' · '))),
    iconButton('edit', `Change ${user.identity}`, guarded(edit)),
  );
}

/** Show one user; resolves to the user as it is then, to `'deleted'`, or to undefined. */
function userDialog(user, path, roles, rest) {
  return askForm(user.identity, {
    note: user.sid,
    fields: [
      { name: 'userName', label: 'Friendly name', value: user.friendly_name ?? '', maximum: 256, autofocus: true },
      {
        name: 'userRole',
        label: 'Role',
        type: 'select',
        value: user.role_sid,
        options: roles.filter(({ type }) => type === 'deployment').map((role) => [role.sid, role.friendly_name]),
      },
      { name: 'userAttributes', label: 'Attributes (JSON)', type: 'json', value: JSON.parse(user.attributes || '{}') },
    ],
    others: [['delete', 'Delete user …']],
    act: async ({ userName, userRole, userAttributes }, button) => {
      if (button === 'delete') {
        const note = 'The user leaves all channels. The messages stay.';
        const remove = () => rest.request('DELETE', path);
        const done = await confirmDialog(`Delete ${user.identity}?`, note, 'Delete', remove);
        return done ? 'deleted' : user;
      }
      const fields = { FriendlyName: userName, RoleSid: userRole, Attributes: JSON.stringify(userAttributes) };
      return rest.post(path, fields);
    },
  });
}
