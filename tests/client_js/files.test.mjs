// Files: uploads by ticket, their progress, repeats and ends; links and downloads. The server and the store are fakes.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { ParleyError, RequestTimeoutError, TransferError, UnusableFileError } from "../../clients/js/parley.js";
import { Sha256 } from "../../clients/js/parley/sha256.js";
import { CH, MINUTE, SECOND, added, connected, listed, messageView, outcomeOf, settled, token } from "./support.mjs";

const URL_OF_FILES = "https://chat.example.com/media/v1/Services/IS1";
const STORE = "https://store.example.com/";
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const json = (body, status = 200) => new Response(JSON.stringify(body), { status });

/** The REST API and the store. Each request is noted as a short text. */
class FakeHttp {
  asked = [];
  tickets = [];
  stored = {};
  tokens = [];
  /** What meets the next uploads to the store: a status, "break" or "hang". */
  mishaps = [];
  /** What meets the next requests to the API: a status with a code, or "break". */
  refusals = [];
  ranges = [];
  /** Whether the bytes of the last announced file have come. */
  isPut = false;

  fetch = async (url, { method = "GET", headers, body, signal }) => {
    assert.ok(url.startsWith(URL_OF_FILES) || url.startsWith(STORE), url);
    if (url.startsWith(STORE)) return this.#store(url, method, headers, body, signal);
    this.tokens.push(headers["X-Twilio-Token"]);
    this.asked.push(`${method} ${url.slice(URL_OF_FILES.length)}`);
    const refusal = this.refusals.shift();
    if (refusal === "break") throw new TypeError("fetch failed");
    if (refusal) return json({ code: refusal[1], message: "no" }, refusal[0]);
    if (method === "GET") {
      const sid = url.split("/").at(-1);
      return json({ sid, links: { content_direct_temporary: `${STORE}${sid}?link=${this.asked.length}` } });
    }
    this.isPut = false;
    const sid = `ME${this.tickets.push(Object.fromEntries(body))}`;
    const upload = { method: "PUT", url: `${STORE}${sid}`, headers: { "content-type": "image/png", host: "store" } };
    return json({ sid, upload }, 201);
  };

  async #store(url, method, headers, body, signal) {
    const name = url.slice(STORE.length);
    this.asked.push(`${method} store ${name}`);
    if (method === "GET") return this.#read(headers.Range);
    const pieces = [];
    for await (const piece of body) pieces.push(piece);
    const status = await this.#fate(signal);
    if (status === 200) this.stored[name] = Buffer.concat(pieces).toString();
    return new Response("", { status });
  }

  /** What becomes of an upload whose bytes have come. */
  async #fate(signal) {
    this.isPut = true;
    const mishap = this.mishaps.shift();
    if (mishap === "break") throw new TypeError("fetch failed");
    if (mishap === "hang") {
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    }
    return mishap ?? 200;
  }

  #read(range) {
    const mishap = this.mishaps.shift();
    if (mishap !== undefined) return new Response("", { status: mishap });
    if (range === undefined) return new Response("0123456789");
    this.ranges.push(range);
    const [from, to] = range.slice("bytes=".length).split("-");
    return new Response("0123456789".slice(Number(from), to === "" ? 10 : Number(to) + 1), { status: 206 });
  }
}

/** A client in a channel whose service has files. */
async function inChannelWithFiles(options = {}) {
  const http = new FakeHttp();
  const made = await connected({ channels: [listed(CH, 3)], options: { fetch: http.fetch, ...options } });
  const [channel] = (await made.client.getSubscribedChannels()).items;
  made.server.replies.sendMessage = () => messageView(made.server.asked("sendMessage").length - 1, 4);
  return { ...made, http, channel };
}

/** Let everything happen until something is the case. Reading a Blob takes its time. */
async function until(condition) {
  const deadline = Date.now() + 20_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`it did not come to ${condition}`);
    await settled();
  }
}

/** The outcome of something that goes on without time passing. */
async function soon(promise) {
  const outcome = outcomeOf(promise);
  await until(() => "value" in outcome || "error" in outcome);
  return outcome;
}

const picture = (text = "a picture", type = "image/png") => new Blob([text], { type });

