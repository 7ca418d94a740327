// clients/js/twilio-sdk.js between an SDK and a server, both played by the tests.

import assert from "node:assert/strict";
import { afterEach, describe, mock, test } from "node:test";
import { parley } from "../../clients/js/twilio-sdk.js";

const URL = "wss://chat.example.com/prod?protocol=twilsock";
const MINUTE = 60_000;

/** What the shim connects with. */
class Server {
  static made = [];
  readyState = 1;
  sent = [];
  closed = null;

  constructor(...given) {
    this.given = given;
    Server.made.push(this);
  }

  send(text) {
    assert.equal(typeof text, "string");
    this.sent.push(text);
  }

  close(...reason) {
    this.closed = reason;
  }

  tell(data) {
    this.onmessage({ data });
  }
}

function packet(header, payload = "") {
  const bytes = Buffer.byteLength(payload);
  const text = JSON.stringify({ ...header, payload_size: bytes });
  return `TWILSOCK V3.0 ${Buffer.byteLength(text)}\r\n${text}\r\n${payload}`;
}

const bytesOf = (text) => new TextEncoder().encode(text).buffer;
const request = (id, payload) => packet({ method: "message", id }, payload);
const reply = (id, code = 200) => packet({ method: "reply", id, status: { code, status: "OK" } });
const INIT = packet({ method: "init", id: "init" });

const opened = [];

/** An SDK as far as its sockets go. */
class Sdk {
  heard = [];
  events = [];

  constructor(token, { Twilsock }) {
    this.Sockets = globalThis.WebSocket;
    this.url = Twilsock.uri;
  }

  /** Connect, and have `init` answered. */
  connect() {
    this.begin();
    this.send(INIT);
    this.server.tell(reply("init"));
    this.server.sent.length = this.heard.length = 0;
    return this;
  }

  begin() {
    this.socket = new this.Sockets(this.url);
    this.socket.binaryType = "arraybuffer";
    this.socket.onmessage = ({ data }) => this.heard.push(new TextDecoder().decode(data));
    for (const name of ["onopen", "onerror", "onclose"]) this.socket[name] = ({ code }) => this.events.push([name, code]);
    this.server = Server.made.at(-1);
    this.server.onopen({ code: 1 });
    opened.push(this.socket);
    return this;
  }

  send(...texts) {
    for (const text of texts) this.socket.send(bytesOf(text));
  }
}

const sdk = () => new Sdk("token", parley(URL, { WebSocket: Server })).connect();

afterEach(() => {
  for (const socket of opened.splice(0)) socket.close();
  mock.timers.reset();
});

describe("the global object", () => {
  test("an address that cannot be a socket's is refused at once, with what to give instead", () => {
    for (const url of ["http://127.0.0.1:8080", "", undefined, "wss://"]) {
      assert.throws(() => parley(url, { WebSocket: Server }), { name: "TypeError", message: /wss:.*`SocketUrl`.*`sdk_url`/ });
    }
  });

  test("has the class while the SDK is made, and not a microtask later", async () => {
    const before = Object.getOwnPropertyDescriptor(globalThis, "WebSocket");
    const options = parley(URL, { WebSocket: Server });
    assert.notEqual(globalThis.WebSocket, before?.value);
    await null;
    assert.deepEqual(Object.getOwnPropertyDescriptor(globalThis, "WebSocket"), before);
    assert.deepEqual(options, { Twilsock: { uri: URL } });
  });

  test("has the class again when the SDK reads options that were made before", async () => {
    const options = parley(URL, { WebSocket: Server });
    await null;
    const client = new Sdk("token", { ...options, logLevel: "debug" }).connect();
    client.send(request("1"));
    assert.equal(client.server.sent.length, 1);
    await null;
    assert.equal("WebSocket" in globalThis, false);
  });

  test("gets its own class back after two SDKs were made in a row", async () => {
    class Own extends Server {}
    globalThis.WebSocket = Own;
    const pair = [1, 2].map(() => new Sdk("token", parley(URL)).connect());
    for (const { server } of pair) assert.deepEqual([server.constructor, server.given], [Own, [URL]]);
    pair[1].send(request("1"));
    assert.deepEqual(pair[1].server.sent, [request("1")]);
    await null;
    assert.equal(globalThis.WebSocket, Own);
    delete globalThis.WebSocket;
  });

  test("makes ordinary sockets for other URLs", async () => {
    parley(URL, { WebSocket: Server });
    const socket = new globalThis.WebSocket("wss://other.example.com", "chat");
    assert.ok(socket instanceof Server);
    assert.deepEqual(socket.given, ["wss://other.example.com", "chat"]);
    await null;
  });

  test("needs a class from somewhere", () => {
    assert.throws(() => parley(URL), /pass one/);
  });
});

