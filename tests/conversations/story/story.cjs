// Tells story.json with Twilio's helper library for Node, as story.py does with the one for Python. Prints one line of
// JSON per step.
"use strict";
const connect = require("../../helper_libraries/client.cjs");
const steps = require("./story.json");

const { NAMES, BELOW_SERVICE } = process.env;
const names = JSON.parse(NAMES);

const api = connect().conversations.v1;
const service = api.services(names.service);
const roots = { api, service, scope: BELOW_SERVICE ? service : api };

const named = (text) => text.replace(/\{(\w+)\}/g, (whole, name) => names[name] ?? whole);
const snake = (name) => name.replace(/[A-Z]/g, (letter) => "_" + letter.toLowerCase());
const camel = (name) => name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
const parameter = (name) => name.replace(/(^|\.)[A-Z]/g, (letter) => letter.toLowerCase());

// `scope.users(alice).user_conversations` as the library has it.
function addressed(path) {
  let found = null;
  for (const [, name, address] of path.matchAll(/(\w+)(?:\(([^)]*)\))?\.?/g)) {
    const part = found === null ? roots[name] : found[camel(name)];
    found = address === undefined ? part : part.call(found, ...(address ? [named(address)] : []));
  }
  return found;
}

function plain(value) {
  if (value instanceof Date) return value.toISOString().replace(".000", "");
  return value === undefined ? null : value;
}

const shown = (item) =>
  Object.fromEntries(Object.entries(item.toJSON()).map(([name, value]) => [snake(name), plain(value)]));

function valued(value) {
  if (Array.isArray(value)) return value.map(valued);
  return typeof value === "string" ? named(value) : value;
}

async function tell([title, path, verb, form = {}, name = null]) {
  const [act, how] = verb.split(" ");
  const given = Object.entries(form).map(([key, value]) => [parameter(key), valued(value)]);
  let result;
  try {
    const resource = addressed(path);
    const method = act === "delete" ? "remove" : act;
    result = given.length ? await resource[method](Object.fromEntries(given)) : await resource[method]();
  } catch (error) {
    if (!error.status) throw error;
    return [title, { status: error.status, code: error.code, message: error.message }];
  }
  if (name) names[name] = result.sid;
  if (!Array.isArray(result)) return [title, result === true ? true : shown(result)];
  if (how === "sorted") result.sort((one, other) => ((one.identity ?? "") < (other.identity ?? "") ? -1 : 1));
  const known = Object.values(names);
  return [title, result.map(shown).filter((item) => how !== "known" || known.includes(item.sid))];
}

async function main() {
  for (const step of steps) console.log(JSON.stringify(await tell(step)));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