describe("SHA-256", () => {
  test("is that of the bytes, in whatever pieces they come", () => {
    for (let length = 0; length < 200; length += 1) {
      const bytes = randomBytes(length);
      const hash = new Sha256();
      const size = 1 + (length % 7) * 19;
      for (let at = 0; at < length; at += size) hash.update(bytes.subarray(at, at + size));
      assert.equal(Buffer.from(hash.digest()).toString("hex"), sha256(bytes), `of ${length} bytes`);
    }
  });

  test("does not change the bytes", () => {
    const bytes = Uint8Array.of(1, 2, 3);
    new Sha256().update(bytes).digest();
    assert.deepEqual(bytes, Uint8Array.of(1, 2, 3));
  });
});

describe("a file", () => {
  test("is announced, put into the store, seen by the server, and sent", async () => {
    const { http, server, client, channel } = await inChannelWithFiles();
    const file = new File(["a picture"], "cat.png", { type: "image/png" });
    assert.equal(await channel.sendMedia(file, { body: "look", attributes: { a: 1 } }), 0);
    assert.deepEqual(http.asked, ["POST /Uploads", "PUT store ME1", "GET /Media/ME1"]);
    const announced = { Size: "9", ContentType: "image/png", Sha256: sha256("a picture"), Filename: "cat.png" };
    assert.deepEqual(http.tickets, [announced]);
    assert.deepEqual(http.stored, { ME1: "a picture" });
    const [{ media_sid, body, attributes }] = server.asked("sendMessage");
    assert.deepEqual([media_sid, body, attributes], ["ME1", "look", { a: 1 }]);
    await client.shutdown();
  });

  test("is fetched and announced with the current token", async () => {
    const { http, client, clock, channel } = await inChannelWithFiles();
    const next = token(clock, 3600, "next");
    await client.updateToken(next);
    await channel.sendMedia(picture());
    assert.deepEqual(http.tokens, [next, next]);
    await client.shutdown();
  });

  test("may be bytes, and has a type in any case", async () => {
    const { http, client, channel } = await inChannelWithFiles();
    await channel.sendMedia(new TextEncoder().encode("text"));
    await channel.sendMedia(new TextEncoder().encode("text").buffer);
    assert.deepEqual(Object.values(http.stored), ["text", "text"]);
    assert.deepEqual(
      http.tickets.map(({ ContentType, Filename }) => [ContentType, Filename]),
      [
        ["application/octet-stream", undefined],
        ["application/octet-stream", undefined],
      ],
    );
    await client.shutdown();
  });

  test("may be given to sendMessage in both of Twilio's ways", async () => {
    const { http, server, client, channel } = await inChannelWithFiles();
    await channel.sendMessage({ media: "a,b", contentType: "text/csv", filename: "table.csv" }, { a: 1 });
    const form = new FormData();
    form.append("file", picture(), "cat.png");
    await channel.sendMessage(form);
    assert.deepEqual(
      http.tickets.map(({ ContentType, Filename }) => [ContentType, Filename]),
      [
        ["text/csv", "table.csv"],
        ["image/png", "cat.png"],
      ],
    );
    assert.deepEqual(
      server.asked("sendMessage").map(({ media_sid, attributes }) => [media_sid, attributes]),
      [
        ["ME1", { a: 1 }],
        ["ME2", undefined],
      ],
    );
    await client.shutdown();
  });

  test("that is none is refused before anything is sent", async () => {
    const { http, client, channel } = await inChannelWithFiles();
    for (const wrong of ["cat.png", 7, null, undefined, {}, [], Array(11).fill(picture())]) {
      await assert.rejects(channel.sendMedia(wrong), TypeError);
    }
    assert.deepEqual(http.asked, []);
    await client.shutdown();
  });

  test("that is empty is refused before anything is sent", async () => {
    const { http, client, channel } = await inChannelWithFiles();
    await assert.rejects(channel.sendMedia([picture(), picture("")]), UnusableFileError);
    assert.deepEqual(http.asked, []);
    await client.shutdown();
  });

  test("that cannot be read is refused before anything is sent", async () => {
    const { http, client, channel } = await inChannelWithFiles();
    const gone = async () => Promise.reject(new Error("it is gone"));
    const unreadable = { size: 3, type: "", arrayBuffer: gone, slice: () => ({ arrayBuffer: gone }) };
    await assert.rejects(channel.sendMedia(unreadable), (error) => {
      return error instanceof UnusableFileError && error.message.includes("it is gone");
    });
    assert.deepEqual(http.asked, []);
    await client.shutdown();
  });

  test("that is larger than the session allows is refused before anything is read", async () => {
    const { http, client, channel } = await inChannelWithFiles();
    const unread = { size: 2_000_001, type: "", arrayBuffer: assert.fail, slice: assert.fail };
    await assert.rejects(channel.sendMedia([picture(), unread]), { name: "ParleyError", status: 413, code: 50512 });
    assert.deepEqual(http.asked, []);
    await channel.sendMedia(picture("x".repeat(2_000_000)));
    await client.shutdown();
  });

  test("that is too large is refused with the server's code, once", async () => {
    const { http, server, client, channel } = await inChannelWithFiles();
    http.refusals = [[413, 50512]];
    const refused = { name: "ParleyError", status: 413, code: 50512 };
    await assert.rejects(channel.sendMedia(picture()), refused);
    assert.deepEqual([http.asked, server.asked("sendMessage")], [["POST /Uploads"], []]);
    await client.shutdown();
  });

  test("shows how much of it has gone", async () => {
    const { client, channel } = await inChannelWithFiles();
    const told = [];
    await channel.sendMedia(picture("x".repeat(600_000)), { onProgress: (progress) => told.push(progress) });
    assert.ok(told.length > 2);
    assert.ok(told.every(({ loaded, total }, at) => total === 600_000 && loaded >= (told[at - 1]?.loaded ?? 0)));
    assert.deepEqual(told.at(-1), { loaded: 600_000, total: 600_000 });
    await client.shutdown();
  });
});