test("a URL without the protocol gets it", () => {
  const options = parley("wss://chat.example.com/prod", { WebSocket: Server });
  assert.equal(options.Twilsock.uri, URL);
});

describe("packets", () => {
  test("leave as text and arrive as bytes", () => {
    const client = sdk();
    client.send(request("1", "żółw 🐢"));
    assert.deepEqual(client.server.sent, [request("1", "żółw 🐢")]);
    client.server.tell(packet({ method: "notification", id: "n" }, "łódź"));
    assert.deepEqual(client.heard, [packet({ method: "notification", id: "n" }, "łódź")]);
  });

  test("acknowledgements stay here", () => {
    const client = sdk();
    client.send(reply("n"), packet({ method: "close", id: "c" }));
    assert.deepEqual(client.server.sent, [packet({ method: "close", id: "c" })]);
  });

  test("what is no packet does not reach the SDK", () => {
    const client = sdk();
    for (const data of ['{"action":"pong"}', '{"message": "Internal server error"}', bytesOf(reply("1"))]) client.server.tell(data);
    assert.deepEqual(client.heard, []);
  });

  for (const [bytes, isSent] of [
    [32 * 1024, true],
    [32 * 1024 + 1, false],
  ]) {
    test(`a request of ${bytes} bytes is ${isSent ? "sent" : "refused here"}`, async () => {
      const client = sdk();
      const empty = Buffer.byteLength(request("1", "x".repeat(30_000))) - 30_000;
      client.send(request("1", "x".repeat(bytes - empty)));
      await null;
      assert.equal(client.server.sent.length, isSent ? 1 : 0);
      assert.equal(client.heard.length, isSent ? 0 : 1);
    });
  }

  for (const [method, status] of [
    ["message", 200],
    ["update", 413],
  ]) {
    test(`the refusal of a large ${method} is a reply that the SDK understands`, async () => {
      const client = sdk();
      client.send(packet({ method, id: "1" }, "🐢".repeat(9000)));
      await null;
      const [, size, text, payload] = /^TWILSOCK V3\.0 (\d+)\r\n(.*)\r\n(.*)$/.exec(client.heard[0]);
      const header = JSON.parse(text);
      assert.equal(Number(size), Buffer.byteLength(text));
      assert.equal(header.payload_size, Buffer.byteLength(payload));
      assert.deepEqual([header.method, header.id, header.status.code, header.http_status.code], ["reply", "1", status, 413]);
      assert.deepEqual([JSON.parse(payload).status, JSON.parse(payload).code], [413, 20413]);
    });
  }
});

describe("before init is answered", () => {
  const begun = () => new Sdk("token", parley(URL, { WebSocket: Server })).begin();
  const context = packet({ method: "put_notification_ctx", id: "p" });

  test("everything else waits, and then leaves in order", () => {
    const client = begun();
    client.send(INIT, context, request("1"));
    client.server.tell(packet({ method: "notification", id: "n" }));
    assert.deepEqual(client.server.sent, [INIT]);
    client.server.tell(reply("init"));
    assert.deepEqual(client.server.sent, [INIT, context, request("1")]);
    assert.equal(client.heard.length, 2);
  });

  test("nothing else leaves if it is refused", () => {
    const client = begun();
    client.send(INIT, context);
    client.server.tell(reply("init", 401));
    client.send(request("1"));
    assert.deepEqual(client.server.sent, [INIT]);
    assert.equal(client.heard.length, 1);
  });
});

describe("requests in flight", () => {
  const numbers = (count, from = 0) => Array.from({ length: count }, (_, index) => request(String(from + index)));

  test("are at most 32, and others follow in order as replies come", () => {
    const client = sdk();
    client.send(...numbers(40), packet({ method: "update", id: "u" }));
    assert.equal(client.server.sent.length, 33);
    client.server.tell(reply("5"));
    client.server.tell(reply("5"));
    client.server.tell(reply("u"));
    client.server.tell(reply("0"));
    assert.deepEqual(client.server.sent.slice(33), numbers(2, 32));
    assert.equal(client.heard.length, 4);
  });

  test("are given up after 30 seconds, with those that waited as long", () => {
    mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] });
    const client = sdk();
    client.send(...numbers(33));
    mock.timers.tick(15_000);
    client.send(request("late"));
    mock.timers.tick(15_000);
    assert.deepEqual(client.server.sent.slice(32), [request("late")]);
  });

  test("of a connection that ended are forgotten", () => {
    const client = sdk();
    client.send(...numbers(33));
    client.server.onclose({ code: 1001 });
    client.server.tell(reply("0"));
    assert.equal(client.server.sent.length, 32);
  });
});

