// Programs to copy that take part in the same conversation, filled in with what is chosen on the page.

import { copyText, guarded, h, textButton } from './dom.js';

const FLAVOURS = [
  ['curl', 'curl'],
  ['python', 'Python helper library'],
  ['node', 'Node helper library'],
  ['client-python', 'Python client'],
  ['client-js', 'JavaScript client'],
];

const quoted = (text) => JSON.stringify(text);
/** A word for a shell. */
const shell = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

const WRITERS = {
  curl: ({ rest, account, token, service, channel, identity }) => `# Send a message
curl -u ${shell(account)}:${token ? shell(token) : '$PARLEY_AUTH_TOKEN'} \\
  -H 'X-Twilio-Webhook-Enabled: true' \\
  --data-urlencode From=${shell(identity)} \\
  --data-urlencode 'Body=Hello from curl' \\
  ${rest}/chat/v2/Services/${service}/Channels/${channel}/Messages

# Read the newest five, the newest first
curl -u ${shell(account)}:${token ? shell(token) : '$PARLEY_AUTH_TOKEN'} \\
  '${rest}/chat/v2/Services/${service}/Channels/${channel}/Messages?Order=desc&PageSize=5'
`,
  python: ({ rest, account, token, service, channel, identity }) => `import os
from twilio.rest import Client

client = Client(${quoted(account)}, ${token ? quoted(token) : 'os.environ["PARLEY_AUTH_TOKEN"]'})
client.chat.base_url = ${quoted(`${rest}/chat`)}  # Parley in place of Twilio

channel = client.chat.v2.services(${quoted(service)}).channels(${quoted(channel)})
channel.messages.create(from_=${quoted(identity)}, body="Hello from Python")
for message in channel.messages.list(order="desc", limit=5):  # the newest five
    print(message.index, message.body)
`,
  node: ({
    rest,
    account,
    token,
    service,
    channel,
    identity,
  }) => `const token = ${token ? quoted(token) : 'process.env.PARLEY_AUTH_TOKEN'};
const client = require("twilio")(${quoted(account)}, token);
client.chat.baseUrl = ${quoted(`${rest}/chat`)}; // Parley in place of Twilio

async function main() {
  const channel = client.chat.v2.services(${quoted(service)}).channels(${quoted(channel)});
  await channel.messages.create({ from: ${quoted(identity)}, body: "Hello from Node" });
  // The newest five
  for (const message of await channel.messages.list({ order: "desc", limit: 5 })) {
    console.log(message.index, message.body);
  }
}
main();
`,
  'client-python': ({ ws, channel, accessToken }) => `import asyncio
from parley_client import Client, MessageAdded

URL = ${quoted(ws)}
# An AccessToken with a ChatGrant, made by your back end
TOKEN = ${quoted(accessToken ?? '...')}


async def main():
    async with Client(URL, TOKEN) as client:
        events = client.events()
        channel = await client.get_channel_by_sid(${quoted(channel)})
        await channel.send_message("Hello from the Python client")
        async for event in events:
            if isinstance(event, MessageAdded):
                print(event.message.author, event.message.body)


asyncio.run(main())
`,
  'client-js': ({ ws, channel, accessToken }) => `import { Client } from "./parley.js";

// An AccessToken with a ChatGrant, made by your back end
const token = ${quoted(accessToken ?? '...')};
const client = await Client.create(token, { url: ${quoted(ws)} });
const channel = await client.getChannelBySid(${quoted(channel)});
channel.on("messageAdded", (message) => console.log(message.author, message.body));
await channel.sendMessage("Hello from the JavaScript client");
`,
};

export class Snippets {
  /** `chosen()` returns what to fill in: `service`, `channel` and `identity`. */
  constructor(session, rest, chosen) {
    this.session = session;
    this.rest = rest;
    this.chosen = chosen;
    this.flavour = 'curl';
    this.run = 0;
    this.element = this.#build();
  }

  #build() {
    this.code = h('code', {});
    this.secrets = h('input', { type: 'checkbox', on: { change: guarded(() => this.refresh()) } });
    const choices = FLAVOURS.map(([name, label]) =>
      h(
        'label',
        { class: 'chip' },
        h('input', {
          type: 'radio',
          name: 'flavour',
          value: name,
          checked: name === this.flavour,
          on: { change: guarded(() => this.#choose(name)) },
        }),
        h('span', {}, label),
      ),
    );
    const copy = textButton(
      'Copy',
      guarded(() => copyText(this.code.textContent)),
      { drawing: 'copy' },
    );
    return h(
      'div',
      { class: 'tool-body' },
      h(
        'div',
        { class: 'tools' },
        h('div', { class: 'chips', role: 'radiogroup', 'aria-label': 'Language' }, choices),
        h('label', { class: 'chip' }, this.secrets, h('span', {}, 'With credentials')),
        h('span', { class: 'space' }),
        copy,
      ),
      h('pre', { class: 'snippet', tabindex: '0', 'aria-label': 'Snippet' }, this.code),
    );
  }

  #choose(flavour) {
    this.flavour = flavour;
    return this.refresh();
  }

  /**
   * Write the snippet anew. It has secrets only if they are asked for, because people paste snippets into public
   * places.
   */
  async refresh() {
    const run = (this.run += 1);
    const { account, token, restUrl, wsUrl } = this.session.values;
    const { service, channel, identity } = this.chosen();
    const withSecrets = this.secrets.checked;
    const isClient = this.flavour.startsWith('client-');
    const values = {
      account,
      rest: restUrl,
      ws: wsUrl,
      service: service ?? 'ISXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX',
      channel: channel ?? 'CHXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX',
      identity: identity ?? 'alice',
      token: withSecrets ? token : null,
      accessToken: withSecrets && isClient && service ? await this.rest.accessToken(identity, service) : null,
    };
    // Something else was chosen while the token was made: that snippet is the one to show.
    if (run !== this.run) return;
    this.code.textContent = WRITERS[this.flavour](values);
  }
}
