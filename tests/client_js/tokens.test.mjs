// Access tokens: where they come from, how their end is announced and what follows.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ConnectionLostError, RequestTimeoutError } from "../../clients/js/parley.js";
import {
  SECOND,
  MINUTE,
  FakeClock,
  FakeServer,
  Refusal,
  connected,
  inChannels,
  outcomeOf,
  provider,
  settled,
  token,
  world,
} from "./support.mjs";

describe("what cannot be a token", () => {
  const secret = "eyJ0.eyJz.c2ln";
  for (const [name, given, hint] of [
    ["the answer of a token server, read as text", `{"identity":"alice","token":"${secret}"}`, /member `token`/],
    ["the answer of a token server, read as JSON", { identity: "alice", token: secret }, /member `token`/],
    ["a token with quotes around it", `"${secret}"`, /no quotes/],
    ["nothing", undefined, /must be a string/],
  ]) {
    test(`is not sent: ${name}; the log says what to return, and never the token`, async () => {
      const log = [];
      const { server, client, clock } = world({ source: () => given, options: { log: (text) => log.push(text) } });
      outcomeOf(client.initialize());
      await clock.advance(MINUTE);
      assert.equal(server.sockets.length, 0);
      assert.equal(log.length, 1);
      assert.match(log[0], hint);
      assert.ok(!log[0].includes(secret));
      await client.shutdown();
    });
  }
});

