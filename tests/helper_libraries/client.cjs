// Twilio's helper library for Node, unchanged but for its base URLs.
"use strict";
const twilio = require("twilio");

// The account and the stack are in the environment.
module.exports = function connect(token = process.env.AUTH_TOKEN) {
  const client = twilio(process.env.ACCOUNT_SID, token);
  client.chat.baseUrl = process.env.REST_URL + "/chat";
  client.conversations.baseUrl = process.env.REST_URL + "/conversations";
  client.messaging.baseUrl = process.env.REST_URL + "/messaging";
  client.api.baseUrl = process.env.REST_URL;
  return client;
};