describe("new messages", () => {
  const push = (happened, index, id = index, type = "com.twilio.rtd.cds.list", list_sid = "ES1") =>
    packet({ method: "notification", message_type: type }, JSON.stringify({ event_type: happened, event: { id, list_sid, item_index: index } }));
  const added = (index, id) => push("list_item_added", index, id);
  const updated = (index, id) => push("list_item_updated", index, id);

  function inTime() {
    mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
    return sdk();
  }

  test("reach the SDK in the order of their indexes", () => {
    const client = inTime();
    client.server.tell(added(3));
    client.server.tell(added(5));
    client.server.tell(added(6));
    assert.deepEqual(client.heard, [added(3)]);
    client.server.tell(added(4));
    assert.deepEqual(client.heard, [added(3), added(4), added(5), added(6)]);
  });

  test("wait 600 milliseconds for the one before them and no longer, and each gap has its own time", () => {
    const client = inTime();
    for (const index of [3, 5, 8]) client.server.tell(added(index));
    mock.timers.tick(500);
    client.server.tell(added(4));
    assert.deepEqual(client.heard, [added(3), added(4), added(5)]);
    mock.timers.tick(599);
    assert.equal(client.heard.length, 3);
    mock.timers.tick(1);
    assert.deepEqual(client.heard.slice(3), [added(8)]);
    client.server.tell(added(9));
    client.server.tell(added(6));
    assert.deepEqual(client.heard.slice(4), [added(9), added(6)]);
  });

  test("are followed by what changed in them", () => {
    const client = inTime();
    for (const text of [added(3), added(5), updated(5, 8), updated(3, 9)]) client.server.tell(text);
    assert.deepEqual(client.heard, [added(3), updated(3, 9)]);
    client.server.tell(added(4));
    assert.deepEqual(client.heard.slice(2), [added(4), added(5), updated(5, 8)]);
  });

  test("of another channel, and those that are replayed, do not wait", () => {
    const client = inTime();
    const replayed = push("list_item_added", 9, 9, "twilio.sync.event");
    const elsewhere = push("list_item_added", 7, 7, "com.twilio.rtd.cds.list", "ES2");
    for (const text of [added(3), replayed, elsewhere, added(10)]) client.server.tell(text);
    assert.deepEqual(client.heard, [added(3), replayed, elsewhere, added(10)]);
  });

  test("that several replayed events show do not wait, and release what follows them", () => {
    const client = inTime();
    const events = [4, 5].map((index) => ({ id: index, list_sid: "ES1", item_index: index }));
    const header = { method: "notification", message_type: "twilio.sync.event" };
    const replayed = packet(header, JSON.stringify({ event_type: "list_item_added", events }));
    for (const text of [added(3), added(6), replayed]) client.server.tell(text);
    assert.deepEqual(client.heard, [added(3), replayed, added(6)]);
  });

  test("that are held back are forgotten with the connection", () => {
    const client = inTime();
    client.server.tell(added(3));
    client.server.tell(added(5));
    client.server.onclose({ code: 1001 });
    mock.timers.tick(10_000);
    assert.deepEqual(client.heard, [added(3)]);
  });
});

describe("a connection", () => {
  test("is kept open by a ping every nine minutes until it closes", () => {
    mock.timers.enable({ apis: ["setInterval"] });
    const client = sdk();
    mock.timers.tick(9 * MINUTE - 1);
    assert.deepEqual(client.server.sent, []);
    mock.timers.tick(9 * MINUTE + 1);
    assert.deepEqual(client.server.sent, Array(2).fill('{"action":"ping"}'));
    client.socket.close(1000);
    mock.timers.tick(20 * MINUTE);
    assert.equal(client.server.sent.length, 2);
    assert.deepEqual(client.server.closed, [1000]);
  });

  test("tells the SDK how it opens, fails and ends, and how it is", () => {
    const client = sdk();
    client.server.onerror({ code: 2 });
    client.server.readyState = 3;
    client.server.onclose({ code: 1006 });
    assert.deepEqual(client.events, [
      ["onopen", 1],
      ["onerror", 2],
      ["onclose", 1006],
    ]);
    assert.equal(client.socket.readyState, 3);
    client.socket.onclose = null;
    client.server.onclose({ code: 1006 });
  });
});
