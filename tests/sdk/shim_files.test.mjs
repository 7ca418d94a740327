// clients/js/twilio-sdk.js between an SDK that sends files and a server, both played by the tests.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { afterEach, describe, mock, test } from "node:test";
import { parley } from "../../clients/js/twilio-sdk.js";

const URI = "wss://chat.example.com/prod?protocol=twilsock";
const FILES = "https://rest.example.com/media/v1/Services/IS1/Media";
const UPLOADS = "https://rest.example.com/media/v1/Services/IS1/Uploads";
const LINK = "https://bucket.example.com/IS1/ME1?signature=1";
const MOST = 4_500_000;
const MEDIA = { sid: "ME1", size: MOST + 1 };

globalThis.ProgressEvent ??= class extends Event {
  constructor(name, given) {
    super(name);
    Object.assign(this, given);
  }
};

/**
 * What the requests of a test have sent, how many of them are answered, and with what: by method, a list or one answer for
 * all.
 */
let network;
const ok = (body, status = 200) => ({ status, body });
const LET_THROUGH = {
  POST: ok({ sid: "ME1", upload: { method: "PUT", url: LINK, headers: { "content-type": "video/mp4", "Content-Length": "9" } } }, 201),
  PUT: ok(null),
  GET: ok(MEDIA),
};

function answered(request, sent) {
  network.sent.push(sent);
  if (network.sent.length > network.answered) return;
  const found = network.answers[sent.method];
  const { status, body } = Array.isArray(found) ? found.shift() : found;
  queueMicrotask(() => request.arrive(status, JSON.stringify(body)));
}

/** A request as browsers have it: its methods lie in the prototype. */
class BrowserRequest extends EventTarget {
  readyState = 0;
  #status = 0;
  #text = "";
  upload = new EventTarget();
  headers = {};
  body = null;

  constructor() {
    super();
    for (const target of [this, this.upload]) {
      for (const name of ["readystatechange", "loadstart", "progress", "load", "error", "abort", "loadend"]) {
        target.addEventListener(name, (event) => target[`on${name}`]?.(event));
      }
    }
  }

  get status() {
    return this.#status;
  }

  get responseText() {
    return this.#text;
  }

  get statusText() {
    return this.#status ? "Fine" : "";
  }

  open(method, url) {
    Object.assign(this, { method, url, headers: {} });
    this.readyState = 1;
  }

  setRequestHeader(name, value) {
    this.headers[name] = value;
  }

  send(body) {
    const { method, url, headers } = this;
    answered(this, { method, url, headers, body });
    network.running.push(this);
  }

  abort() {
    this.isAborted = true;
  }

  getResponseHeader(name) {
    return name.toLowerCase() === "content-type" ? "application/json" : null;
  }

  getAllResponseHeaders() {
    return "content-type: application/json\r\ndate: Sun, 22 Nov 2026 08:00:00 GMT\r\n";
  }

  arrive(status, text) {
    this.#status = status;
    this.#text = text;
    this.readyState = 4;
    this.dispatchEvent(new Event("readystatechange"));
    for (const name of [status ? "load" : "error", "loadend"]) this.dispatchEvent(new ProgressEvent(name, {}));
  }
}

/** A request as the package "xmlhttprequest" has it: each gets methods of its own, and events are names. */
function makePackageRequest() {
  return function XMLHttpRequest() {
    const inner = new BrowserRequest();
    const listeners = ["readystatechange", "loadstart", "load", "error", "abort", "loadend"];
    this.readyState = 0;
    for (const name of ["open", "setRequestHeader", "send", "abort", "getResponseHeader", "getAllResponseHeaders"]) {
      this[name] = (...given) => inner[name](...given);
    }
    this.dispatchEvent = (name) => this[`on${name}`]?.();
    for (const name of listeners) {
      inner[`on${name}`] = () => {
        const { readyState, status, statusText, responseText } = inner;
        Object.assign(this, { readyState, status, statusText, responseText });
        this.dispatchEvent(name);
      };
    }
  };
}

/** A client that has heard where files go. */
function connect(options, told = { links: { media_service: FILES } }, makeOptions = parley) {
  let socket;
  const Sockets = function () {
    socket = this;
    this.send = () => {};
    this.close = () => {};
  };
  const { Twilsock } = makeOptions(URI, { WebSocket: Sockets, ...options });
  const sdks = new globalThis.WebSocket(Twilsock.uri);
  const header = JSON.stringify({ method: "reply", id: "1", payload_size: 1 });
  const hear = (payload) => socket.onmessage({ data: `TWILSOCK V3.0 ${header.length}\r\n${header}\r\n${JSON.stringify(payload)}` });
  hear(told);
  const packet = (said) => new TextEncoder().encode(`TWILSOCK V3.0 1\r\n${JSON.stringify({ id: "1", ...said })}\r\n`);
  return { say: (said) => sdks.send(packet(said).buffer) };
}