describe("a token's end", () => {
  test("is announced three minutes before, and the provider's next token is handed in", async () => {
    const { source, made } = provider(1800);
    const { server, client, clock } = await connected({ source });
    const left = [];
    client.on("tokenAboutToExpire", (milliseconds) => left.push(milliseconds));
    await clock.advance(27 * MINUTE - SECOND);
    assert.deepEqual(left, []);
    await clock.advance(SECOND);
    assert.deepEqual(left, [3 * MINUTE]);
    assert.deepEqual(
      server.asked("refreshToken").map((frame) => frame.token),
      [made[1]],
    );
    await clock.advance(27 * MINUTE);
    assert.equal(left.length, 2);
    assert.equal(server.sockets.length, 1);
    await client.shutdown();
  });

  test("is announced once per token, whether the server or the clock says so first", async () => {
    const { server, client, clock } = await connected({ source: token(new FakeClock(), 3600) });
    let times = 0;
    client.on("tokenAboutToExpire", () => (times += 1));
    await clock.advance(56 * MINUTE);
    server.socket.tell({ event: "tokenAboutToExpire", token_expires_at: "2027-01-15T09:00:00Z" });
    server.socket.tell({ event: "tokenAboutToExpire", token_expires_at: "2027-01-15T09:00:00Z" });
    await clock.advance(2 * MINUTE);
    assert.equal(times, 1);
    await client.shutdown();
  });

  test("leaves a client with a plain token waiting for updateToken, which hands the new one in", async () => {
    const { server, client, clock } = await connected({ source: token(new FakeClock(), 3600) });
    client.on("tokenAboutToExpire", () => client.updateToken(token(clock, 3600, "second")));
    await clock.advance(58 * MINUTE);
    const [handedIn] = server.asked("refreshToken");
    assert.equal(handedIn.token, token({ now: clock.now - MINUTE }, 3600, "second"));
    await client.shutdown();
  });

  test("is announced when it comes", async () => {
    const { client, clock } = await connected({ source: token(new FakeClock(), 3600) });
    let times = 0;
    client.on("tokenExpired", () => (times += 1));
    await clock.advance(59 * MINUTE);
    assert.equal(times, 0);
    await clock.advance(2 * MINUTE);
    assert.equal(times, 1);
    await client.shutdown();
  });

  test("is announced once, also if the server says so before this clock does", async () => {
    const { server, client, clock } = await connected({ source: token(new FakeClock(), 3600) });
    let times = 0;
    client.on("tokenExpired", () => (times += 1));
    await clock.advance(59 * MINUTE);
    server.socket.tell({ event: "tokenExpired", token_expires_at: "2027-01-15T09:00:00Z" });
    assert.equal(times, 1);
    await clock.advance(2 * MINUTE);
    assert.equal(times, 1);
    await client.shutdown();
  });

  test("is left to the server if this clock takes a new token for an expired one", async () => {
    const { source, made } = provider(-60);
    const { server, client, clock, errors } = await connected({ source });
    let times = 0;
    client.on("tokenAboutToExpire", () => (times += 1));
    await clock.advance(5 * MINUTE);
    assert.deepEqual([times, made.length, errors], [0, 1, []]);
    server.socket.tell({ event: "tokenAboutToExpire", token_expires_at: "2027-01-15T09:00:00Z" });
    await settled();
    assert.deepEqual([times, made.length], [1, 2]);
    await client.shutdown();
  });

  test("stops a client with a plain token until updateToken", async () => {
    const { server, client, clock, states } = await connected({ source: token(new FakeClock(), 3600) });
    server.socket.tell({ event: "tokenExpired", token_expires_at: "2027-01-15T09:00:00Z" });
    server.socket.break(1000);
    await clock.advance(10 * MINUTE);
    assert.equal(server.sockets.length, 1);
    assert.equal(client.connectionState, "disconnected");
    await client.updateToken(token(clock, 3600, "second"));
    await clock.advance(SECOND);
    assert.equal(client.connectionState, "connected");
    assert.deepEqual(states, ["connecting", "connected", "disconnected", "connecting", "connected"]);
    await client.shutdown();
  });

  /** A client whose token has expired, while the server keeps its socket open, which may last a minute. */
  async function afterTheEnd() {
    const made = await connected({ source: token(new FakeClock(), 3600) });
    let ends = 0;
    made.client.on("tokenExpired", () => (ends += 1));
    await made.clock.advance(60 * MINUTE);
    return { ...made, ends: () => ends, second: token(made.clock, 3600, "second") };
  }

  /** The server takes no request over this socket any more. */
  function refuseOn(server, socket, code) {
    for (const action of ["refreshToken", "fetchSession"]) {
      const answer = server.replies[action];
      server.replies[action] = (frame, from) => {
        if (from === socket) return new Refusal(401, code);
        return typeof answer === "function" ? answer(frame, from) : answer;
      };
    }
  }

  for (const code of [20103, 20104, 51006]) {
    test(`lets the next token be handed in over a new socket where the old one refuses it with ${code}`, async () => {
      const { server, client, clock, ends, second } = await afterTheEnd();
      const [old] = server.sockets;
      refuseOn(server, old, code);
      const outcome = outcomeOf(client.updateToken(second));
      await clock.advance(SECOND);
      assert.equal(outcome.value, client);
      assert.equal(old.readyState, 3);
      assert.equal(server.socket.token, second);
      assert.equal(client.connectionState, "connected");
      assert.equal(ends(), 1);
      await client.shutdown();
    });
  }

  test("that the server announces while the next token is handed in is not that of the next token", async () => {
    const { server, client, clock, states, ends, second } = await afterTheEnd();
    const answer = server.replies.refreshToken;
    server.replies.refreshToken = undefined;
    const outcome = outcomeOf(client.updateToken(second));
    await settled();
    server.replies.refreshToken = answer;
    server.socket.tell({ event: "tokenExpired", token_expires_at: "2027-01-15T09:00:00Z" });
    server.socket.break(1000);
    await clock.advance(SECOND);
    assert.equal(outcome.value, client);
    assert.equal(ends(), 1);
    assert.deepEqual(states.slice(-2), ["connecting", "connected"]);
    await client.shutdown();
  });

  test("of a token that was handed in is announced by the server too", async () => {
    const { server, client, clock } = await connected({ source: token(new FakeClock(), 3600) });
    let ends = 0;
    client.on("tokenExpired", () => (ends += 1));
    await client.updateToken(token(clock, 3600, "second"));
    server.socket.tell({ event: "tokenExpired", token_expires_at: "2027-01-15T09:00:00Z" });
    server.socket.break(1000);
    await settled();
    assert.equal(ends, 1);
    assert.equal(client.connectionState, "disconnected");
    await client.shutdown();
  });

  test("ends in denied if the next token is refused as well", async () => {
    const { server, client, clock, second } = await afterTheEnd();
    refuseOn(server, server.socket, 20104);
    server.arrival = 401;
    const outcome = outcomeOf(client.updateToken(second));
    await clock.advance(SECOND);
    assert.equal(outcome.error.status, 401);
    assert.equal(client.connectionState, "denied");
  });

  test("is not followed by a token of another identity", async () => {
    const { server, client, clock } = await connected({ source: (now) => token(now, 600) });
    server.socket.break(1000);
    const payload = Buffer.from(JSON.stringify({ grants: { identity: "żaba" } })).toString("base64url");
    const theirs = ["e30", payload, "c2ln"].join(".");
    await assert.rejects(client.updateToken(theirs), { status: 403, code: 20106, message: /of żaba, .* is alice/ });
    await clock.advance(SECOND);
    assert.equal(client.connectionState, "connected");
    assert.ok(server.sockets.every((socket) => socket.token !== theirs));
    await client.shutdown();
  });

  test("makes a client with a provider connect with a new token", async () => {
    const { source, made } = provider();
    const { server, client, clock } = await connected({ source });
    server.socket.tell({ event: "tokenExpired", token_expires_at: "2027-01-15T09:00:00Z" });
    server.socket.break(1000);
    await clock.advance(SECOND);
    assert.equal(server.socket.token, made[1]);
    assert.equal(client.connectionState, "connected");
    await client.shutdown();
  });

  test("is not renewed in circles when tokens live for less than three minutes", async () => {
    const { source, made } = provider(60);
    const { server, client, clock } = await connected({ source });
    server.replies.refreshToken = (frame, socket) => {
      queueMicrotask(() => socket.tell({ event: "tokenAboutToExpire", token_expires_at: "2027-01-15T09:00:00Z" }));
      return { token_expires_at: "2027-01-15T09:00:00Z" };
    };
    await clock.advance(5 * MINUTE);
    assert.equal(made.length, 11);
    await client.shutdown();
  });

  test("makes the client ask the provider again if the provider fails", async () => {
    let calls = 0;
    const source = (clock) => {
      calls += 1;
      if (calls === 2) throw new Error("no token today");
      return token(clock, 3600, `token ${calls}`);
    };
    const { server, client, clock, errors } = await connected({ source });
    await clock.advance(57 * MINUTE);
    assert.deepEqual(errors, [{ terminal: false, message: "no token today" }]);
    assert.equal(calls, 2);
    await clock.advance(2 * SECOND);
    assert.equal(server.asked("refreshToken").length, 1);
    await client.shutdown();
  });

  test("makes the client ask the provider again if the provider gives no readable token", async () => {
    const bodies = ["<html>502 Bad Gateway</html>", '{"token":"t"}'];
    const { client, clock, errors } = world({ source: () => JSON.parse(bodies.shift()).token });
    const initialized = outcomeOf(client.initialize());
    await settled();
    assert.deepEqual([errors.length, errors[0].terminal, client.connectionState], [1, false, "connecting"]);
    await clock.advance(2 * SECOND);
    assert.equal(initialized.value, client);
    await client.shutdown();
  });

  test("is what the server says if the token cannot be read", async () => {
    const clock = new FakeClock();
    const server = new FakeServer(clock);
    const expires = new Date(clock.now + 3600 * SECOND).toISOString();
    const session = server.replies.fetchSession;
    const made = world({ source: "opaque" });
    made.server.replies.fetchSession = () => ({ ...session(), token_expires_at: expires });
    await made.client.initialize();
    let left;
    made.client.on("tokenAboutToExpire", (milliseconds) => (left = milliseconds));
    await made.clock.advance(57 * MINUTE);
    assert.equal(left, 3 * MINUTE);
    await made.client.shutdown();
  });

  test("that makes an attempt fail does not count against a token that is handed in meanwhile", async () => {
    const { server, client, clock } = await connected({ source: token(new FakeClock(), 3600) });
    server.arrival = "hang";
    server.socket.break();
    await clock.advance(SECOND);
    const second = token(clock, 3600, "second");
    await client.updateToken(second);
    server.arrival = "open";
    server.socket.refuse(401);
    await clock.advance(2 * SECOND);
    assert.equal(client.connectionState, "connected");
    assert.equal(server.socket.token, second);
    await client.shutdown();
  });

  test("that the server announces for a socket's former token makes the client hand in the current one", async () => {
    const clock = new FakeClock();
    const { server, client, ...world } = await connected({ source: token(clock, 10 * 3600) });
    let announced = 0;
    client.on("tokenAboutToExpire", () => (announced += 1));
    const answer = server.replies.fetchSession;
    server.replies.fetchSession = undefined;
    await world.clock.advance(110 * MINUTE + SECOND);
    const [, next] = server.sockets;
    const second = token(world.clock, 20 * 3600, "second");
    await client.updateToken(second);
    assert.ok(!next.actions.includes("refreshToken"));
    next.tell({ id: next.sent.find(({ action }) => action === "fetchSession").id, status: 200, result: answer() });
    server.replies.fetchSession = answer;
    await settled();
    for (let warning = 0; warning < 2; warning += 1) {
      next.tell({ event: "tokenAboutToExpire", token_expires_at: "2027-01-15T09:00:00Z" });
      await settled();
      assert.deepEqual(
        next.sent.filter(({ action }) => action === "refreshToken").map((frame) => frame.token),
        [second],
      );
      assert.equal(announced, warning);
      await world.clock.advance(MINUTE);
    }
    await client.shutdown();
  });

  test("is followed by a token that is a text, or by nothing", async () => {
    const { client, clock } = await inChannels();
    await assert.rejects(client.updateToken(""), TypeError);
    await client.updateToken(token(clock));
    await client.shutdown();
  });
});

