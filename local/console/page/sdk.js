// The page with Twilio's SDKs: two people in one conversation, each with the package and version that is chosen.

import { accountForm } from './account.js';
import { explain, toast } from './dom.js';
import { Rest } from './rest.js';
import { SdkPane } from './sdk_pane.js';
import { Session } from './session.js';

const CONVERSATION = 'sdk-console';
const NAME = 'Two SDKs';
const byId = (id) => document.getElementById(id);

/** The service that the tab has chosen, else the newest one, else a new one. */
async function findService(session, rest) {
  const { serviceSid } = session.values;
  const services = await rest.services(serviceSid);
  const chosen = services.find(({ sid }) => sid === serviceSid) ?? services.at(-1);
  return chosen ?? rest.post('/chat/v2/Services', { FriendlyName: NAME });
}

/** Make sure that there is a conversation with these people. */
async function prepare(rest, service, people) {
  const channels = `/chat/v2/Services/${service.sid}/Channels`;
  const { channels: known } = await rest.get(`${channels}?Type=private&PageSize=100`);
  if (!known.some(({ unique_name: name }) => name === CONVERSATION)) {
    await unless(409, rest.post(channels, { UniqueName: CONVERSATION, FriendlyName: NAME, Type: 'private' }));
  }
  const { members } = await rest.get(`${channels}/${CONVERSATION}/Members?PageSize=100`);
  const missing = people.filter((one) => !members.some(({ identity }) => identity === one));
  for (const identity of missing) {
    const role = service.default_channel_creator_role_sid;
    await unless(409, rest.post(`${channels}/${CONVERSATION}/Members`, { Identity: identity, RoleSid: role }));
  }
}

/** Wait for a request. Another tab may have done the same just before: then it is refused with that status. */
async function unless(status, request) {
  await request.catch((error) => {
    if (error.status !== status) throw error;
  });
}

async function open(session) {
  const rest = new Rest(session);
  const service = await findService(session, rest);
  const people = session.values.people.slice(0, 2).map(({ identity }) => identity);
  await prepare(rest, service, people);
  const packages = await (await fetch('sdk/packages.json')).json();
  byId('account').hidden = true;
  byId('chat').hidden = false;
  document.body.dataset.page = 'chat';
  const panes = people.map((identity) => new SdkPane(identity, { session, rest, service, packages, name: CONVERSATION }));
  byId('panes').replaceChildren(...panes.map(({ element }) => element));
  // One after the other: each bundle takes the same place on the global object.
  for (const pane of panes) await pane.connect();
}

function ask(session, problem) {
  document.body.dataset.page = 'account';
  byId('account').hidden = false;
  byId('account-form').replaceChildren(accountForm(session, () => open(session), problem));
}

const session = await Session.load();
if (!session.isComplete) ask(session);
else await open(session).catch((error) => (error.status === 401 ? ask(session, error) : toast(explain(error), 'error')));
