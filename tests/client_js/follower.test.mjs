// "Missing nothing" of docs/sockets.md, rule by rule, for one channel.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ChannelFollower } from "../../clients/js/parley.js";
import { CH, added, edited, member } from "./support.mjs";

const seqs = (pushes) => pushes.map((push) => push.seq);
const advanced = (seq) => ({ event: "channelAdvanced", channel_sid: CH, seq });

describe("a push in its turn", () => {
  test("is delivered and moves the mark", () => {
    const follower = new ChannelFollower(4);
    assert.deepEqual(seqs(follower.receive(added(CH, 5), 0)), [5]);
    assert.equal(follower.mark, 5);
    assert.equal(follower.dueAt, null);
  });

  test("brings the held ones that follow it", () => {
    const follower = new ChannelFollower(4);
    assert.deepEqual(follower.receive(added(CH, 7), 0), []);
    assert.deepEqual(follower.receive(added(CH, 6), 0), []);
    assert.deepEqual(seqs(follower.receive(added(CH, 5), 10)), [5, 6, 7]);
    assert.equal(follower.mark, 7);
    assert.equal(follower.dueAt, null);
  });

  test("leaves those behind the next hole held, which has a quarter of a second of its own", () => {
    const follower = new ChannelFollower(4);
    follower.receive(added(CH, 6), 0);
    follower.receive(added(CH, 8), 0);
    assert.deepEqual(seqs(follower.receive(added(CH, 5), 100)), [5, 6]);
    assert.equal(follower.mark, 6);
    assert.equal(follower.dueAt, 350);
  });

  test("that is not ours to see takes its number and is not delivered", () => {
    const follower = new ChannelFollower(4);
    follower.receive(added(CH, 6), 0);
    assert.deepEqual(seqs(follower.receive(advanced(5), 0)), [6]);
    assert.equal(follower.mark, 6);
  });
});

describe("a late push", () => {
  test("is not delivered again when it was", () => {
    const follower = new ChannelFollower(4);
    follower.receive(added(CH, 5), 0);
    assert.deepEqual(follower.receive(added(CH, 5), 0), []);
  });

  test("is not delivered when a newer version of its record was", () => {
    const follower = new ChannelFollower(4);
    follower.receive(edited(CH, 5, 0), 0);
    assert.deepEqual(follower.receive(added(CH, 3, 0), 0), []);
  });

  test("is delivered when nothing is known of its record", () => {
    const follower = new ChannelFollower(4);
    assert.deepEqual(seqs(follower.receive(added(CH, 3, 0), 0)), [3]);
    assert.equal(follower.mark, 4);
  });

  test("about another record than the one that moved the mark to its number is delivered", () => {
    const follower = new ChannelFollower(4);
    const level = { event: "channelUpdated", channel_sid: CH, seq: 5, channel: { sid: CH, seq: 5 }, user_channel: {} };
    follower.receive(advanced(5), 0);
    assert.deepEqual(seqs(follower.receive(level, 0)), [5]);
  });

  test("is delivered twice when its record was forgotten, for only two thousand are remembered", () => {
    const follower = new ChannelFollower(0);
    for (let seq = 1; seq <= 2001; seq += 1) follower.receive(added(CH, seq), 0);
    assert.deepEqual(follower.receive(added(CH, 2), 0), []);
    assert.deepEqual(seqs(follower.receive(added(CH, 1), 0)), [1]);
  });

  test("about one's own notification level is told from one about the channel", () => {
    const follower = new ChannelFollower(5);
    const update = { event: "channelUpdated", channel_sid: CH, channel: { sid: CH, seq: 6 } };
    follower.receive({ ...update, seq: 6 }, 0);
    assert.deepEqual(seqs(follower.receive({ ...update, seq: 5, user_channel: {} }, 0)), [5]);
    assert.deepEqual(seqs(follower.receive({ ...update, seq: 5 }, 0)), []);
  });

  test("about a member is told from one about a message", () => {
    const follower = new ChannelFollower(4);
    follower.receive(added(CH, 5), 0);
    assert.deepEqual(seqs(follower.receive(member("memberJoined", 2), 0)), [2]);
  });
});

