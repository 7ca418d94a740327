// Gives users access tokens, with which a browser or an app connects to Parley: GET /token?identity=alice
//
// `PORT` is the port, 8090 if it is not set. `PAGES` names a folder; its files are served too.

import { existsSync, readFileSync } from "node:fs";
import express from "express";
import twilio from "twilio";

const SETTINGS = process.env.PARLEY_SETTINGS ?? ".parley/local.json";
if (!existsSync(SETTINGS)) {
  console.error(`There is no ${SETTINGS}: start Parley with "make run", and this in the same folder.`);
  process.exit(1);
}
const settings = JSON.parse(readFileSync(SETTINGS, "utf8"));
const key = [settings.api_key_sid, settings.api_key_secret];

const client = twilio(...key, { accountSid: settings.account_sid });
client.conversations.baseUrl = `${settings.rest_url}/conversations`;
// Each account has a default service. The settings may name another.
const serviceSid =
  settings.service_sid ?? (await client.conversations.v1.configuration().fetch()).defaultChatServiceSid;

/** The user who asks. In your application, take it from the session of your login, never from the request. */
const signedInUser = (request) => request.query.identity;

const app = express();
if (process.env.PAGES) app.use(express.static(process.env.PAGES));

app.get("/token", (request, response) => {
  const identity = signedInUser(request);
  if (!identity) return response.status(400).send("The parameter `identity` is missing.\n");
  const token = new twilio.jwt.AccessToken(settings.account_sid, ...key, { identity, ttl: 3600 });
  token.addGrant(new twilio.jwt.AccessToken.ChatGrant({ serviceSid }));
  const url = settings.ws_url;
  // For Twilio's SDKs. On AWS the address is the same.
  const answer = { identity, token: token.toJwt(), url, sdk_url: settings.sdk_url ?? url };
  return response.set("Cache-Control", "no-store").json(answer);
});

const server = app.listen(Number(process.env.PORT ?? 8090), "127.0.0.1", (error) => {
  if (error) throw error;
  console.log(`Get tokens at http://127.0.0.1:${server.address().port}/token?identity=alice`);
});
