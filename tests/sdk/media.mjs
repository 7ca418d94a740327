// Files in the hands of one SDK: sent, received and fetched by two people, and by nobody else. Prints what failed.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { Checks, Person, Sdk, given, remove, rest, token } from "./official.mjs";

const sdk = new Sdk(given.name, given.folder);
const { stack, channel_sid: room } = given;
const files = `${stack.rest_url}/media/v1/Services/${given.service_sid}`;
const { check, end } = new Checks();
const PICTURE = Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), randomBytes(1000)]);
const FILM = randomBytes(20_000_000);
// What these lines send with a file beside its type.
const names = sdk.isConversations;

const picture = { contentType: "image/png", media: PICTURE, filename: "żółw.png" };
const film = { contentType: "video/mp4", media: FILM, filename: "film.mp4" };

/** A link to a file; 3.x calls it otherwise. */
const linkTo = (media) => (media.getContentTemporaryUrl ?? media.getContentUrl).call(media);

/** Send a file, and wait until bob has the message. */
async function sent(person, bob, what) {
  const channel = await person.channel(room);
  const index = await channel.sendMessage(what, { colour: "green" });
  return bob.hears(`messageAdded ${index}`);
}

async function fetched(url, asked = {}) {
  const response = await fetch(url, asked);
  return [response.status, response.headers.get("content-type"), Buffer.from(await response.arrayBuffer())];
}

async function hasFile(media, { contentType, media: bytes, filename }) {
  assert.deepEqual([media.contentType, media.size], [contentType, bytes.length]);
  if (names) assert.equal(media.filename, filename);
  const [status, type, body] = await fetched(await linkTo(media));
  assert.deepEqual([status, type], [200, contentType]);
  assert.ok(body.equals(bytes));
}

/** The status and the code with which a promise of the SDK fails. */
async function refused(promise) {
  const error = await promise.then(
    () => assert.fail("it was not refused"),
    (caught) => caught,
  );
  return [error.code, error.body?.code];
}

// Whoever connects first leaves the requests of the SDK as they are: afterwards, they are the shim's.
const bob = new Person(sdk, "bob", null, { XMLHttpRequest: null });
await check("bob starts without the part of the shim that sends large files", async () => {
  await bob.connect(stack.sdk_url, token("bob"));
  await bob.channel(room);
});

if (sdk.major > 4) {
  await check("without that part, small files are sent and fetched", async () => {
    const message = await sent(bob, bob, picture);
    assert.equal(message.type, "media");
    await hasFile(message.media, picture);
  });

  // The function refuses the first, and API Gateway the second, which it can pass to no function.
  for (const size of [4_500_001, 8_000_000]) {
    await check(`without that part, a file of ${size} bytes is refused, and the answer names the way`, async () => {
      const channel = await bob.channel(room);
      const large = channel.sendMessage({ ...film, media: FILM.subarray(0, size) });
      const error = await large.catch((caught) => caught);
      assert.deepEqual([error.code, error.body?.code], [413, 50512]);
      assert.match(error.body.message, /Uploads/);
    });
  }
}

const alice = new Person(sdk, "alice", null);
await check("alice starts with it", async () => {
  await alice.connect(stack.sdk_url, token("alice"));
  await alice.channel(room);
});

let message;
let own;
await check("a small file arrives whole", async () => {
  message = await sent(alice, bob, picture);
  assert.deepEqual([message.type, message.author], ["media", "alice"]);
  assert.deepEqual(await message.attributes, { colour: "green" });
  await hasFile(message.media, picture);
});

await check("the sender's own SDK shows it too", async () => {
  own = await alice.hears(`messageAdded ${message.index}`);
  assert.equal(own.media.sid, message.media.sid);
  await hasFile(own.media, picture);
});

await check("20 MB arrive whole", async () => {
  await hasFile((await sent(alice, bob, film)).media, film);
});

await check("a text is a file too", async () => {
  const note = { contentType: "text/plain", media: Buffer.from("ą, b\n"), filename: "note.txt" };
  const { media } = await sent(alice, bob, { ...note, media: "ą, b\n" });
  await hasFile(media, note);
});

