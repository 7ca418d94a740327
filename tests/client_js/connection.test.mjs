// How the client keeps a connection: states, pauses, keep-alive and the change to a new socket.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Client, ConnectionLostError, ParleyError } from "../../clients/js/parley.js";
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

  test("notices a failure of which only an error tells, before and after it is open", async () => {
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

  test("gives an attempt up that is not open in twenty seconds, and tries again", async () => {
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

  test("starts the session again over another socket when it is refused", async () => {
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

  for (const status of [429, 500, 503]) {
    test(`is not what ${status} means: the client tries again`, async () => {
      const { server, client, clock } = world({ arrival: status });
      outcomeOf(client.initialize());
      await clock.advance(10 * MINUTE);
      assert.equal(client.connectionState, "connecting");
      assert.ok(server.sockets.length > 10);
      await client.shutdown();
    });
  }

  test("ends in denied after ten seconds of attempts with fresh tokens where no status is shown", async () => {
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

  test("is never assumed where no status is shown and the provider's tokens once were good", async () => {
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

  test("is assumed after a minute where no status is shown and the only token once was good", async () => {
    const { server, client, clock } = await connected();
    server.arrival = "refuse";
    server.socket.break();
    await clock.advance(MINUTE);
    assert.equal(client.connectionState, "connecting");
    await clock.advance(MINUTE / 2);
    assert.equal(client.connectionState, "denied");
  });

  test("is not assumed where a connection was made between two times of refusals", async () => {
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

  test("is not assumed while nothing answers there at all", async () => {
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

  test("is not assumed for refusals from before the server could be reached", async () => {
    let fetches = 0;
    const fetch = () => ((fetches += 1) < 3 ? Promise.reject(new TypeError("failed to fetch")) : Promise.resolve({}));
    const { server, client, clock } = world({ arrival: "refuse", options: { fetch } });
    outcomeOf(client.initialize());
    await clock.advance(10 * MINUTE);
    assert.equal(client.connectionState, "denied");
    assert.equal(fetches, 3);
    assert.ok(server.sockets.length > 9);
  });

  test("that cannot be offered as a sub-protocol ends in denied", async () => {
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

  test("is over for initialize once another token has connected", async () => {
    const { server, client, clock } = world({ arrival: 401 });
    await assert.rejects(client.initialize(), { status: 401 });
    await assert.rejects(client.initialize(), { status: 401 });
    server.arrival = "open";
    await client.updateToken(token(clock, 3600, "another"));
    assert.equal(await client.initialize(), client);
    assert.equal(await client.initialize(), client);
    await client.shutdown();
  });

  test("makes requests fail, and updateToken begins anew", async () => {
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

  test("can be replaced while one is told of it", async () => {
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
  /** The moments of attempts, in milliseconds after the first. */
  async function attempts(random, minutes) {
    const { server, client, clock } = world({
      arrival: "refuse",
      options: { random: () => random, fetch: () => Promise.reject(new TypeError("offline")) },
    });
    const times = [];
    const arrival = server.arrival;
    server.arrival = () => (times.push(clock.now), arrival);
    outcomeOf(client.initialize());
    await clock.advance(minutes * MINUTE);
    await client.shutdown();
    return times.map((time) => time - times[0]);
  }

  test("grow from half a second to thirty seconds", async () => {
    const times = await attempts(1, 3);
    const pauses = times.slice(1).map((time, position) => time - times[position]);
    assert.deepEqual(pauses.slice(0, 8), [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  });

  test("are spread from zero to their length", async () => {
    const times = await attempts(0.25, 1);
    const pauses = times.slice(1).map((time, position) => time - times[position]);
    assert.deepEqual(pauses.slice(0, 7), [125, 250, 500, 1000, 2000, 4000, 7500]);
  });

  /** The state a second after the third break, when the pause would be one of 0.5 * 2 s if the second was counted. */
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

  test("begin anew after a connection that lasted", async () => {
    assert.equal(await afterThreeBreaks(MINUTE), "connected");
  });

  test("go on growing after connections that broke at once", async () => {
    assert.equal(await afterThreeBreaks(0), "connecting");
  });

  test("are long after the server closed for the number of connections", async () => {
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

  test("leave room for shutdown", async () => {
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
  test("pings after four minutes without anything sent", async () => {
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

  test("takes a socket for dead that gives no sign of life in ten seconds", async () => {
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
  /** How long the first socket was alone. */
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

  test("happens at about an hour and fifty minutes, with a jitter of minutes, without leaving connected", async () => {
    assert.equal(Math.round(await changedAfter(0)), 106);
    assert.equal(Math.round(await changedAfter(0.999)), 114);
  });

  test("lets requests on the old socket be answered there", async () => {
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

  test("waits ten seconds for such a reply and no longer", async () => {
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

  test("is tried again a little later when it fails, and the old socket stays in use", async () => {
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

  test("leaves no timer of a socket behind that was replaced while a reply was due on it", async () => {
    const { server, client, clock } = await connected();
    await clock.advance(110 * MINUTE - SECOND);
    server.replies.createChannel = undefined;
    outcomeOf(client.createChannel({}));
    await clock.advance(2 * SECOND);
    assert.equal(server.sockets.length, 2);
    await client.shutdown();
    assert.equal(clock.pending, 0);
  });

  test("while the client finds out whether the server can be reached is the last that is heard", async () => {
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

  test("before the client is connected makes initialize fail", async () => {
    const { client } = world({ arrival: "hang" });
    const outcome = outcomeOf(client.initialize());
    await settled();
    await client.shutdown();
    await settled();
    assert.ok(outcome.error instanceof ConnectionLostError);
  });
});

describe("frames that nobody expects", () => {
  test("are passed over", async () => {
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
