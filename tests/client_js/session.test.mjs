// What the client knows when a session starts, and what was missed while it was away.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Channel } from "../../clients/js/parley.js";
import {
  CH,
  SECOND,
  added,
  channelView,
  connected,
  Refusal,
  inChannels,
  inRoom,
  listed,
  membership,
  settled,
  userView,
  world,
} from "./support.mjs";

describe("the first list", () => {
  test("is where the client begins, so nothing is told", async () => {
    const { client, events } = await connected({ channels: [listed(CH, 3), listed("CH2", 0, "invited")] });
    const { items, hasNextPage } = await client.getSubscribedChannels();
    assert.deepEqual(
      items.map(({ sid, status }) => [sid, status]),
      [
        [CH, "joined"],
        ["CH2", "invited"],
      ],
    );
    assert.equal(hasNextPage, false);
    assert.deepEqual(events, []);
    await client.shutdown();
  });

  test("makes those wait who ask for the user's channels and users before it has come", async () => {
    const { server, client } = world(inRoom);
    const session = server.replies.fetchSession;
    server.replies.fetchSession = undefined;
    const initialized = client.initialize();
    await settled();
    const asked = Promise.all([client.getSubscribedChannels(), client.getSubscribedUsers(), client.getUser("alice")]);
    server.socket.tell({ id: server.asked("fetchSession")[0].id, status: 200, result: session() });
    server.replies.fetchSession = session;
    const [channels, users, alice] = await asked;
    await initialized;
    assert.deepEqual([channels.items.length, users.length, alice], [1, 1, client.user]);
    await client.shutdown();
  });

  test("is read to its end", async () => {
    const { server, client } = world();
    server.replies.listMyChannels = ({ after, page_size: size }) => {
      assert.equal(size, 100);
      return after === undefined
        ? { channels: [listed(CH, 3)], next: "more" }
        : { channels: [listed("CH2", 3)], next: null };
    };
    await client.initialize();
    assert.equal((await client.getSubscribedChannels()).items.length, 2);
    assert.deepEqual(
      server.asked("listMyChannels").map(({ after }) => after),
      [undefined, "more"],
    );
    await client.shutdown();
  });

  test("needs no question about what was missed", async () => {
    const { server, client } = await connected({ channels: [listed(CH, 3)] });
    assert.equal(server.asked("catchUp").length, 0);
    await client.shutdown();
  });

  test("gives channels what the server shows, in the forms of JavaScript", async () => {
    const { client, channel } = await inChannels(
      listed(CH, 3, "joined", {
        friendly_name: "The room",
        attributes: '{"colour":"green"}',
        type: "private",
        date_created: "2026-11-20T10:00:00Z",
        last_message_index: 4,
      }),
    );
    assert.ok(channel instanceof Channel);
    assert.deepEqual(channel.attributes, { colour: "green" });
    assert.equal(channel.friendlyName, "The room");
    assert.equal(channel.uniqueName, "ch1");
    assert.equal(channel.isPrivate, true);
    assert.equal(channel.createdBy, "bob");
    assert.equal(channel.dateCreated.getTime(), Date.UTC(2026, 10, 20, 10));
    assert.equal(channel.dateUpdated, null);
    assert.deepEqual(channel.lastMessage, { index: 4, dateCreated: null });
    assert.equal(channel.lastConsumedMessageIndex, null);
    assert.equal(channel.notificationLevel, "default");
    await client.shutdown();
  });
});