describe("a hole", () => {
  const withHole = () => {
    const follower = new ChannelFollower(4);
    follower.receive(added(CH, 6), 1000);
    return follower;
  };

  test("is asked about after a quarter of a second, with the mark", () => {
    const follower = withHole();
    assert.equal(follower.dueAt, 1250);
    assert.equal(follower.ask(), 4);
    assert.equal(follower.dueAt, null);
  });

  test("does not wait longer because more pushes come behind it", () => {
    const follower = withHole();
    follower.receive(added(CH, 7), 1200);
    assert.equal(follower.dueAt, 1250);
  });

  test("is filled by the answer, and what was held follows once", () => {
    const follower = withHole();
    follower.ask();
    const { deliver } = follower.answer(
      { status: "changes", seq: 6, more: false, events: [added(CH, 5), added(CH, 6)] },
      1300,
    );
    assert.deepEqual(seqs(deliver), [5, 6]);
    assert.equal(follower.mark, 6);
    assert.equal(follower.dueAt, null);
  });

  test("lets go of held pushes beyond the answer too", () => {
    const follower = withHole();
    follower.receive(added(CH, 7), 1000);
    follower.ask();
    const { deliver } = follower.answer({ status: "changes", seq: 5, more: false, events: [added(CH, 5)] }, 1300);
    assert.deepEqual(seqs(deliver), [5, 6, 7]);
  });

  test("lets go of a held push that the answer covers without mention, for its message was removed again", () => {
    const follower = withHole();
    follower.ask();
    const answer = { status: "changes", seq: 7, more: false, events: [added(CH, 5)] };
    assert.deepEqual(seqs(follower.answer(answer, 1300).deliver), [5]);
    assert.equal(follower.mark, 7);
  });

  test("is asked about again after a second, twice, and then passed over", () => {
    const follower = withHole();
    const nothing = { status: "changes", seq: 4, more: false, events: [] };
    follower.ask();
    assert.deepEqual(follower.answer(nothing, 2000).deliver, []);
    assert.equal(follower.dueAt, 3000);
    follower.ask();
    assert.deepEqual(follower.answer(nothing, 3000).deliver, []);
    assert.equal(follower.dueAt, 4000);
    follower.ask();
    assert.deepEqual(seqs(follower.answer(nothing, 4000).deliver), [6]);
    assert.equal(follower.mark, 6);
    assert.equal(follower.dueAt, null);
  });

  test("is asked about afresh when an earlier one was passed over", () => {
    const follower = withHole();
    const nothing = { status: "changes", seq: 4, more: false, events: [] };
    for (let time = 2000; time < 5000; time += 1000) {
      follower.ask();
      follower.answer(nothing, time);
    }
    follower.receive(added(CH, 8), 9000);
    follower.ask();
    follower.answer({ ...nothing, seq: 6 }, 9500);
    assert.equal(follower.mark, 6);
    assert.equal(follower.dueAt, 10_500);
  });

  test("is passed over too when the server refuses to answer three times, and the rest is to be fetched again", () => {
    const follower = withHole();
    follower.ask();
    assert.deepEqual(follower.failed(2000), { isRefetch: false, deliver: [] });
    assert.equal(follower.dueAt, 3000);
    follower.ask();
    follower.failed(3000);
    follower.ask();
    const { isRefetch, deliver } = follower.failed(4000);
    assert.deepEqual([isRefetch, seqs(deliver)], [true, [6]]);
  });

  test("is not passed over because questions got lost with the connection", () => {
    const follower = withHole();
    for (let round = 0; round < 5; round += 1) {
      follower.ask();
      follower.interrupted();
      follower.expect(6, 2000 + round);
      assert.equal(follower.dueAt, 2000 + round);
    }
    follower.ask();
    assert.deepEqual(follower.answer({ status: "changes", seq: 4, more: false, events: [] }, 3000).deliver, []);
    assert.equal(follower.dueAt, 4000);
  });

  test("is closed by a push that comes while the question is under way, and the answer repeats nothing", () => {
    const follower = withHole();
    follower.ask();
    assert.deepEqual(seqs(follower.receive(added(CH, 5), 1260)), [5, 6]);
    const { deliver } = follower.answer(
      { status: "changes", seq: 6, more: false, events: [added(CH, 5), added(CH, 6)] },
      1300,
    );
    assert.deepEqual(deliver, []);
  });
});