describe("several files", () => {
  test("become one message, and the server sees each only when all are in the store", async () => {
    const { http, server, client, channel } = await inChannelWithFiles();
    const told = [];
    await channel.sendMedia([picture("one"), picture("three")], { onProgress: ({ loaded }) => told.push(loaded) });
    assert.deepEqual(http.asked.slice(0, 4), ["POST /Uploads", "PUT store ME1", "POST /Uploads", "PUT store ME2"]);
    assert.deepEqual(http.asked.slice(4).sort(), ["GET /Media/ME1", "GET /Media/ME2"]);
    assert.deepEqual(server.asked("sendMessage")[0].media_sids, ["ME1", "ME2"]);
    assert.equal(server.asked("sendMessage")[0].media_sid, undefined);
    assert.deepEqual(told, [3, 3, 8, 8]);
    await client.shutdown();
  });

  test("are all shown by the message", async () => {
    const { server, client } = await inChannelWithFiles();
    const tell = async (frame) => {
      server.socket.tell(frame);
      await settled();
    };
    let message;
    client.on("messageAdded", (news) => (message = news));
    const [one, two] = ["ME1", "ME2"].map((sid) => ({ sid, size: 3, content_type: "image/png", filename: null }));
    await tell(added(CH, 4, 0, { type: "media", body: null, media: one, medias: [one, two] }));
    assert.deepEqual(
      message.attachedMedia.map(({ sid }) => sid),
      ["ME1", "ME2"],
    );
    assert.equal(message.media.sid, "ME1");
    await tell(added(CH, 5, 1));
    assert.deepEqual([message.media, message.attachedMedia], [null, []]);
    await client.shutdown();
  });
});