describe("a gap", () => {
  test("is asked about after six tenths of a second, and what was held follows", async () => {
    const { server, client, clock, tell, heard } = await inChannels(listed(CH, 3));
    await tell(added(CH, 5, 1));
    assert.deepEqual(heard(), []);
    server.catchUps[CH] = [{ status: "changes", seq: 5, more: false, events: [added(CH, 4, 0), added(CH, 5, 1)] }];
    await clock.advance(599);
    assert.equal(server.asked("catchUp").length, 0);
    await clock.advance(1);
    assert.deepEqual(server.asked("catchUp")[0].channels, { CH1: 3 });
    assert.deepEqual(
      heard().filter((event) => event.startsWith("message")),
      ["messageAdded 0", "messageAdded 1"],
    );
    await client.shutdown();
  });

  test("that was skipped is asked about again after a reconnect", async () => {
    const { server, client, clock, tell, heard, away } = await inChannels(listed(CH, 3));
    server.replies.catchUp = ({ channels }) => ({
      channels: { CH1: { status: "changes", seq: channels.CH1, more: false, events: [] } },
    });
    await tell(added(CH, 5, 1));
    await clock.advance(3000);
    assert.equal(heard()[0], "messageAdded 1");
    server.replies.catchUp = { channels: { CH1: { status: "changes", seq: 5, more: false, events: [added(CH, 4, 0)] } } };
    await away(() => (server.channels = [listed(CH, 5)]));
    assert.deepEqual(
      heard().filter((event) => event.startsWith("message")),
      ["messageAdded 0"],
    );
    assert.deepEqual(server.asked("catchUp").at(-1).channels, { CH1: 3 });
    await client.shutdown();
  });

  test("that the server names is asked about at once", async () => {
    const { server, client, clock, tell, heard } = await inChannels(listed(CH, 3), listed("CH2", 7));
    server.catchUps[CH] = [{ status: "changes", seq: 4, more: false, events: [added(CH, 4, 0)] }];
    await tell({ event: "pushesMissed", channels: { CH1: 4, CH2: 7, CH3: 9 } });
    await clock.advance(0);
    assert.deepEqual(
      server.asked("catchUp").map((frame) => frame.channels),
      [{ CH1: 3 }],
    );
    assert.deepEqual(
      heard().filter((event) => event.startsWith("message")),
      ["messageAdded 0"],
    );
    await client.shutdown();
  });

  test("in several channels is one question", async () => {
    const { server, client, clock, tell } = await inChannels(listed(CH, 3), listed("CH2", 7));
    await tell(added(CH, 5), added("CH2", 9));
    const nothing = () => ({ status: "changes", seq: 0, more: false, events: [] });
    server.catchUps = { CH1: [nothing()], CH2: [nothing()] };
    await clock.advance(600);
    assert.deepEqual(
      server.asked("catchUp").map((frame) => frame.channels),
      [{ CH1: 3, CH2: 7 }],
    );
    await client.shutdown();
  });

  test("is passed over when the question is refused three times, and the channel is to be fetched again", async () => {
    const { server, client, clock, tell, heard } = await inChannels(listed(CH, 3));
    server.replies.catchUp = new Refusal(500, 20500);
    await tell(added(CH, 5, 1));
    await clock.advance(2000);
    assert.deepEqual(heard(), []);
    await clock.advance(1000);
    assert.deepEqual(heard().slice(0, 2), ["channelRefetched CH1", "messageAdded 1"]);
    assert.equal(server.asked("catchUp").length, 3);
    await client.shutdown();
  });

  test("is kept over a long time without a connection", async () => {
    const { server, client, clock, tell, heard } = await inChannels(listed(CH, 3));
    server.replies.catchUp = undefined;
    await tell(added(CH, 5, 1));
    await clock.advance(600);
    server.arrival = "hang";
    server.socket.break();
    await clock.advance(300 * SECOND);
    assert.deepEqual(heard(), []);
    server.arrival = "open";
    server.channels = [listed(CH, 5)];
    server.replies.catchUp = ({ channels }) => ({
      channels: {
        CH1: {
          status: "changes",
          seq: 5,
          more: false,
          events: [added(CH, 4, 0), added(CH, 5, 1)].slice(channels.CH1 - 3),
        },
      },
    });
    await clock.advance(60 * SECOND);
    assert.deepEqual(
      heard().filter((event) => event.startsWith("message")),
      ["messageAdded 0", "messageAdded 1"],
    );
    assert.equal(server.asked("catchUp").length, 2);
    await client.shutdown();
  });

  test("is not asked about after shutdown", async () => {
    const { server, client, clock, tell } = await inChannels(listed(CH, 3));
    server.replies.catchUp = undefined;
    await tell(added(CH, 5, 1));
    await clock.advance(600);
    await client.shutdown();
    await settled();
    assert.equal(clock.pending, 0);
  });

  test("is asked about again when there is no reply", async () => {
    const { server, client, clock, tell, heard } = await inChannels(listed(CH, 3));
    const answer = server.replies.catchUp;
    server.replies.catchUp = undefined;
    await tell(added(CH, 5, 1));
    await clock.advance(30 * SECOND);
    server.replies.catchUp = answer;
    server.catchUps[CH] = [{ status: "changes", seq: 5, more: false, events: [added(CH, 4, 0), added(CH, 5, 1)] }];
    await clock.advance(2 * SECOND);
    assert.equal(heard()[0], "messageAdded 0");
    await client.shutdown();
  });

  test("of a channel that the user leaves meanwhile is not told any more", async () => {
    const { server, client, clock, tell, heard } = await inChannels(listed(CH, 3));
    server.replies.catchUp = undefined;
    await tell(added(CH, 5, 1));
    await clock.advance(600);
    await tell(membership("channelLeft", 6));
    heard();
    const changes = { status: "changes", seq: 5, more: false, events: [added(CH, 4, 0)] };
    await tell({ id: server.asked("catchUp")[0].id, status: 200, result: { channels: { CH1: changes } } });
    assert.deepEqual(heard(), []);
    await client.shutdown();
  });

  test("that the server calls too large is a channelRefetched", async () => {
    const { server, client, clock, tell, heard } = await inChannels(listed(CH, 3));
    server.catchUps[CH] = [{ status: "refetch", seq: 4711 }];
    await tell(added(CH, 4711, 9));
    await clock.advance(600);
    assert.deepEqual(heard(), ["channelRefetched CH1"]);
    await tell(added(CH, 4712, 10));
    assert.equal(heard()[0], "messageAdded 10");
    await client.shutdown();
  });
});