/** A class of requests that an SDK keeps, with a client that is connected. */
function posting(answers = LET_THROUGH, { Requests = class extends BrowserRequest {}, told, answered = Infinity } = {}) {
  network = { answers: { ...answers }, sent: [], running: [], answered };
  connect({ XMLHttpRequest: Requests }, told);
  return Requests;
}

/** Post a file as the SDKs do; resolves with the request and its events when it has ended. */
function post(Requests, body, { url = `${FILES}?Category=media&Filename=film.mp4`, method = "POST", type = "video/mp4", token = "token" } = {}) {
  const request = new Requests();
  const events = [];
  const ended = new Promise((resolve) => {
    request.open(method, url, true);
    for (const name of ["readystatechange", "load", "error", "abort"]) {
      request[`on${name}`] = () => {
        events.push(name);
        if (name !== "readystatechange") resolve(request);
      };
    }
    request.setRequestHeader("X-Twilio-Token", token);
    if (type) request.setRequestHeader("Content-Type", type);
    request.send(body);
  });
  return { request, events, ended };
}

const bytes = (size) => new Uint8Array(size).fill(7);
const digest = (file) => createHash("sha256").update(file).digest("hex");
const sentTo = () => network.sent.map(({ method, url }) => `${method} ${url}`);
const THE_WAY = [`POST ${UPLOADS}`, `PUT ${LINK}`, `GET ${FILES}/ME1`];
const formOf = ({ body }) => Object.fromEntries(new URLSearchParams(body));