await check("a file's type must be one", async () => {
  const channel = await alice.channel(room);
  assert.deepEqual(await refused(channel.sendMessage({ ...picture, contentType: "png" })), [400, 50511]);
  assert.deepEqual(await refused(channel.sendMessage({ ...film, contentType: "png" })), [400, 50511]);
});

await check("a message that is edited keeps its file", async () => {
  await own.updateAttributes({ colour: "red" });
  await bob.hears(`messageUpdated ${message.index} [attributes lastUpdatedBy]`);
  const page = await (await bob.channel(room)).getMessages(1, message.index);
  assert.equal(page.items[0].media.sid, message.media.sid);
  await hasFile(page.items[0].media, picture);
});

if (sdk.isConversations) {
  await check("a message carries several files beside its text", async () => {
    const channel = await alice.channel(room);
    const unsent = channel.prepareMessage().setBody("two of them").addMedia(picture).addMedia(film).build();
    const index = await unsent.send();
    const real = await bob.hears(`messageAdded ${index}`);
    assert.equal(real.body, "two of them");
    const attached = real.attachedMedia;
    assert.deepEqual(attached.map(({ filename }) => filename), ["żółw.png", "film.mp4"]);
    for (const [at, file] of [picture, film].entries()) await hasFile(attached[at], file);
    const links = await real.getTemporaryContentUrlsForAttachedMedia();
    assert.deepEqual([...links.keys()], attached.map(({ sid }) => sid));
    const [first] = links.values();
    assert.ok((await fetched(first))[2].equals(PICTURE));
    const ready = await real.attachTemporaryUrlsFor(attached);
    assert.deepEqual(ready.map(({ size }) => size), [PICTURE.length, FILM.length]);
  });

  await check("a message has at most ten files", async () => {
    const channel = await alice.channel(room);
    const few = { ...picture, media: Buffer.from("x") };
    const ten = channel.prepareMessage();
    for (let count = 0; count < 10; count += 1) ten.addMedia(few);
    const index = await ten.build().send();
    const { attachedMedia } = await bob.hears(`messageAdded ${index}`);
    assert.equal(attachedMedia.length, 10);
    assert.throws(() => ten.addMedia(few).build(), /Too many media attachments/);
  });

  await check("bodies and histories of mail keep their category", async () => {
    const channel = await alice.channel(room);
    const body = { contentType: "text/plain", media: "the mail" };
    const index = await channel.prepareMessage().setBody("see").setEmailBody("text/plain", body).build().send();
    const mail = await bob.hears(`messageAdded ${index}`);
    assert.deepEqual([mail.attachedMedia.length, mail.getEmailBody("text/plain").size], [0, 8]);
  });

  await check("sending can be cancelled", async () => {
    const channel = await alice.channel(room);
    const sending = channel.prepareMessage().addMedia(film).build().send();
    sending.cancel();
    await assert.rejects(sending);
  });
}

await check("a stranger gets nothing", async () => {
  await rest("/Users", { Identity: "carol" });
  const { sid } = message.media;
  const headers = { "X-Twilio-Token": token("carol") };
  for (const url of [`${files}/Media/${sid}`, `${files}/Media/${sid}/Content`]) {
    const [status, , body] = await fetched(url, { headers });
    assert.deepEqual([status, JSON.parse(body).code], [404, 20404]);
  }
  const asked = { method: "POST", headers: { ...headers, "Content-Type": "application/json" } };
  const set = { command: "get", list: [{ media_sid: sid }] };
  const [, , answer] = await fetched(`${files}/MediaSet`, { ...asked, body: JSON.stringify(set) });
  assert.equal(JSON.parse(answer)[0].code, 404);
});

await check("with a message, its file goes", async () => {
  const link = await linkTo(message.media);
  assert.equal((await fetched(link))[0], 200);
  await own.remove();
  await bob.hears(`messageRemoved ${message.index}`);
  assert.equal((await fetched(link))[0], 404);
  assert.deepEqual(await refused(linkTo(message.media)), [404, 20404]);
});

await check("and with the channel all others", async () => {
  const last = await sent(alice, bob, picture);
  const link = await linkTo(last.media);
  await remove(`/Channels/${room}`);
  await bob.until("the file is gone", async () => (await fetched(link))[0] === 404);
});

end();