describe("a new token that the server refuses", () => {
  for (const [status, code] of [
    [401, 20103],
    [401, 20104],
    [401, 20101],
    [403, 20107],
  ]) {
    test(`with ${code} leaves the good connection and the good token as they are`, async () => {
      const { server, client, clock, states } = await connected({ source: token(new FakeClock(), 10 * 3600) });
      const first = server.socket.token;
      const answer = server.replies.refreshToken;
      server.replies.refreshToken = new Refusal(status, code);
      const outcome = outcomeOf(client.updateToken(token(clock, 3600, "bad")));
      await settled();
      assert.equal(outcome.error?.code, code);
      server.replies.refreshToken = answer;
      await clock.advance(2 * MINUTE);
      assert.deepEqual([server.sockets.length, states], [1, ["connecting", "connected"]]);
      server.socket.break();
      await clock.advance(SECOND);
      assert.equal(server.socket.token, first);
      await client.shutdown();
    });
  }

  test("does not keep the end of the old one from being announced", async () => {
    const { server, client, clock } = await connected({ source: token(new FakeClock(), 3600) });
    const heard = [];
    client.on("tokenAboutToExpire", () => heard.push("about to expire"));
    client.on("tokenExpired", () => heard.push("expired"));
    server.replies.refreshToken = new Refusal(401, 20104);
    await assert.rejects(client.updateToken(token(clock, 10 * 3600, "bad")), { code: 20104 });
    await clock.advance(60 * MINUTE);
    assert.deepEqual(heard, ["about to expire", "expired"]);
    await client.shutdown();
  });

  test("is followed by another one of the provider's, over the same socket", async () => {
    const { source, made } = provider(1800);
    const { server, client, clock, errors } = await connected({ source });
    const answer = server.replies.refreshToken;
    server.replies.refreshToken = () => (made.length === 2 ? new Refusal(401, 20103) : answer);
    await clock.advance(28 * MINUTE);
    assert.deepEqual(
      server.asked("refreshToken").map((frame) => frame.token),
      made.slice(1),
    );
    assert.equal(made.length, 3);
    assert.deepEqual(
      errors.map(({ errorCode }) => errorCode),
      [20103],
    );
    assert.equal(server.sockets.length, 1);
    await client.shutdown();
  });

  test("over a socket that was replaced meanwhile is handed in over the new socket", async () => {
    const { server, client, clock } = await connected();
    const [old] = server.sockets;
    await clock.advance(110 * MINUTE - SECOND);
    server.replies.refreshToken = undefined;
    const second = token(clock, 3600, "second");
    const outcome = outcomeOf(client.updateToken(second));
    await clock.advance(2 * SECOND);
    assert.equal(server.sockets.length, 2);
    server.replies.refreshToken = { token_expires_at: "2027-01-15T09:00:00Z" };
    const { id } = old.sent.find(({ action }) => action === "refreshToken");
    old.tell({ id, status: 401, error: { code: 51006, message: "over" } });
    await settled();
    assert.equal(outcome.value, client);
    assert.equal(server.socket.sent.at(-1).token, second);
    assert.deepEqual([server.sockets.length, client.connectionState], [2, "connected"]);
    await client.shutdown();
  });

  test("by not answering at all is used for the next socket", async () => {
    const { server, client, clock } = await connected();
    server.replies.refreshToken = undefined;
    const second = token(clock, 3600, "second");
    const outcome = outcomeOf(client.updateToken(second));
    await clock.advance(31 * SECOND);
    assert.ok(outcome.error instanceof RequestTimeoutError);
    server.socket.break();
    await clock.advance(SECOND);
    assert.equal(server.socket.token, second);
    await client.shutdown();
  });
});