describe("after the connection was lost", () => {
  const catchUpCases = [
    ["nothing is asked of a channel that stands where we are", listed(CH, 3), undefined, []],
    [
      "what was missed arrives, in order",
      listed(CH, 5),
      { status: "changes", seq: 5, more: false, events: [added(CH, 4, 0), added(CH, 5, 1)] },
      ["messageAdded 0", "channelUpdated CH1 [lastMessage]", "messageAdded 1", "channelUpdated CH1 [lastMessage]"],
    ],
    ["too much is one event", listed(CH, 5000), { status: "refetch", seq: 5000 }, ["channelRefetched CH1"]],
  ];
  for (const [title, item, answer, expected] of catchUpCases) {
    test(title, async () => {
      const { server, client, away, heard } = await inChannels(listed(CH, 3));
      await away(() => {
        server.channels = [item];
        server.catchUps[CH] = answer ? [answer] : [];
      });
      assert.deepEqual(heard(), expected);
      assert.equal(server.asked("catchUp").length, answer ? 1 : 0);
      await client.shutdown();
    });
  }

  test("the last message is told also if the list has named it", async () => {
    const { server, client, away, heard } = await inChannels(listed(CH, 3));
    await away(() => {
      server.channels = [listed(CH, 4, "joined", { last_message_index: 0 })];
      server.catchUps[CH] = [{ status: "changes", seq: 4, more: false, events: [added(CH, 4, 0)] }];
    });
    assert.deepEqual(heard(), ["messageAdded 0", "channelUpdated CH1 [lastMessage]"]);
    await client.shutdown();
  });

  test("a long answer is read to its end before the client is connected", async () => {
    const { server, client, away, events, heard } = await inChannels(listed(CH, 3));
    let toldBefore;
    client.on("connectionStateChanged", (state) => (toldBefore = state === "connected" ? events.length : toldBefore));
    await away(() => {
      server.channels = [listed(CH, 6)];
      server.catchUps[CH] = [4, 5, 6].map((seq) => ({
        status: "changes",
        seq,
        more: seq < 6,
        events: [added(CH, seq)],
      }));
    });
    assert.deepEqual(
      server.asked("catchUp").map((frame) => frame.channels.CH1),
      [3, 4, 5],
    );
    assert.equal(toldBefore, events.length);
    assert.deepEqual(
      heard().filter((event) => event.startsWith("message")),
      ["messageAdded 4", "messageAdded 5", "messageAdded 6"],
    );
    await client.shutdown();
  });

  test("the client is connected also if its question is refused, and asks again a second later", async () => {
    const { server, client, clock, away, heard } = await inChannels(listed(CH, 3));
    const answer = server.replies.catchUp;
    await away(() => {
      server.channels = [listed(CH, 4)];
      server.replies.catchUp = new Refusal(500, 20500);
    });
    server.replies.catchUp = answer;
    server.catchUps[CH] = [{ status: "changes", seq: 4, more: false, events: [added(CH, 4, 0)] }];
    await clock.advance(SECOND);
    assert.equal(heard()[0], "messageAdded 0");
    await client.shutdown();
  });

  test("at most a hundred channels are asked about at a time", async () => {
    const many = (seq) => Array.from({ length: 150 }, (_, position) => listed(`CH${position}`, seq));
    const { server, client, away } = await inChannels(...many(1));
    await away(() => {
      server.channels = many(2);
      for (const { channel } of server.channels) {
        server.catchUps[channel.sid] = [{ status: "changes", seq: 2, more: false, events: [] }];
      }
    });
    assert.deepEqual(
      server.asked("catchUp").map((frame) => Object.keys(frame.channels).length),
      [100, 50],
    );
    await client.shutdown();
  });

  test("a push that comes live and is in the answer too is told once", async () => {
    const { server, client, tell, away, heard } = await inChannels(listed(CH, 3));
    const answer = server.replies.catchUp;
    server.catchUps[CH] = [{ status: "changes", seq: 5, more: false, events: [added(CH, 4, 0), added(CH, 5, 1)] }];
    server.replies.catchUp = (frame, socket) => {
      socket.tell(added(CH, 5, 1));
      return answer(frame);
    };
    await away(() => (server.channels = [listed(CH, 5)]));
    await tell(added(CH, 4, 0));
    assert.deepEqual(
      heard().filter((event) => event.startsWith("message")),
      ["messageAdded 0", "messageAdded 1"],
    );
    await client.shutdown();
  });

  const differences = [
    ["joined", [], [listed(CH, 3)], undefined, ["channelJoined CH1", "channelUpdated CH1 [status]"]],
    ["invited to", [], [listed(CH, 3, "invited")], undefined, ["channelInvited CH1", "channelUpdated CH1 [status]"]],
    [
      "joined after an invite",
      [listed(CH, 2, "invited")],
      [listed(CH, 3)],
      undefined,
      ["channelJoined CH1", "channelUpdated CH1 [status]"],
    ],
    ["left", [listed(CH, 3)], [], { status: "refetch", seq: 4 }, ["channelLeft CH1", "channelUpdated CH1 [status]"]],
    [
      "no longer invited to",
      [listed(CH, 3, "invited")],
      [],
      { status: "refetch", seq: 4 },
      ["channelLeft CH1", "channelUpdated CH1 [status]"],
    ],
    ["removed", [listed(CH, 0)], [], { status: "gone" }, ["channelRemoved CH1"]],
    [
      "private and left",
      [listed(CH, 3, "joined", { type: "private" })],
      [],
      { status: "gone" },
      ["channelLeft CH1", "channelUpdated CH1 [status]", "channelRemoved CH1"],
    ],
  ];
  for (const [title, before, after, answer, expected] of differences) {
    test(`a channel that was ${title} meanwhile is news`, async () => {
      const { server, client, away, heard } = await inChannels(...before);
      await away(() => {
        server.channels = after;
        server.catchUps[CH] = answer ? [answer] : [];
      });
      assert.deepEqual(heard(), expected);
      await client.shutdown();
    });
  }

  test("a list that is older than the push of leaving changes nothing", async () => {
    const { server, client, away, heard } = await inChannels(listed(CH, 5));
    await away(() => {
      server.replies.listMyChannels = (frame, socket) => {
        socket.tell(membership("channelLeft", 6));
        return { channels: [listed(CH, 5)], next: null };
      };
    });
    assert.deepEqual(heard(), ["channelLeft CH1", "channelUpdated CH1 [status]"]);
    await client.shutdown();
  });

  test("a push of leaving that is older than the list makes the client ask whether it is still a member", async () => {
    const answers = [
      [{ status: "refetch", seq: 10 }, ["channelLeft CH1", "channelUpdated CH1 [status]"]],
      [{ status: "changes", seq: 10, more: false, events: [] }, []],
    ];
    for (const [answer, told] of answers) {
      const { server, client, clock, tell, heard } = await inChannels(listed(CH, 10));
      server.catchUps[CH] = [answer];
      await tell(membership("channelLeft", 9));
      await clock.advance(0);
      assert.deepEqual(heard(), told);
      assert.deepEqual(server.asked("catchUp").at(-1).channels, { CH1: 10 });
      await client.shutdown();
    }
  });

  test("a push of leaving that is older than joining makes the client ask nothing", async () => {
    const { server, client, clock, tell, heard } = await inChannels(listed(CH, 3, "invited"));
    await tell(membership("channelJoined", 10));
    heard();
    await tell(membership("channelLeft", 9));
    await clock.advance(0);
    assert.deepEqual([heard(), server.asked("catchUp")], [[], []]);
    await client.shutdown();
  });

  test("a channel that is not in the list but has changes in the answer is still joined", async () => {
    const { server, client, away, channel, heard } = await inChannels(listed(CH, 3));
    await away(() => {
      server.channels = [];
      server.catchUps[CH] = [{ status: "changes", seq: 4, more: false, events: [added(CH, 4)] }];
    });
    assert.equal(channel.status, "joined");
    assert.equal(heard()[0], "messageAdded 4");
    await client.shutdown();
  });

  test("a name that changed meanwhile is shown and told", async () => {
    const { server, client, channel, away, heard } = await inChannels(listed(CH, 3));
    const update = {
      event: "channelUpdated",
      channel_sid: CH,
      seq: 4,
      channel: channelView(CH, 4, { friendly_name: "new" }),
      updateReasons: ["friendlyName"],
    };
    await away(() => {
      server.channels = [listed(CH, 4, "joined", { friendly_name: "new" })];
      server.catchUps[CH] = [{ status: "changes", seq: 4, more: false, events: [update] }];
    });
    assert.equal(channel.friendlyName, "new");
    assert.deepEqual(heard(), ["channelUpdated CH1 [friendlyName]"]);
    await client.shutdown();
  });

  test("a followed user that does not exist any more is no longer followed", async () => {
    const { server, client, away, heard } = await inChannels();
    const bob = await client.getUser("bob");
    heard();
    await away(() => delete server.users.bob);
    assert.deepEqual(heard(), ["userUnsubscribed bob"]);
    assert.equal(bob.isSubscribed, false);
    await client.shutdown();
  });

  test("followed users are followed again, and their changes meanwhile are told", async () => {
    const { server, client, away, heard } = await inChannels();
    const bob = await client.getUser("bob");
    await client.getUser("carol");
    heard();
    await away(() => (server.users.bob = userView("bob", { seq: 2, friendly_name: "Bob", is_online: true })));
    assert.deepEqual(server.asked("followUsers").at(-1).identities, ["bob", "carol"]);
    assert.deepEqual(heard(), ["userUpdated bob [friendlyName,online]"]);
    assert.equal(bob.friendlyName, "Bob");
    await client.shutdown();
  });

  test("followed users are followed again ten at a time, for a reply has no room for more of the largest", async () => {
    const { server, client, away } = await inChannels();
    for (let number = 0; number < 25; number += 1) {
      server.users[`user ${number}`] = userView(`user ${number}`);
      await client.getUser(`user ${number}`);
    }
    await away();
    const asked = server.socket.sent.filter(({ action }) => action === "followUsers");
    assert.deepEqual(
      asked.map(({ identities }) => identities.length),
      [10, 10, 5],
    );
    assert.equal((await client.getSubscribedUsers()).length, 26);
    await client.shutdown();
  });

  test("the client is connected also if following again is refused, and asks again a second later", async () => {
    const { server, client, clock, away, heard } = await inChannels();
    await client.getUser("bob");
    const answer = server.replies.followUsers;
    await away(() => {
      server.users.bob = userView("bob", { seq: 2, friendly_name: "Bob" });
      server.replies.followUsers = new Refusal(413, 20413);
    });
    heard();
    server.replies.followUsers = answer;
    await clock.advance(SECOND);
    assert.deepEqual(heard(), ["userUpdated bob [friendlyName]"]);
    await client.shutdown();
  });

  test("users whose following again is refused three times are no longer followed", async () => {
    const { server, client, clock, away, heard } = await inChannels();
    await client.getUser("bob");
    await away(() => (server.replies.followUsers = new Refusal(500, 20500)));
    heard();
    await clock.advance(60 * SECOND);
    assert.deepEqual(heard(), ["userUnsubscribed bob"]);
    assert.equal(server.asked("followUsers").length, 4);
    assert.equal(server.sockets.length, 2);
    await client.shutdown();
  });

  test("following again that was refused does not wait for a connection: the next one begins with it", async () => {
    const { server, client, clock, away } = await inChannels();
    await client.getUser("bob");
    const answer = server.replies.followUsers;
    await away(() => (server.replies.followUsers = new Refusal(500, 20500)));
    server.replies.followUsers = answer;
    server.arrival = "hang";
    server.socket.break();
    await clock.advance(10 * SECOND);
    server.arrival = "open";
    await clock.advance(60 * SECOND);
    assert.equal(client.connectionState, "connected");
    assert.equal(server.socket.sent.filter(({ action }) => action === "followUsers").length, 1);
    await client.shutdown();
    assert.equal(clock.pending, 0);
  });
});

describe("the change to a new socket", () => {
  test("tells each change once, though both sockets tell it", async () => {
    const { server, client, clock, heard } = await inChannels(listed(CH, 3));
    const { socket: old } = server;
    server.replies.createChannel = undefined;
    await clock.advance(110 * 60 * SECOND - SECOND);
    client.createChannel({}).catch(() => {});
    await clock.advance(2 * SECOND);
    assert.equal(server.sockets.length, 2);
    for (const socket of [old, server.socket, old]) socket.tell(added(CH, 4, 0));
    await settled();
    assert.deepEqual(
      heard().filter((event) => event.startsWith("message")),
      ["messageAdded 0"],
    );
    await client.shutdown();
  });
});