describe("an answer", () => {
  test("with more to come is asked for from there at once, and does not count as a try", () => {
    const follower = new ChannelFollower(4);
    follower.expect(9, 0);
    follower.receive(added(CH, 11), 0);
    for (let seq = 5; seq < 9; seq += 1) {
      follower.ask();
      follower.answer({ status: "changes", seq, more: true, events: [added(CH, seq)] }, seq);
      assert.equal(follower.dueAt, seq);
    }
    assert.equal(follower.ask(), 8);
    follower.answer({ status: "changes", seq: 9, more: false, events: [added(CH, 9)] }, 10);
    assert.deepEqual([follower.mark, follower.dueAt], [9, 1010]);
  });

  test("tells of a written and edited message as one that was added, and its pushes that come late are silent", () => {
    const follower = new ChannelFollower(4);
    follower.expect(6, 0);
    follower.ask();
    const folded = { ...added(CH, 5, 0, { body: "edited", seq: 6 }) };
    assert.equal(follower.answer({ status: "changes", seq: 6, more: false, events: [folded] }, 0).deliver.length, 1);
    assert.deepEqual(follower.receive(added(CH, 5, 0), 0), []);
    assert.deepEqual(follower.receive(edited(CH, 6, 0), 0), []);
  });

  test("has told all of its time: what comes late from then does not bring back a message that was removed", () => {
    const follower = new ChannelFollower(4);
    follower.expect(6, 0);
    follower.ask();
    follower.answer({ status: "changes", seq: 6, more: false, events: [] }, 0);
    assert.deepEqual(follower.receive(added(CH, 5), 0), []);
    assert.deepEqual(seqs(follower.receive(added(CH, 4), 0)), [4]);
    assert.deepEqual(seqs(follower.receive(added(CH, 7), 0)), [7]);
  });

  test("that comes late itself does not bring one back either", () => {
    const follower = new ChannelFollower(4);
    follower.expect(6, 0);
    follower.ask();
    follower.answer({ status: "changes", seq: 6, more: false, events: [] }, 0);
    const { deliver } = follower.answer({ status: "changes", seq: 5, more: false, events: [added(CH, 5)] }, 0);
    assert.deepEqual(deliver, []);
  });

  test("tells of one's own notification level too, so that late news of it is not delivered", () => {
    const follower = new ChannelFollower(4);
    follower.expect(6, 0);
    follower.ask();
    const level = { event: "channelUpdated", channel_sid: CH, channel: { sid: CH, seq: 6 }, user_channel: {} };
    const answer = { status: "changes", seq: 7, more: false, events: [{ ...level, seq: 6 }] };
    assert.deepEqual(seqs(follower.answer(answer, 0).deliver), [6]);
    assert.deepEqual(follower.receive({ ...level, seq: 7 }, 0), []);
  });

  test("that says to fetch again makes everything before it old", () => {
    const follower = new ChannelFollower(4);
    follower.expect(4711, 0);
    follower.ask();
    follower.answer({ status: "refetch", seq: 4711 }, 0);
    assert.deepEqual(follower.receive(added(CH, 3), 0), []);
  });

  test("that says to fetch again moves the mark and drops what was held below it", () => {
    const follower = new ChannelFollower(4);
    follower.receive(added(CH, 8), 0);
    follower.receive(added(CH, 4712), 0);
    follower.ask();
    const answer = follower.answer({ status: "refetch", seq: 4711 }, 0);
    assert.deepEqual([answer.isRefetch, seqs(answer.deliver)], [true, [4712]]);
    assert.equal(follower.mark, 4712);
  });

  test("never moves the mark back", () => {
    const follower = new ChannelFollower(4);
    follower.expect(3, 0);
    follower.ask();
    follower.answer({ status: "changes", seq: 3, more: false, events: [] }, 0);
    assert.equal(follower.mark, 4);
  });
});