describe("after shutdown", () => {
  test("a token that the provider gives late is not watched", async () => {
    let give;
    const { client, clock } = world({ source: () => new Promise((resolve) => (give = resolve)) });
    const heard = [];
    for (const event of ["tokenAboutToExpire", "tokenExpired"]) client.on(event, () => heard.push(event));
    outcomeOf(client.initialize());
    await settled();
    await client.shutdown();
    give(token(clock, 3600));
    await settled();
    assert.equal(clock.pending, 0);
    await clock.advance(120 * MINUTE);
    assert.deepEqual(heard, []);
  });

  test("a token that the provider gives late in place of an old one is not watched", async () => {
    const clock = new FakeClock();
    const gives = [];
    const made = world({ source: () => new Promise((resolve) => gives.push(resolve)) });
    outcomeOf(made.client.initialize());
    await settled();
    gives[0](token(clock, 3600));
    await made.clock.advance(58 * MINUTE);
    assert.equal(gives.length, 2);
    await made.client.shutdown();
    gives[1](token(made.clock, 3600));
    await settled();
    assert.equal(made.clock.pending, 0);
  });

  test("updateToken is refused, and sets no timer", async () => {
    const { client, clock } = await connected();
    await client.shutdown();
    await assert.rejects(client.updateToken(token(clock)), ConnectionLostError);
    assert.deepEqual([clock.pending, client.connectionState], [0, "disconnected"]);
  });

  test("updateToken is refused to a client that was denied as well", async () => {
    const { server, client, clock } = world({ arrival: 401 });
    outcomeOf(client.initialize());
    await settled();
    assert.equal(client.connectionState, "denied");
    await client.shutdown();
    server.arrival = "open";
    await assert.rejects(client.updateToken(token(clock)), ConnectionLostError);
    await clock.advance(MINUTE);
    assert.deepEqual([clock.pending, server.sockets.length], [0, 1]);
  });

  test("initialize is refused, and asks nobody for a token", async () => {
    const { source, made } = provider();
    const { client } = world({ source });
    await client.shutdown();
    await assert.rejects(client.initialize(), ConnectionLostError);
    assert.deepEqual(made, []);
  });

  test("handing in a token is given up", async () => {
    const { server, client, clock } = await connected();
    server.replies.refreshToken = undefined;
    const outcome = outcomeOf(client.updateToken(token(clock, 3600, "second")));
    await settled();
    await client.shutdown();
    await settled();
    assert.ok(outcome.error instanceof ConnectionLostError);
    assert.equal(clock.pending, 0);
  });

  test("no timer waits to ask the provider again", async () => {
    let calls = 0;
    const source = (clock) => {
      calls += 1;
      return calls === 1 ? token(clock, 3600) : Promise.reject(new Error("no token today"));
    };
    const { client, clock } = await connected({ source });
    await clock.advance(58 * MINUTE);
    assert.ok(calls > 1);
    await client.shutdown();
    assert.equal(clock.pending, 0);
  });
});

describe("a provider that fails", () => {
  test("is asked again after a pause", async () => {
    let calls = 0;
    const source = (clock) => {
      calls += 1;
      if (calls < 3) return Promise.reject("out of tokens");
      return token(clock);
    };
    const { client, clock, errors } = world({ source });
    outcomeOf(client.initialize());
    await clock.advance(2 * SECOND);
    assert.equal(client.connectionState, "connected");
    assert.deepEqual(errors[0], { terminal: false, message: "out of tokens" });
    await client.shutdown();
  });
});
