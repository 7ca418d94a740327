// The roles of a service: which there are, what each allows, and who gets which without being given one.

import { guarded, h, iconButton, keep, textButton, toast } from './dom.js';
import { askForm, confirmDialog } from './dialogs.js';
import { makeForm } from './forms.js';
import { PERMISSIONS } from './names.js';

const KINDS = { deployment: 'for the whole service', channel: 'in a channel' };
/** The fields of a service that name the role somebody gets who is given none. */
const DEFAULTS = [
  ['default_service_role_sid', 'DefaultServiceRoleSid', 'New users get', 'deployment'],
  ['default_channel_role_sid', 'DefaultChannelRoleSid', 'New members get', 'channel'],
  ['default_channel_creator_role_sid', 'DefaultChannelCreatorRoleSid', 'Who makes a channel gets', 'channel'],
];

/** All roles of a service; there are few. */
export async function readRoles(service, rest) {
  const { roles } = await rest.get(`/chat/v2/Services/${service.sid}/Roles?PageSize=100`);
  return roles;
}

/** Make the list of roles, with the choice of the default ones. `save(fields)` changes the service. */
export async function rolesPanel(service, rest, save) {
  const path = `/chat/v2/Services/${service.sid}/Roles`;
  const panel = h('div', { class: 'stacked' });
  const show = async () => {
    const roles = await readRoles(service, rest);
    const list = h(
      'ul',
      { class: 'people', 'aria-label': 'Roles' },
      roles.map((role) => roleRow(role, service, () => edit(role))),
    );
    keep(panel, [list, textButton('New role', guarded(create), { drawing: 'plus' }), h('hr'), defaults(roles)]);
  };
  const edit = async (role) => {
    const saved = await askForm(role.friendly_name, {
      fields: [permissionsField(role.type, role.permissions)],
      others: [['delete', 'Delete role …']],
      act: async ({ permissions }, button) => {
        if (button !== 'delete') return rest.post(`${path}/${role.sid}`, { Permission: permissions });
        const note = 'A role that somebody has, or that is a default, cannot be deleted.';
        const remove = () => rest.request('DELETE', `${path}/${role.sid}`);
        await confirmDialog(`Delete the role “${role.friendly_name}”?`, note, 'Delete', remove);
        return true;
      },
    });
    if (saved) await show();
  };
  const create = async () => {
    const named = await askForm('New role', {
      fields: [
        { name: 'roleName', label: 'Name', required: true, maximum: 256, autofocus: true },
        { name: 'roleType', label: 'Type', type: 'select', options: Object.entries(KINDS) },
      ],
      submit: 'Next',
      act: (given) => given,
    });
    if (!named) return;
    const made = await askForm(named.roleName, {
      fields: [permissionsField(named.roleType, [])],
      submit: 'Create',
      act: ({ permissions }) =>
        rest.post(path, { FriendlyName: named.roleName, Type: named.roleType, Permission: permissions }),
    });
    if (made) await show();
  };
  const defaults = (roles) =>
    makeForm({
      fields: DEFAULTS.map(([field, name, label, type]) => ({
        name,
        label,
        type: 'select',
        value: service[field],
        options: roles.filter((role) => role.type === type).map((role) => [role.sid, role.friendly_name]),
      })),
      act: async (given) => {
        await save(given);
        toast('Saved.');
        await show();
      },
    });
  await show();
  return panel;
}

function permissionsField(type, permissions) {
  const names = [...PERMISSIONS[type], ...permissions.filter((name) => !PERMISSIONS[type].includes(name))];
  const options = names.map((name) => [name, name]);
  return { name: 'permissions', label: `Allows ${KINDS[type]}`, type: 'checks', value: permissions, options };
}

function roleRow(role, service, edit) {
  const uses = DEFAULTS.filter(([field]) => service[field] === role.sid).map(([, , label]) => label.toLowerCase());
  const count = role.permissions.length;
  const words = [KINDS[role.type], `${count} ${count === 1 ? 'permission' : 'permissions'}`, ...uses.map((use) => `${use} it`)];
  return h(
    'li',
    { data: { sid: role.sid } },
    h('span', { class: 'person' }, h('strong', {}, role.friendly_name), h('small', {}, words.join(' · '))),
    iconButton('edit', `Change the role ${role.friendly_name}`, guarded(edit)),
  );
}