describe("an answer that ends before a write under way", () => {
  /** Somebody at 9 who is told that the channel has come to 12, while 11 is still being written. */
  const before = (...events) => {
    const follower = new ChannelFollower(9);
    follower.expect(12, 0);
    follower.ask();
    return [follower, follower.answer({ status: "changes", seq: 10, more: false, events }, 100).deliver];
  };
  const nothing = { status: "changes", seq: 10, more: false, events: [] };

  test("has what is beyond it held until that has come", () => {
    const [follower, deliver] = before(added(CH, 10), added(CH, 12));
    assert.deepEqual(seqs(deliver), [10]);
    assert.deepEqual(seqs(follower.receive(added(CH, 11), 200)), [11, 12]);
    assert.deepEqual([follower.mark, follower.dueAt], [12, null]);
  });

  test("is asked for again after a second, twice, and then the number is passed over", () => {
    const [follower] = before(added(CH, 10), added(CH, 12));
    assert.equal(follower.dueAt, 1100);
    follower.ask();
    assert.deepEqual(follower.answer({ ...nothing, events: [added(CH, 12)] }, 1100).deliver, []);
    assert.equal(follower.dueAt, 2100);
    follower.ask();
    assert.deepEqual(seqs(follower.answer({ ...nothing, events: [added(CH, 12)] }, 2100).deliver), [12]);
    assert.deepEqual([follower.mark, follower.dueAt], [12, null]);
  });

  test("is asked for again, twice, also when nothing is beyond it", () => {
    const [follower] = before(added(CH, 10));
    assert.equal(follower.dueAt, 1100);
    for (const time of [1100, 2100]) {
      assert.equal(follower.ask(), 10);
      follower.answer(nothing, time);
    }
    assert.deepEqual([follower.mark, follower.dueAt], [10, null]);
    assert.deepEqual(seqs(follower.receive(added(CH, 11), 3000)), [11]);
  });

  test("is followed by three questions about the next such write, if it has got further", () => {
    const [follower] = before(added(CH, 10), added(CH, 12));
    follower.ask();
    follower.answer({ ...nothing, events: [added(CH, 12)] }, 1100);
    follower.ask();
    follower.answer({ ...nothing, seq: 12, events: [11, 12, 14].map((seq) => added(CH, seq)) }, 2100);
    follower.ask();
    assert.deepEqual(follower.answer({ ...nothing, seq: 12, events: [added(CH, 14)] }, 3100).deliver, []);
    assert.equal(follower.dueAt, 4100);
  });

  test("tells of an older message before a newer one, though that one was edited in what is beyond", () => {
    const [, deliver] = before(added(CH, 12, 7), added(CH, 10, 8));
    assert.deepEqual(
      deliver.map(({ message }) => message.index),
      [7, 8],
    );
  });

  test("tells of its last message, edited in what is beyond, before a newer one that is pushed", () => {
    const [follower, deliver] = before(added(CH, 12, 7));
    assert.deepEqual(deliver, []);
    const told = follower.receive(added(CH, 11, 8), 200);
    assert.deepEqual(
      told.map(({ message }) => message.index),
      [7, 8],
    );
    assert.equal(follower.mark, 12);
  });

  test("tells of such a message as new, and of its edit no more, whichever was heard first", () => {
    const follower = new ChannelFollower(9);
    follower.receive(edited(CH, 12, 7), 0);
    follower.ask();
    follower.answer({ ...nothing, events: [added(CH, 12, 7)] }, 100);
    assert.deepEqual(follower.receive(added(CH, 10, 7), 150), []);
    const told = follower.receive(edited(CH, 11, 7), 200);
    assert.deepEqual(
      told.map(({ event, seq }) => [event, seq]),
      [["messageAdded", 12]],
    );
  });

  test("tells of such a message as new also when the next answer has it as edited", () => {
    const [follower] = before(added(CH, 12, 7));
    follower.ask();
    const next = { ...nothing, seq: 13, events: [added(CH, 11, 8), edited(CH, 12, 7), member("memberLeft", 13)] };
    assert.deepEqual(
      follower.answer(next, 1100).deliver.map(({ event, seq }) => [event, seq]),
      [
        ["messageAdded", 12],
        ["messageAdded", 11],
        ["memberLeft", 13],
      ],
    );
  });
});