describe("an upload that fails", () => {
  for (const mishap of ["break", 403, 500, 503]) {
    test(`with ${mishap} is repeated with a new link`, async () => {
      const { http, server, client, clock, channel } = await inChannelWithFiles();
      http.mishaps = [mishap];
      const sent = channel.sendMedia(picture());
      await until(() => http.isPut);
      assert.deepEqual(http.asked, ["POST /Uploads", "PUT store ME1"]);
      await clock.advance(4 * SECOND);
      assert.deepEqual(await soon(sent), { value: 0 });
      assert.deepEqual(http.stored, { ME2: "a picture" });
      assert.equal(server.asked("sendMessage")[0].media_sid, "ME2");
      await client.shutdown();
    });
  }

  test("four times fails for good", async () => {
    const { http, server, client, clock, channel } = await inChannelWithFiles();
    http.mishaps = Array(4).fill(503);
    const sent = outcomeOf(channel.sendMedia(picture()));
    await until(() => sent.error || clock.advance(SECOND).then(() => false));
    assert.ok(sent.error instanceof TransferError);
    assert.deepEqual([sent.error.status, http.tickets.length, server.asked("sendMessage")], [503, 4, []]);
    await client.shutdown();
  });

  test("because the store refuses the bytes fails at once", async () => {
    const { http, client, channel } = await inChannelWithFiles();
    http.mishaps = [400];
    await assert.rejects(channel.sendMedia(picture()), { name: "TransferError", status: 400 });
    await client.shutdown();
  });

  test("because nothing moves for a minute is repeated", async () => {
    const { http, client, clock, channel } = await inChannelWithFiles();
    http.mishaps = ["hang"];
    const sent = channel.sendMedia(picture());
    await until(() => http.isPut);
    await clock.advance(59 * SECOND);
    assert.equal(http.tickets.length, 1);
    await clock.advance(5 * SECOND);
    assert.deepEqual([await soon(sent), http.tickets.length], [{ value: 0 }, 2]);
    await client.shutdown();
  });

  test("because the API is busy, or was not reached, or the token had expired, is repeated", async () => {
    const { http, client, clock, channel } = await inChannelWithFiles();
    for (const refusal of ["break", [429, 20429], [500, 20500], [401, 20104]]) {
      http.refusals = [refusal];
      const before = http.asked.length;
      const sent = channel.sendMedia(picture());
      await until(() => http.asked.length > before);
      await clock.advance(4 * SECOND);
      assert.ok("value" in (await soon(sent)), `after ${refusal}`);
    }
    await client.shutdown();
  });

  test("waits for the connection before it is repeated", async () => {
    const { http, server, client, clock, channel } = await inChannelWithFiles();
    http.mishaps = ["break"];
    const sent = channel.sendMedia(picture());
    await until(() => http.isPut);
    server.arrival = 503;
    server.socket.break();
    await clock.advance(10 * SECOND);
    assert.equal(http.tickets.length, 1);
    server.arrival = "open";
    await clock.advance(15 * SECOND);
    assert.deepEqual([await soon(sent), http.tickets.length], [{ value: 0 }, 2]);
    await client.shutdown();
  });

  test("without a connection for half a minute says so", async () => {
    const { http, server, client, clock, channel } = await inChannelWithFiles();
    http.mishaps = ["break"];
    const sent = outcomeOf(channel.sendMedia(picture()));
    await until(() => http.isPut);
    server.arrival = 503;
    server.socket.break();
    await clock.advance(40 * SECOND);
    assert.ok(sent.error instanceof RequestTimeoutError);
    await client.shutdown();
  });
});

describe("an upload that the application stops", () => {
  test("does not go on, and sends no message", async () => {
    const { http, server, client, clock, channel } = await inChannelWithFiles();
    http.mishaps = ["hang"];
    const controller = new AbortController();
    const sent = outcomeOf(channel.sendMedia(picture(), { signal: controller.signal }));
    await until(() => http.isPut);
    assert.deepEqual(http.asked, ["POST /Uploads", "PUT store ME1"]);
    controller.abort();
    await clock.advance(5 * MINUTE);
    assert.equal(sent.error.name, "AbortError");
    assert.deepEqual([http.asked.length, http.stored, server.asked("sendMessage")], [2, {}, []]);
    await client.shutdown();
  });

  test("in a pause is not repeated", async () => {
    const { http, client, clock, channel } = await inChannelWithFiles();
    http.mishaps = [503];
    const controller = new AbortController();
    const sent = outcomeOf(channel.sendMedia(picture(), { signal: controller.signal }));
    await until(() => http.isPut);
    await settled();
    controller.abort(new Error("enough"));
    await clock.advance(MINUTE);
    assert.deepEqual([sent.error.message, http.tickets.length], ["enough", 1]);
    await client.shutdown();
  });

  test("before it begins asks nothing", async () => {
    const { http, client, channel } = await inChannelWithFiles();
    await assert.rejects(channel.sendMedia(picture(), { signal: AbortSignal.abort() }), { name: "AbortError" });
    assert.deepEqual(http.asked, []);
    await client.shutdown();
  });

  test("leaves no timer behind", async () => {
    const { http, client, clock, channel } = await inChannelWithFiles();
    http.mishaps = ["hang"];
    const before = clock.pending;
    const controller = new AbortController();
    const sent = channel.sendMedia(picture(), { signal: controller.signal });
    await until(() => http.isPut);
    controller.abort();
    assert.ok((await soon(sent)).error);
    assert.equal(clock.pending, before);
    await client.shutdown();
  });
});

