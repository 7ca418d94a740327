// The console: mints an access token in the browser, opens a socket with it and shows every frame.

const here = location.origin;
const form = (id) => document.getElementById(id);
const state = form('state');
const samples = {
  'send a message': { action: 'sendMessage', channel: 'general', body: 'Hello' },
  'list messages': { action: 'listMessages', channel: 'general', order: 'desc', page_size: 10 },
  'fetch a channel': { action: 'fetchChannel', channel: 'general' },
  ping: { action: 'ping' },
};
let credentials = null;
let key = null;
let socket = null;

async function rest(path, fields) {
  const response = await fetch(here + path, {
    method: fields ? 'POST' : 'GET',
    headers: { Authorization: `Basic ${btoa(`${credentials.account}:${credentials.token}`)}` },
    body: fields && new URLSearchParams(fields),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${answer.code}: ${answer.message}`);
  return answer;
}

function log(way, text) {
  const line = document.createElement('li');
  line.dataset.way = way;
  line.textContent = text;
  form('log').prepend(line);
}

const bytes = (text) => new TextEncoder().encode(text);
const base64url = (data) =>
  btoa(String.fromCharCode(...data)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');

async function accessToken(identity, service) {
  key ??= await rest(`/2010-04-01/Accounts/${credentials.account}/Keys.json`, { FriendlyName: 'console' });
  const now = Math.floor(Date.now() / 1000);
  const header = { typ: 'JWT', alg: 'HS256', cty: 'twilio-fpa;v=1' };
  const claims = {
    jti: `${key.sid}-${now}`, iss: key.sid, sub: credentials.account, exp: now + 3600,
    grants: { identity, chat: { service_sid: service } },
  };
  const signed = [header, claims].map((part) => base64url(bytes(JSON.stringify(part)))).join('.');
  const secret = await crypto.subtle.importKey('raw', bytes(key.secret), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const signature = await crypto.subtle.sign('HMAC', secret, bytes(signed));
  return `${signed}.${base64url(new Uint8Array(signature))}`;
}

async function showServices(chosen) {
  const choices = form('socket').service;
  const { services } = await rest('/chat/v2/Services?PageSize=100');
  choices.replaceChildren(...services.map((service) => new Option(service.friendly_name, service.sid)));
  if (chosen) choices.value = chosen;
  choices.disabled = form('connect').disabled = services.length === 0;
  form('create').disabled = false;
  state.textContent = services.length ? 'Choose a service and an identity.' : 'There is no service yet: make one.';
}

function guard(action) {
  return async (event) => {
    event.preventDefault();
    try {
      await action();
    } catch (error) {
      state.textContent = error.message;
    }
  };
}

form('account').addEventListener('submit', guard(async () => {
  credentials = Object.fromEntries(new FormData(form('account')));
  key = null;
  await showServices();
}));

form('create').addEventListener('click', guard(async () => {
  const service = await rest('/chat/v2/Services', { FriendlyName: `console ${new Date().toLocaleTimeString()}` });
  const channel = `/chat/v2/Services/${service.sid}/Channels`;
  await rest(channel, { UniqueName: 'general', FriendlyName: 'General' });
  await rest(`${channel}/general/Members`, { Identity: form('socket').identity.value });
  await showServices(service.sid);
}));

form('socket').addEventListener('submit', guard(async () => {
  socket?.close();
  const { service, identity } = form('socket');
  const opened = new WebSocket(`${here.replace('http', 'ws')}/ws`, ['parley.v1', await accessToken(identity.value, service.value)]);
  socket = opened;
  state.textContent = 'Connecting …';
  opened.onopen = () => { state.textContent = `Connected as ${identity.value}.`; form('send').disabled = false; };
  opened.onmessage = ({ data }) => log('←', data);
  opened.onclose = ({ code, reason }) => {
    if (socket !== opened) return;
    state.textContent = `Closed with ${code}${reason ? `: ${reason}` : ''}. A socket that was refused has its reason in the log.`;
    form('send').disabled = true;
  };
}));

form('frame').addEventListener('submit', guard(async () => {
  const text = form('frame').text.value;
  socket.send(text);
  log('→', text);
  form('frame').text.value = text.replace(/"id":"[^"]*"/, `"id":"${crypto.randomUUID()}"`);
}));

function takeSample() {
  const frame = { id: crypto.randomUUID(), ...samples[form('sample').value] };
  form('frame').text.value = JSON.stringify(frame);
}

form('sample').append(...Object.keys(samples).map((name) => new Option(name, name)));
form('sample').addEventListener('change', takeSample);
takeSample();
