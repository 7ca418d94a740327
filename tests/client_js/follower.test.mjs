// The rules by which nothing is missed in a channel: each vector of clients/vectors/follower, step by step.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { describe, test } from "node:test";
import { ChannelFollower } from "../../clients/js/parley.js";
import { CH } from "./support.mjs";

const FOLDER = new URL("../../clients/vectors/follower/", import.meta.url);

/** A push with what the vectors leave out. */
function complete(push) {
  const whole = { channel_sid: CH, ...push };
  for (const kind of ["message", "member"]) if (push[kind]) whole[kind] = { seq: push.seq, ...push[kind] };
  return whole;
}

/** What was told, in one line. */
function told({ event, seq, message, member, user_channel }) {
  const subject = (message ?? member)?.sid ?? (user_channel && "own");
  return [event, seq, subject].filter((word) => word !== undefined).join(" ");
}

/** The one input of a step; returns what it brought about. */
const INPUTS = {
  push: (follower, push, now) => ({ deliver: follower.receive(complete(push), now) }),
  ask: (follower, _, now) => ({ asked: follower.dueAt !== null && follower.dueAt <= now ? follower.ask() : null }),
  answer: (follower, answer, now) => follower.answer({ ...answer, events: answer.events?.map(complete) }, now),
  refused: (follower, code, now) => follower.refused(code, now),
  lost: (follower, _, now) => follower.interrupted(now),
  listed: (follower, seq, now) => follower.expect(seq ?? -1, now) ?? {},
  missed: (follower, seq, now) => follower.missed(seq, now) ?? {},
  left: (follower) => ({ deliver: follower.end() }),
};

function follow({ start, steps }) {
  const follower = new ChannelFollower(start.mark, start.limits);
  let [mark, due] = [start.mark, null];
  for (const [position, step] of steps.entries()) {
    const [input] = Object.keys(INPUTS).filter((name) => name in step);
    const { deliver = [], isRefetch = false, asked } = INPUTS[input](follower, step[input], step.at);
    if ("mark" in step) mark = step.mark;
    if ("due" in step) due = step.due;
    else if (input === "ask" && step.ask !== null) due = null;
    const found = { told: deliver.map(told), refetch: isRefetch, mark: follower.mark, due: follower.dueAt };
    const expected = { told: step.told ?? [], refetch: step.refetch ?? false, mark, due };
    if (input === "ask") [found.ask, expected.ask] = [asked, step.ask];
    if ("updateReasons" in step) {
      [found.updateReasons, expected.updateReasons] = [deliver.at(-1)?.updateReasons, step.updateReasons];
    }
    assert.deepEqual(found, expected, `step ${position + 1}: ${JSON.stringify(step)}`);
  }
}

for (const file of readdirSync(FOLDER).sort()) {
  const { about, vectors } = JSON.parse(readFileSync(new URL(file, FOLDER), "utf-8"));
  describe(about, () => {
    for (const vector of vectors) test(vector.name, () => follow(vector));
  });
}
