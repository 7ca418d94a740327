// How the client keeps a connection: states, pauses, keep-alive and the change to a new socket.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { Client, ConnectionLostError, ParleyError } from "../../clients/js/parley.js";
import { Pauses } from "../../clients/js/parley/pauses.js";
import {
  SECOND,
  MINUTE,
  Refusal,
  connected,
  listed,
  outcomeOf,
  provider,
  inRoom,
  settled,
  token,
  world,
} from "./support.mjs";

describe("the address", () => {
  for (const url of [
    undefined,
    "",
    "http://127.0.0.1:8080",
    "https://chat.example.com/prod",
    "127.0.0.1:8080/ws",
    "wss://",
    "ws:///ws",
    "wss://chat.example.com:99999/prod",
    "wss://chat.example.com/prod#here",
  ]) {
    test(`${JSON.stringify(url)} cannot be that of a socket and is refused at once, with what to give instead`, () => {
      const refusal = { name: "TypeError", message: /is not the address of a socket\. Give .*wss:.*`SocketUrl`.*`ws_url`/ };
      assert.throws(() => new Client("t", { url, WebSocket: class {} }), refusal);
    });
  }

  test("for Twilio's SDKs is refused at once, with the one to give instead", () => {
    const refusal = { name: "TypeError", message: /is for Twilio's SDKs.*`SocketUrl`.*`ws_url`/ };
    const url = "ws://127.0.0.1:8080/ws?protocol=twilsock";
    assert.throws(() => new Client("t", { url, WebSocket: class {} }), refusal);
  });

  test("of a socket is accepted, with a port and a query too", () => {
    for (const url of ["wss://chat.example.com/prod", "ws://[::1]:8080/ws?a=b", "WS://localhost"]) {
      assert.equal(new Client("t", { url, WebSocket: class {} }).connectionState, "disconnected");
    }
  });
});

describe("the log", () => {
  test("hears once of each cause why there is no connection, and again after a session", async () => {
    const log = [];
    const { server, client, clock } = world({
      arrival: 503,
      options: { log: (text) => log.push(text), url: "wss://chat.example.com/ws?key=secret" },
    });
    const connecting = client.initialize();
    for (const arrival of [503, 502, 503, "open"]) {
      server.arrival = arrival;
      await clock.advance(MINUTE);
    }
    await connecting;
    assert.ok(server.sockets.length > 6);
    const place = "connection to wss://chat.example.com/ws: the socket did not open";
    assert.deepEqual(log, [`${place} (status 503)`, `${place} (status 502)`]);
    server.arrival = 503;
    server.socket.break();
    await clock.advance(MINUTE);
    assert.deepEqual(log.slice(2), [`${place} (status 503)`]);
    await client.shutdown();
  });

  test("is console.warn, unless the page names another or none", async (context) => {
    const warn = context.mock.method(console, "warn", () => {});
    await assert.rejects(world({ arrival: 401, options: { log: null } }).client.initialize(), ParleyError);
    assert.equal(warn.mock.callCount(), 0);
    await assert.rejects(world({ arrival: 401, options: { log: undefined } }).client.initialize(), ParleyError);
    assert.equal(warn.mock.callCount(), 1);
  });

  test("hears that the token was refused", async () => {
    const log = [];
    const { client } = world({ arrival: 401, options: { log: (text) => log.push(text) } });
    await assert.rejects(client.initialize(), ParleyError);
    assert.match(log[0], /^connection to wss:\/\/chat\.example\.com\/ws: the token was refused: .* \(status 401\)$/);
    assert.equal(log.length, 1);
  });
});

describe("opening", () => {
  test("offers the token as a sub-protocol beside parley.v1", async () => {
    const { server, client } = await connected({ source: "a.b.c" });
    assert.deepEqual(server.socket.protocols, ["parley.v1", "a.b.c"]);
    assert.equal(server.socket.url, "wss://chat.example.com/ws");
    await client.shutdown();
  });

  test("is connecting, and connected once the session has started", async () => {
    const { states, client } = await connected();
    assert.deepEqual(states, ["connecting", "connected"]);
    assert.equal(client.connectionState, "connected");
    await client.shutdown();
  });

  test("asks the provider for a token before each attempt", async () => {
    const { source, made } = provider();
    const { server, client, clock } = await connected({ source });
    for (let round = 0; round < 2; round += 1) {
      server.socket.break();
      await clock.advance(2 * SECOND);
    }
    assert.equal(made.length, 3);
    assert.deepEqual(
      server.sockets.map((socket) => socket.token),
      made,
    );
    await client.shutdown();
  });

  test("says clearly that a platform without WebSocket needs one as an option", () => {
    const before = globalThis.WebSocket;
    delete globalThis.WebSocket;
    try {
      assert.throws(() => new Client("t", { url: "wss://chat.example.com" }), /pass a class as options\.WebSocket/);
    } finally {
      if (before !== undefined) globalThis.WebSocket = before;
    }
  });

  test("notices a failure that only an error event reports, before and after it is open", async () => {
    const { server, client, clock, errors } = world({ arrival: "hang", options: { random: () => 1 } });
    outcomeOf(client.initialize());
    await settled();
    server.socket.onerror({});
    await settled();
    assert.deepEqual(errors, [{ terminal: false, message: "the socket did not open" }]);
    server.arrival = "open";
    await clock.advance(SECOND);
    server.socket.onerror({});
    assert.equal(client.connectionState, "connecting");
    await client.shutdown();
  });

  test("needs the address of a socket", () => {
    assert.throws(() => new Client("t", { url: "https://chat.example.com" }), /options\.url/);
    assert.throws(() => new Client("t"), /options\.url/);
  });

  test("gives up an attempt that takes over twenty seconds, and tries again", async () => {
    const { server, client, clock, errors } = world({ arrival: "hang" });
    client.initialize().catch(() => {});
    await clock.advance(19 * SECOND);
    assert.equal(server.sockets.length, 1);
    server.arrival = "open";
    await clock.advance(2 * SECOND);
    assert.equal(client.connectionState, "connected");
    assert.deepEqual(errors, [{ terminal: false, message: "the socket did not open in time" }]);
    await client.shutdown();
  });

  test("starts the session again over another socket when the server refuses it", async () => {
    const { server, client, clock, errors } = world();
    const answer = server.replies.fetchSession;
    server.replies.fetchSession = new Refusal(500, 20500, "broken");
    outcomeOf(client.initialize());
    await settled();
    assert.equal(client.connectionState, "connecting");
    assert.deepEqual(errors, [{ terminal: false, message: "broken", httpStatusCode: 500, errorCode: 20500 }]);
    server.replies.fetchSession = answer;
    await clock.advance(SECOND);
    assert.equal(client.connectionState, "connected");
    assert.equal(server.sockets.length, 2);
    await client.shutdown();
  });
});

describe("a refused token", () => {
  for (const status of [401, 403, 400, 404]) {
    test(`ends in denied at once where the platform shows ${status}`, async () => {
      const { server, client, clock, states, errors } = world({ arrival: status });
      await assert.rejects(client.initialize(), (error) => error instanceof ParleyError && error.status === status);
      await clock.advance(10 * MINUTE);
      assert.equal(server.sockets.length, 1);
      assert.deepEqual(states, ["connecting", "denied"]);
      assert.deepEqual(errors, [
        { terminal: true, message: "the token was refused: the socket did not open", httpStatusCode: status },
      ]);
    });
  }

  for (const status of [409, 429, 500, 503]) {
    test(`is not what ${status} means: the client tries again`, async () => {
      const { server, client, clock } = world({ arrival: status });
      outcomeOf(client.initialize());
      await clock.advance(10 * MINUTE);
      assert.equal(client.connectionState, "connecting");
      assert.ok(server.sockets.length > 10);
      await client.shutdown();
    });
  }

  test("is assumed after ten seconds of failed attempts if no status is shown, and ends in denied", async () => {
    const { source, made } = provider();
    const { server, client, clock, states } = world({ source, arrival: "refuse" });
    const outcome = outcomeOf(client.initialize());
    await clock.advance(10 * SECOND);
    assert.deepEqual(outcome, {});
    await clock.advance(10 * SECOND);
    assert.ok(outcome.error instanceof ParleyError);
    assert.ok(server.sockets.length > 3);
    assert.equal(made.length, server.sockets.length);
    assert.deepEqual(states, ["connecting", "denied"]);
  });

  test("is never assumed if no status is shown and the provider's tokens were good before", async () => {
    const { source, made } = provider();
    const { server, client, clock } = await connected({ source });
    server.arrival = "refuse";
    server.socket.break();
    await clock.advance(60 * MINUTE);
    assert.equal(client.connectionState, "connecting");
    server.arrival = "open";
    await clock.advance(30 * SECOND);
    assert.equal(client.connectionState, "connected");
    assert.equal(made.length, server.sockets.length);
    await client.shutdown();
  });

  test("is assumed after a minute if no status is shown and the only token was good before", async () => {
    const { server, client, clock } = await connected();
    server.arrival = "refuse";
    server.socket.break();
    await clock.advance(MINUTE);
    assert.equal(client.connectionState, "connecting");
    await clock.advance(MINUTE / 2);
    assert.equal(client.connectionState, "denied");
  });

  test("is not assumed if a connection was made between the failures", async () => {
    const { server, client, clock } = await connected();
    for (let round = 0; round < 2; round += 1) {
      server.arrival = "refuse";
      server.socket.break();
      await clock.advance(50 * SECOND);
      server.arrival = "open";
      await clock.advance(30 * SECOND);
      assert.equal(client.connectionState, "connected");
    }
    await client.shutdown();
  });

  for (const status of [429, 503]) {
    test(`is not assumed while what answers there says ${status}`, async () => {
      const { client, clock } = world({ arrival: "refuse", options: { fetch: async () => ({ status }) } });
      outcomeOf(client.initialize());
      await clock.advance(10 * MINUTE);
      assert.equal(client.connectionState, "connecting");
      await client.shutdown();
    });
  }

  test("is not assumed while nothing answers at the address", async () => {
    const offline = () => Promise.reject(new TypeError("failed to fetch"));
    const { server, client, clock } = world({ arrival: "refuse", options: { fetch: offline } });
    outcomeOf(client.initialize());
    await clock.advance(10 * MINUTE);
    assert.equal(client.connectionState, "connecting");
    server.arrival = "open";
    await clock.advance(30 * SECOND);
    assert.equal(client.connectionState, "connected");
    await client.shutdown();
  });

  test("is not assumed because of failures from before the server could be reached", async () => {
    let fetches = 0;
    const fetch = () => ((fetches += 1) < 3 ? Promise.reject(new TypeError("failed to fetch")) : Promise.resolve({}));
    const { server, client, clock } = world({ arrival: "refuse", options: { fetch } });
    outcomeOf(client.initialize());
    await clock.advance(10 * MINUTE);
    assert.equal(client.connectionState, "denied");
    assert.equal(fetches, 3);
    assert.ok(server.sockets.length > 9);
  });

  test("is assumed if the token cannot be offered as a sub-protocol", async () => {
    const { client } = world({
      options: {
        WebSocket: class {
          constructor() {
            throw new DOMException("not a token", "SyntaxError");
          }
        },
      },
    });
    await assert.rejects(client.initialize(), /not a token/);
    assert.equal(client.connectionState, "denied");
  });

  test("does not fail initialize any more once another token has connected", async () => {
    const { server, client, clock } = world({ arrival: 401 });
    await assert.rejects(client.initialize(), { status: 401 });
    await assert.rejects(client.initialize(), { status: 401 });
    server.arrival = "open";
    await client.updateToken(token(clock, 3600, "another"));
    assert.equal(await client.initialize(), client);
    assert.equal(await client.initialize(), client);
    await client.shutdown();
  });

  test("makes requests fail until updateToken connects again", async () => {
    const { server, client, clock } = await connected(inRoom);
    server.arrival = 401;
    server.socket.break();
    await clock.advance(SECOND);
    assert.equal(client.connectionState, "denied");
    await assert.rejects(client.getUserDescriptor("bob"), { status: 401 });
    server.arrival = "open";
    await client.updateToken(token(clock, 3600, "another"));
    await settled();
    assert.equal(client.connectionState, "connected");
    await client.shutdown();
  });

  test("can be replaced by a listener that is told of it", async () => {
    const { server, client, clock } = world({ arrival: 401 });
    client.on("connectionError", () => {
      server.arrival = "open";
      client.updateToken(token(clock));
    });
    outcomeOf(client.initialize());
    await settled();
    assert.equal(client.connectionState, "connected");
    await client.shutdown();
  });
});

describe("pauses between attempts", () => {
  const { vectors } = JSON.parse(readFileSync(new URL("../../clients/vectors/pauses.json", import.meta.url), "utf-8"));
  for (const { name, steps } of vectors) {
    test(name, () => {
      for (const chance of [0, 1]) {
        const pauses = new Pauses();
        for (const { at, began, over, pause } of steps) {
          if (began) pauses.sessionBegan(at);
          else assert.equal(pauses.next(at, chance, over === "crowded"), pause[chance], `at ${at}`);
        }
      }
    });
  }

  test("grow from half a second to thirty seconds while nothing answers", async () => {
    const fetch = () => Promise.reject(new TypeError("offline"));
    const { server, client, clock } = world({ options: { random: () => 1, fetch } });
    const times = [];
    server.arrival = () => (times.push(clock.now), "refuse");
    outcomeOf(client.initialize());
    await clock.advance(3 * MINUTE);
    await client.shutdown();
    const pauses = times.slice(1).map((time, position) => time - times[position]);
    assert.deepEqual(pauses.slice(0, 8), [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  });

  test("leave a request its reply, however often sessions broke before", async () => {
    const { server, client, clock } = await connected({ options: { random: () => 1 } });
    server.replies.fetchUser = server.users.bob;
    for (let breaks = 0; breaks < 8; breaks += 1) {
      server.socket.break();
      const outcome = outcomeOf(client.getUserDescriptor("bob"));
      await clock.advance(4 * SECOND);
      assert.equal(outcome.value?.identity, "bob", `break ${breaks}`);
    }
    await client.shutdown();
  });

  /** The state one second after the third break. If the second break was counted, the pause would last 0.5 * 2 s. */
  async function afterThreeBreaks(lasting) {
    const { server, client, clock } = await connected({ options: { random: () => 1 } });
    for (let round = 0; round < 2; round += 1) {
      server.socket.break();
      await clock.advance(2 * SECOND);
      assert.equal(client.connectionState, "connected");
      await clock.advance(lasting);
    }
    server.socket.break();
    await clock.advance(SECOND);
    const state = client.connectionState;
    await client.shutdown();
    return state;
  }

  test("are short again after a connection that lasted", async () => {
    assert.equal(await afterThreeBreaks(MINUTE), "connected");
  });

  test("go on growing if connections break at once", async () => {
    assert.equal(await afterThreeBreaks(0), "connecting");
  });

  test("are long if the server closed the connection because there are too many", async () => {
    const { server, client, clock, errors } = await connected();
    const { socket } = server;
    socket.tell({ event: "connectionError", terminal: true, status: 429, code: 51001, message: "too many" });
    assert.deepEqual(errors, [{ terminal: true, message: "too many", httpStatusCode: 429, errorCode: 51001 }]);
    socket.break(1000);
    await clock.advance(14 * SECOND);
    assert.equal(client.connectionState, "connecting");
    await clock.advance(16 * SECOND);
    assert.equal(client.connectionState, "connected");
    await client.shutdown();
  });

  test("end with shutdown", async () => {
    const { server, client, clock, states } = await connected({ options: { random: () => 1 } });
    server.socket.break();
    await settled();
    await client.shutdown();
    assert.equal(clock.pending, 0);
    await clock.advance(MINUTE);
    assert.equal(server.sockets.length, 1);
    assert.deepEqual(states.slice(-2), ["disconnecting", "disconnected"]);
  });
});

describe("keep-alive", () => {
  test("pings when nothing was sent for four minutes", async () => {
    const { server, client, clock } = await connected();
    server.replies.fetchUser = server.users.bob;
    await clock.advance(3 * MINUTE);
    await client.getUserDescriptor("bob");
    await clock.advance(3 * MINUTE);
    assert.ok(!server.socket.actions.includes("ping"));
    await clock.advance(MINUTE);
    assert.deepEqual(server.socket.sent.at(-1), { action: "ping" });
    await clock.advance(30 * MINUTE);
    assert.equal(server.sockets.length, 1);
    await client.shutdown();
  });

  test("takes a socket for dead if no frame comes within ten seconds of a ping", async () => {
    const { server, client, clock } = await connected();
    server.answersPings = false;
    await clock.advance(4 * MINUTE + 9 * SECOND);
    assert.equal(server.sockets.length, 1);
    await clock.advance(2 * SECOND);
    assert.equal(server.sockets.length, 2);
    assert.equal(client.connectionState, "connected");
    await client.shutdown();
  });
});

describe("the change to a new socket before the two hours are over", () => {
  /** How long it took until there was a second socket. */
  async function changedAfter(random) {
    const { server, client, clock, states } = await connected({ options: { random: () => random } });
    const start = clock.now;
    while (server.sockets.length === 1 && clock.now - start < 3 * 60 * MINUTE) await clock.advance(MINUTE / 2);
    await settled();
    assert.deepEqual(states, ["connecting", "connected"]);
    assert.equal(server.sockets[0].readyState, 3);
    assert.equal(server.sockets[1].readyState, 1);
    const after = clock.now - start;
    await client.shutdown();
    return after / MINUTE;
  }

  test("happens after about 110 minutes, a few minutes more or less, while the state stays connected", async () => {
    assert.equal(Math.round(await changedAfter(0)), 106);
    assert.equal(Math.round(await changedAfter(0.999)), 114);
  });

  test("lets the old socket answer the requests that were sent over it", async () => {
    const { server, client, clock } = await connected();
    const old = server.socket;
    await clock.advance(110 * MINUTE - 5 * SECOND);
    server.replies.createChannel = undefined;
    const outcome = outcomeOf(client.createChannel({}));
    await clock.advance(6 * SECOND);
    assert.equal(server.sockets.length, 2);
    assert.equal(old.readyState, 1);
    old.tell({ id: server.asked("createChannel")[0].id, status: 201, result: listed("CH9", 0).channel });
    await settled();
    assert.equal(outcome.value.sid, "CH9");
    assert.equal(old.readyState, 3);
    await client.shutdown();
  });

  test("waits ten seconds for such an answer and no longer", async () => {
    const { server, client, clock } = await connected();
    const old = server.socket;
    await clock.advance(110 * MINUTE - SECOND);
    server.replies.createChannel = undefined;
    const outcome = outcomeOf(client.createChannel({}));
    await clock.advance(12 * SECOND);
    assert.equal(old.readyState, 3);
    assert.ok(outcome.error instanceof ConnectionLostError);
    await client.shutdown();
  });

  test("sends new requests over the old socket until the session has started on the new one", async () => {
    const { server, client, clock } = await connected();
    server.replies.fetchUser = server.users.bob;
    const answer = server.replies.fetchSession;
    server.replies.fetchSession = undefined;
    await clock.advance(110 * MINUTE + SECOND);
    await client.getUserDescriptor("bob");
    assert.ok(server.sockets[0].actions.includes("fetchUser"));
    const waiting = server.sockets[1].sent.find((frame) => frame.action === "fetchSession");
    server.sockets[1].tell({ id: waiting.id, status: 200, result: answer() });
    await settled();
    await client.getUserDescriptor("bob");
    assert.ok(server.sockets[1].actions.includes("fetchUser"));
    await client.shutdown();
  });

  test("is tried again a little later if it fails, and the old socket stays in use", async () => {
    const { server, client, clock, states } = await connected();
    server.arrival = 401;
    await clock.advance(111 * MINUTE);
    assert.equal(client.connectionState, "connected");
    assert.equal(server.sockets[0].readyState, 1);
    server.arrival = "open";
    await clock.advance(2 * MINUTE);
    assert.equal(server.sockets[0].readyState, 3);
    assert.deepEqual(states, ["connecting", "connected"]);
    await client.shutdown();
  });
});

describe("shutdown", () => {
  test("closes the socket and leaves no timer behind", async () => {
    const { server, client, clock, states } = await connected(inRoom);
    await client.shutdown();
    await settled();
    assert.equal(server.socket.readyState, 3);
    assert.deepEqual(states, ["connecting", "connected", "disconnecting", "disconnected"]);
    assert.equal(clock.pending, 0);
  });

  test("leaves no timer of a replaced socket that still waited for a reply", async () => {
    const { server, client, clock } = await connected();
    await clock.advance(110 * MINUTE - SECOND);
    server.replies.createChannel = undefined;
    outcomeOf(client.createChannel({}));
    await clock.advance(2 * SECOND);
    assert.equal(server.sockets.length, 2);
    await client.shutdown();
    assert.equal(clock.pending, 0);
  });

  test("is the last event if it comes while the client checks whether the server can be reached", async () => {
    const { client, clock, states, errors } = world({
      arrival: "refuse",
      options: { fetch: () => new Promise(() => {}) },
    });
    outcomeOf(client.initialize());
    await clock.advance(16 * SECOND);
    const before = errors.length;
    await client.shutdown();
    await clock.advance(MINUTE);
    assert.equal(errors.length, before);
    assert.deepEqual(states, ["connecting", "disconnecting", "disconnected"]);
  });

  test("makes initialize fail if the client is not connected yet", async () => {
    const { client } = world({ arrival: "hang" });
    const outcome = outcomeOf(client.initialize());
    await settled();
    await client.shutdown();
    await settled();
    assert.ok(outcome.error instanceof ConnectionLostError);
  });
});

describe("frames that nobody expects", () => {
  test("are ignored", async () => {
    const { server, client } = await connected();
    server.socket.onmessage({ data: "no JSON" });
    server.socket.onmessage({ data: new Uint8Array(1) });
    for (const frame of [
      null,
      7,
      {},
      { event: "unheardOf" },
      { id: "unknown", status: 200, result: 1 },
      [{ event: "x", seq: 1 }],
    ]) {
      server.socket.tell(frame);
    }
    server.replies.fetchUser = server.users.bob;
    assert.equal((await client.getUserDescriptor("bob")).identity, "bob");
    await client.shutdown();
  });
});