describe("a record that is known", () => {
  const withLateAnswer = (push, ...events) => {
    const follower = new ChannelFollower(4);
    follower.receive(added(CH, 6, 1), 0);
    follower.ask();
    follower.receive(push, 10);
    return follower.answer({ status: "changes", seq: 7, more: false, events }, 20).deliver;
  };

  test("and new in an answer, for it was written after the mark and edited since, is told as edited", () => {
    const [told] = withLateAnswer(added(CH, 5, 0), added(CH, 7, 0));
    assert.equal(told.event, "messageUpdated");
    assert.ok(told.updateReasons.includes("body"));
  });

  test("and is a member who has joined and was changed is told as changed", () => {
    const [told] = withLateAnswer(member("memberJoined", 5), member("memberJoined", 7));
    assert.equal(told.event, "memberUpdated");
    assert.ok(told.updateReasons.includes("attributes"));
  });

  test("and is a member who had left joins anew", () => {
    const [told] = withLateAnswer(member("memberLeft", 5), member("memberJoined", 7));
    assert.equal(told.event, "memberJoined");
  });

  test("and is a member joins anew where one had to fetch again, for the leaving was not told", () => {
    const follower = new ChannelFollower(4);
    follower.receive(member("memberJoined", 5), 0);
    follower.expect(4711, 0);
    follower.ask();
    follower.answer({ status: "refetch", seq: 4711 }, 0);
    assert.equal(follower.receive(member("memberJoined", 4712), 0)[0].event, "memberJoined");
  });
});

describe("what the list says", () => {
  test("is a reason to ask at once unless it is where we are", () => {
    const follower = new ChannelFollower(4);
    follower.expect(4, 70);
    assert.equal(follower.dueAt, null);
    follower.expect(5, 70);
    assert.equal(follower.dueAt, 70);
  });

  test("is a reason to ask also when it agrees but something is held", () => {
    const follower = new ChannelFollower(4);
    follower.receive(added(CH, 6), 0);
    follower.expect(4, 70);
    assert.equal(follower.dueAt, 70);
  });

  test("is asked about even if a push comes in the meantime", () => {
    const follower = new ChannelFollower(4);
    follower.expect(6, 70);
    follower.receive(added(CH, 5), 71);
    assert.equal(follower.dueAt, 70);
  });

  test("is asked about up to three times when the server refuses to answer, and then to be fetched", () => {
    const follower = new ChannelFollower(4);
    follower.expect(6, 0);
    const outcomes = [0, 1000, 2000].map((time) => {
      follower.ask();
      return [follower.failed(time).isRefetch, follower.dueAt];
    });
    assert.deepEqual(outcomes, [
      [false, 1000],
      [false, 2000],
      [true, null],
    ]);
  });

  test("makes an earlier reason to ask void when it is where we are", () => {
    const follower = new ChannelFollower(4);
    follower.expect(6, 0);
    follower.ask();
    follower.interrupted();
    follower.expect(4, 70);
    assert.equal(follower.dueAt, null);
  });
});
