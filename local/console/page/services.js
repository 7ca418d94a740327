// Services: the dialogs to make one and to change its settings, and a first conversation in a new one.

import { askForm } from './dialogs.js';

const MOST_CHARACTERS = 64;

/** Make a service with presence and a public channel, in which these identities are members as administrators. */
export async function makeService(rest, friendlyName, identities) {
  const made = await rest.post('/chat/v2/Services', { FriendlyName: friendlyName });
  const path = `/chat/v2/Services/${made.sid}`;
  const service = await rest.post(path, { ReachabilityEnabled: 'true' });
  await rest.post(`${path}/Channels`, { UniqueName: 'general', FriendlyName: 'General' });
  for (const identity of identities) {
    const fields = { Identity: identity, RoleSid: service.default_channel_creator_role_sid };
    await rest.post(`${path}/Channels/general/Members`, fields);
  }
  return service;
}

/** Ask for the name of a new service and call `make` with it. */
export function newServiceDialog(suggestion, make) {
  const name = { name: 'name', label: 'Name', required: true, autofocus: true, maximum: MOST_CHARACTERS };
  return askForm('New service', {
    fields: [{ ...name, value: suggestion }],
    note: 'A service is a chat of its own. This one starts with presence and a public channel for all on this page.',
    submit: 'Create',
    act: (given) => make(given.name),
  });
}

/** Show a service's settings; `changed(before)` is called after they were saved in `service`. */
export function serviceDialog(service, rest, changed) {
  return askForm('Service settings', {
    fields: [
      {
        name: 'name',
        label: 'Name',
        value: service.friendly_name,
        required: true,
        maximum: MOST_CHARACTERS,
        autofocus: true,
      },
      {
        name: 'presence',
        label: 'Presence: show who is online',
        type: 'checkbox',
        value: service.reachability_enabled,
      },
      {
        name: 'typing',
        label: 'Typing ends after (seconds)',
        type: 'number',
        value: service.typing_indicator_timeout,
        minimum: 1,
        required: true,
      },
    ],
    act: async ({ name, presence, typing }) => {
      const fields = { FriendlyName: name, ReachabilityEnabled: presence, TypingIndicatorTimeout: typing };
      const before = { ...service };
      Object.assign(service, await rest.post(`/chat/v2/Services/${service.sid}`, fields));
      changed(before);
    },
  });
}