describe("in a browser", () => {
  /** An XMLHttpRequest whose course a test decides. */
  function requests() {
    const made = [];
    class FakeRequest {
      headers = {};
      upload = {};
      constructor() {
        made.push(this);
      }
      open(method, url) {
        this.line = `${method} ${url}`;
      }
      setRequestHeader(name, value) {
        this.headers[name] = value;
      }
      send(body) {
        this.body = body;
      }
      abort() {
        this.isAborted = true;
        this.onabort();
      }
    }
    return { made, XMLHttpRequest: FakeRequest };
  }

  test("an XMLHttpRequest uploads, with the headers that a page may set", async () => {
    const { made, XMLHttpRequest } = requests();
    const { client, channel } = await inChannelWithFiles({ XMLHttpRequest });
    const told = [];
    const file = picture();
    const sent = channel.sendMedia(file, { onProgress: ({ loaded }) => told.push(loaded) });
    await until(() => made.length === 1);
    const [request] = made;
    assert.deepEqual([request.line, request.headers], [`PUT ${STORE}ME1`, { "content-type": "image/png" }]);
    assert.equal(request.body, file);
    for (const loaded of [4, 9]) request.upload.onprogress({ loaded });
    request.status = 200;
    request.onload();
    assert.deepEqual([await soon(sent), told], [{ value: 0 }, [4, 9, 9]]);
    await client.shutdown();
  });

  test("it is aborted when the application stops the upload, and repeated when it fails", async () => {
    const { made, XMLHttpRequest } = requests();
    const { client, clock, channel } = await inChannelWithFiles({ XMLHttpRequest });
    const controller = new AbortController();
    const sent = outcomeOf(channel.sendMedia(picture(), { signal: controller.signal }));
    await until(() => made.length === 1);
    made[0].onerror();
    await clock.advance(4 * SECOND);
    await until(() => made.length === 2);
    controller.abort();
    await clock.advance(MINUTE);
    assert.deepEqual([made[1].isAborted, sent.error.name, made.length], [true, "AbortError", 2]);
    await client.shutdown();
  });
});

describe("the file of a message", () => {
  async function ofMessage() {
    const made = await inChannelWithFiles();
    const media = { sid: "ME1", size: 10, content_type: "text/plain", filename: "digits.txt" };
    made.server.replies.listMessages = { messages: [messageView(0, 4, { type: "media", media })], next_anchor: null };
    const [message] = (await made.channel.getMessages()).items;
    return { ...made, media: message.media };
  }

  test("has a new link each time it is asked for", async () => {
    const { http, client, media } = await ofMessage();
    const links = [await media.getContentTemporaryUrl(), await media.getContentTemporaryUrl()];
    assert.deepEqual(links, [`${STORE}ME1?link=1`, `${STORE}ME1?link=2`]);
    assert.deepEqual(http.asked, ["GET /Media/ME1", "GET /Media/ME1"]);
    await client.shutdown();
  });

  test("is fetched as a whole or in part", async () => {
    const { http, client, media } = await ofMessage();
    const read = async (options) => (await media.download(options)).text();
    assert.equal(await read(), "0123456789");
    assert.equal(await read({ start: 2, end: 5 }), "234");
    assert.equal(await read({ start: 8 }), "89");
    assert.equal(await read({ end: 3 }), "012");
    assert.deepEqual(http.ranges, ["bytes=2-4", "bytes=8-", "bytes=0-2"]);
    await client.shutdown();
  });

  test("is fetched over a new link if the first is over", async () => {
    const { http, client, clock, media } = await ofMessage();
    http.mishaps = [403];
    const fetched = media.download();
    await until(() => http.asked.length === 2);
    await clock.advance(4 * SECOND);
    assert.equal(await (await fetched).text(), "0123456789");
    await client.shutdown();
  });

  test("cannot be fetched when it is gone, or beyond its end", async () => {
    const { http, client, media } = await ofMessage();
    await assert.rejects(media.download({ start: 3, end: 3 }), RangeError);
    assert.deepEqual(http.asked, []);
    http.refusals = [[404, 20404]];
    await assert.rejects(media.getContentTemporaryUrl(), { name: "ParleyError", status: 404, code: 20404 });
    http.mishaps = [416];
    await assert.rejects(media.download({ start: 10 }), (error) => {
      return error instanceof ParleyError && error.name === "TransferError" && error.status === 416;
    });
    await client.shutdown();
  });
});
