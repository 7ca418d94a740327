// Holds the conversation of scenario.mjs in a headless Chromium, and prints what was told as JSON.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";

const FILES = {
  "/": ["text/html", null],
  "/parley.js": ["text/javascript", new URL("../../clients/js/parley.js", import.meta.url)],
  "/scenario.mjs": ["text/javascript", new URL("scenario.mjs", import.meta.url)],
};
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const site = createServer(async ({ url }, response) => {
  const [type, file] = FILES[url] ?? [];
  response.writeHead(type ? 200 : 404, { "Content-Type": `${type ?? "text/plain"}; charset=utf-8` });
  response.end(file ? await readFile(file) : "<!doctype html><title>Parley</title>");
});
await new Promise((resolve) => site.listen(0, "127.0.0.1", resolve));

const { chromium } = createRequire(`${process.env.NODE_MODULES}/`)("playwright-core");
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: FLAGS });
try {
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${site.address().port}/`);
  const told = await page.evaluate(async (conversation) => {
    const { Client } = await import("/parley.js");
    const { converse } = await import("/scenario.mjs");
    return converse({ Client, ...conversation });
  }, JSON.parse(process.env.CONVERSATION));
  console.log(JSON.stringify(told));
} finally {
  await browser.close();
  site.close();
}