async function until(isSo) {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

afterEach(() => mock.timers.reset());

for (const [kind, Requests] of [
  ["a browser", class extends BrowserRequest {}],
  ["Node", makePackageRequest()],
]) {
  describe(`in ${kind}`, () => {
    test(`a file of ${MOST} bytes is posted as it is`, async () => {
      const file = bytes(MOST);
      posting({ POST: ok(MEDIA, 201) }, { Requests });
      const { request, ended } = post(Requests, file);
      await ended;
      assert.deepEqual(sentTo(), [`POST ${FILES}?Category=media&Filename=film.mp4`]);
      assert.equal(network.sent[0].body, file);
      assert.equal(request.status, 201);
    });

    test("a larger one goes to the bucket by a link, and the request shows the file's record", async () => {
      const file = bytes(MOST + 1);
      posting(LET_THROUGH, { Requests });
      const { request, events, ended } = post(Requests, file);
      await ended;
      assert.deepEqual(sentTo(), THE_WAY);
      const [ticket, put, look] = network.sent;
      const form = { Size: "4500001", ContentType: "video/mp4", Sha256: digest(file), Category: "media", Filename: "film.mp4" };
      assert.deepEqual(formOf(ticket), form);
      assert.deepEqual(ticket.headers, { "X-Twilio-Token": "token", "Content-Type": "application/x-www-form-urlencoded" });
      assert.deepEqual(put.body, file);
      assert.deepEqual(put.headers, { "Content-Type": "video/mp4" });
      assert.deepEqual(look.headers, { "X-Twilio-Token": "token" });
      assert.deepEqual([request.readyState, request.status, request.statusText], [4, 200, "Fine"]);
      assert.deepEqual(JSON.parse(request.responseText), MEDIA);
      assert.equal(request.getResponseHeader("Content-Type"), "application/json");
      assert.equal(request.getResponseHeader("Date"), "Sun, 22 Nov 2026 08:00:00 GMT");
      assert.equal(request.getResponseHeader("Server"), null);
      assert.match(request.getAllResponseHeaders(), /^content-type/);
      assert.deepEqual(events, ["readystatechange", "load"]);
    });

    test("two copies of the shim, each with a client of its own, do not disturb each other", async () => {
      const copy = await import(`../../clients/js/twilio-sdk.js?${encodeURIComponent(kind)}`);
      const others = FILES.replace("IS1", "IS2");
      posting(LET_THROUGH, { Requests });
      connect({ XMLHttpRequest: Requests }, { links: { media_service: others } }, copy.parley);
      for (const url of [FILES, others]) await post(Requests, bytes(MOST + 1), { url }).ended;
      assert.deepEqual(sentTo(), [...THE_WAY, ...THE_WAY.map((line) => line.replace("Services/IS1", "Services/IS2"))]);
    });

    test("a request that has sent a large file can be used again", async () => {
      posting({ ...LET_THROUGH, GET: [ok(MEDIA), ok({ sid: "ME2" })] }, { Requests });
      const { request, ended } = post(Requests, bytes(MOST + 1));
      await ended;
      request.open("GET", "https://example.com/", true);
      const again = new Promise((resolve) => (request.onload = resolve));
      request.send();
      await again;
      assert.deepEqual(JSON.parse(request.responseText), { sid: "ME2" });
    });
  });
}

describe("of what an SDK sends,", () => {
  for (const [what, body] of [
    ["a text", "ą".repeat(MOST / 2 + 1)],
    ["an array buffer", bytes(MOST + 1).buffer],
    ["a part of a buffer", new DataView(bytes(MOST + 9).buffer, 4, MOST + 1)],
    ["a Blob", new Blob([bytes(MOST + 1)])],
  ]) {
    test(`${what} is a file, and its bytes are what is sent`, async () => {
      await post(posting(), body).ended;
      assert.deepEqual(sentTo(), THE_WAY);
      const sent = Buffer.from(await new Blob([network.sent[1].body]).arrayBuffer());
      assert.deepEqual([formOf(network.sent[0]).Sha256, formOf(network.sent[0]).Size], [digest(sent), String(sent.length)]);
      assert.ok(sent.equals(Buffer.from(await new Blob([body]).arrayBuffer())));
    });
  }

  test("a form with one file gives the file's name and type", async () => {
    const form = new FormData();
    form.append("note", "not a file");
    form.append("file", new File([bytes(MOST + 1)], "żółw.mov", { type: "video/quicktime" }));
    await post(posting(), form, { url: `${FILES}?Category=body`, type: null }).ended;
    const { Filename, ContentType, Category } = formOf(network.sent[0]);
    assert.deepEqual([Filename, ContentType, Category], ["żółw.mov", "video/quicktime", "body"]);
    assert.equal(network.sent[1].body.size, MOST + 1);
  });

  test("a form with a file that fits is posted as it is", async () => {
    const form = new FormData();
    form.append("file", new Blob([bytes(MOST)]));
    await post(posting({ POST: ok(MEDIA, 201) }), form, { type: null }).ended;
    assert.equal(network.sent[0].body, form);
  });

  test("a form with several files is the server's to judge", async () => {
    const form = new FormData();
    for (const name of ["a", "b"]) form.append(name, new Blob([bytes(MOST)]));
    await post(posting(), form, { type: null }).ended;
    assert.equal(network.sent[0].body, form);
  });

  test("a file without name and type is sent without name, as bytes of an unknown type", async () => {
    await post(posting(), bytes(MOST + 1), { url: FILES, type: null }).ended;
    const { Filename, ContentType, Category } = formOf(network.sent[0]);
    assert.deepEqual([Filename, ContentType, Category], [undefined, "application/octet-stream", "media"]);
  });

  for (const [what, given] of [
    ["a set of files", { url: `${FILES}Set` }],
    ["another address", { url: "https://example.com/media/v1/Services/IS1/Media" }],
    ["another method", { method: "PUT" }],
    ["one file", { url: `${FILES}/ME1` }],
  ]) {
    test(`a large request about ${what} is left alone`, async () => {
      const body = bytes(MOST + 1);
      await post(posting({ POST: ok({}), PUT: ok({}) }), body, given).ended;
      assert.equal(network.sent.length, 1);
      assert.equal(network.sent[0].body, body);
    });
  }

  test("a request that is not asynchronous is left alone", () => {
    const request = new (posting())();
    request.open("POST", FILES, false);
    request.send(bytes(MOST + 1));
    assert.deepEqual(sentTo(), [`POST ${FILES}`]);
  });

  test("everything is left alone before the socket has told where files go", async () => {
    await post(posting({ POST: ok({}) }), bytes(MOST + 1), { url: "https://rest.example.com/media/v1/Services/IS2/Media" }).ended;
    assert.equal(network.sent.length, 1);
  });

  test("a large file is posted as it is where no digests can be made, so the server says what is missing", async (context) => {
    context.mock.getter(globalThis.crypto, "subtle", () => undefined);
    await post(posting({ POST: ok({ code: 50512 }, 413) }), bytes(MOST + 1)).ended;
    assert.equal(network.sent.length, 1);
  });
});

describe("the addresses of 3.x and 4.x,", () => {
  const told = { data: { links: { mediaServiceUrl: ".rest.example.com/media/v1/Services/IS1/Media" } } };

  for (const [how, heard] of [
    ["the context", told],
    ["an event", { event_type: "list_context_updated", event: { context_data: told.data } }],
  ]) {
    test(`which they make from ${how} and a host of Twilio's, lead to Parley`, async () => {
      const Requests = posting(LET_THROUGH, { told: heard });
      const wrong = "https://mcs.us1.twilio.com.rest.example.com/media/v1/Services/IS1/Media";
      await post(Requests, null, { method: "GET", url: `${wrong}/ME1` }).ended;
      await post(Requests, bytes(10), { url: wrong }).ended;
      await post(Requests, bytes(MOST + 1), { url: wrong.replace("us1", "ie1") }).ended;
      assert.deepEqual(sentTo(), [`GET ${FILES}/ME1`, `POST ${FILES}`, ...THE_WAY]);
    });
  }

  test("lead to Twilio if Twilio gave them", async () => {
    const url = "https://mcs.us1.twilio.com/v1/Services/IS1/Media";
    await post(posting({ POST: ok({}) }, { told }), bytes(MOST + 1), { url }).ended;
    assert.deepEqual(sentTo(), [`POST ${url}`]);
  });
});

test("what people write in a channel names no place for files", async () => {
  const evil = "https://evil.example.com/Media";
  const Requests = posting({ POST: ok({}) }, { told: { data: { attributes: { media_service: evil, links: { mediaServiceUrl: evil } } } } });
  await post(Requests, bytes(MOST + 1), { url: evil }).ended;
  assert.equal(network.sent[0].url, evil);
  assert.equal(network.sent.length, 1);
});

describe("an upload that fails", () => {
  const large = bytes(MOST + 1);
  const refused = ok({ code: 50511, status: 400 }, 400);

  test("for its link shows why Parley refused it, and sends no bytes", async () => {
    const { request, ended } = post(posting({ ...LET_THROUGH, POST: refused }), large);
    await ended;
    assert.deepEqual([request.status, JSON.parse(request.responseText).code], [400, 50511]);
    assert.deepEqual(sentTo(), [`POST ${UPLOADS}`]);
  });

  test("at the bucket is tried again by a new link", async () => {
    mock.timers.enable({ apis: ["setTimeout"] });
    const { request, ended } = post(posting({ ...LET_THROUGH, PUT: [ok(null, 403), ok(null, 0), ok(null)] }), large);
    for (const pause of [1000, 2000]) {
      await until(() => network.sent.length % 2 === 0 && network.sent.length > 0);
      const before = network.sent.length;
      await new Promise((resolve) => setImmediate(resolve));
      mock.timers.tick(pause);
      await until(() => network.sent.length > before + 1);
    }
    await ended;
    assert.deepEqual(sentTo(), [...THE_WAY.slice(0, 2), ...THE_WAY.slice(0, 2), ...THE_WAY]);
    assert.equal(request.status, 200);
  });

  for (const [status, shown] of [
    [403, [503, 20503]],
    [0, [0, undefined]],
  ]) {
    test(`three times at the bucket with status ${status} shows ${shown[0]}`, async () => {
      mock.timers.enable({ apis: ["setTimeout"] });
      const { request, events, ended } = post(posting({ ...LET_THROUGH, PUT: ok(null, status) }), large);
      let isOver = false;
      ended.then(() => (isOver = true));
      await until(() => (mock.timers.tick(1000), isOver));
      assert.equal(network.sent.length, 6);
      assert.equal(request.status, shown[0]);
      assert.deepEqual(events, ["readystatechange", shown[0] ? "load" : "error"]);
      if (shown[1]) assert.equal(JSON.parse(request.responseText).code, shown[1]);
      if (shown[1]) assert.equal(request.getResponseHeader("content-type"), "application/json");
    });
  }

  test("because Parley is busy goes on when it is not", async () => {
    mock.timers.enable({ apis: ["setTimeout"] });
    const busy = ok({ code: 20429 }, 429);
    const { request, ended } = post(
      posting({ ...LET_THROUGH, POST: [busy, LET_THROUGH.POST], GET: [ok({}, 503), ok({}, 502), ok(MEDIA)] }),
      large,
    );
    let isOver = false;
    ended.then(() => (isOver = true));
    await until(() => (mock.timers.tick(1000), isOver));
    const [ask, put, look] = THE_WAY;
    assert.deepEqual(sentTo(), [ask, ask, put, look, look, look]);
    assert.equal(request.status, 200);
  });

  test("because the file cannot be read ends like a broken connection", async () => {
    class Lost extends Blob {
      arrayBuffer() {
        return Promise.reject(new Error("the file has changed"));
      }
    }
    const { request, events, ended } = post(posting(), new Lost([large]));
    await ended;
    assert.deepEqual([request.status, events, network.sent.length], [0, ["readystatechange", "error"], 0]);
  });
});

describe("an upload that is aborted", () => {
  for (const step of [0, 1, 2]) {
    test(`at step ${step + 1} stops there`, async () => {
      const { request, events } = post(posting(LET_THROUGH, { answered: step }), bytes(MOST + 1));
      await until(() => network.running.length > step);
      const running = network.running[step];
      request.abort();
      assert.ok(running.isAborted);
      assert.deepEqual(events, ["readystatechange", "abort"]);
      assert.deepEqual([request.readyState, request.status, request.responseText], [0, 0, ""]);
      running.arrive(200, JSON.stringify({ sid: "ME1", upload: { method: "PUT", url: LINK, headers: {} } }));
      await new Promise((resolve) => setTimeout(resolve));
      assert.equal(network.sent.length, step + 1);
      assert.equal(events.length, 2);
    });
  }

  test("before it begins asks for nothing", async (context) => {
    let digested;
    context.mock.method(crypto.subtle, "digest", () => new Promise((resolve) => (digested = resolve)));
    const { request } = post(posting(), bytes(MOST + 1));
    request.abort();
    await until(() => digested);
    digested(new ArrayBuffer(32));
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(network.sent, []);
  });
});

test("an upload stops without a word when its request is opened for something else", async () => {
  const { request, events } = post(posting(LET_THROUGH, { answered: 1 }), bytes(MOST + 1));
  await until(() => network.running.length === 2);
  request.open("GET", FILES, true);
  assert.ok(network.running[1].isAborted);
  network.running[1].arrive(200, "");
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([network.sent.length, events, request.readyState], [2, [], 1]);
});

test("an upload that outlives its token goes on with the token that took its place", async () => {
  const { say } = connect({ XMLHttpRequest: null });
  say({ method: "init", token: "first" });
  for (const token of ["second", "third", "second"]) say({ method: "update", token });
  await post(posting(), bytes(MOST + 1), { token: "first" }).ended;
  assert.deepEqual(network.sent.map(({ headers }) => headers["X-Twilio-Token"]), ["second", undefined, "second"]);
});

test("how far an upload is can be seen", async () => {
  const Requests = posting(LET_THROUGH, { answered: 1 });
  const request = new Requests();
  const seen = [];
  for (const name of ["loadstart", "progress", "load", "loadend"]) {
    request.upload[`on${name}`] = ({ loaded, total }) => seen.push([name, loaded, total]);
  }
  request.open("POST", FILES, true);
  request.send(bytes(MOST + 1));
  await until(() => network.running.length === 2);
  const put = network.running[1];
  put.upload.dispatchEvent(new ProgressEvent("progress", { lengthComputable: true, loaded: 5, total: MOST + 1 }));
  network.answered = Infinity;
  put.arrive(200, "");
  await until(() => request.readyState === 4);
  assert.deepEqual(seen, [["loadstart", 0, 0], ["progress", 5, MOST + 1], ["load", MOST + 1, MOST + 1], ["loadend", MOST + 1, MOST + 1]]);
});

describe("the class", () => {
  test("is left alone if it is given as null", async () => {
    network = { answers: { POST: ok({}) }, sent: [], running: [], answered: 0 };
    const before = { ...Object.getOwnPropertyDescriptors(BrowserRequest.prototype) };
    globalThis.XMLHttpRequest = BrowserRequest;
    connect({ XMLHttpRequest: null });
    delete globalThis.XMLHttpRequest;
    assert.deepEqual({ ...Object.getOwnPropertyDescriptors(BrowserRequest.prototype) }, before);
  });

  test("of the platform is taken over once, however many clients there are", async () => {
    class Own extends BrowserRequest {
      open(...given) {
        super.open(...given);
      }
    }
    globalThis.XMLHttpRequest = Own;
    network = { answers: LET_THROUGH, sent: [], running: [], answered: Infinity };
    connect({});
    const { open } = Own.prototype;
    connect({});
    delete globalThis.XMLHttpRequest;
    assert.equal(Own.prototype.open, open);
    await post(Own, bytes(MOST + 1)).ended;
    assert.deepEqual(sentTo(), THE_WAY);
  });
});
