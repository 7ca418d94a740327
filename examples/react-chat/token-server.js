// Starts examples/token-server beside Vite, and hands the page's requests for tokens to it. In your application, your
// own back end gives tokens.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));

function start() {
  const environment = { ...process.env, PORT: "0", PYTHONUNBUFFERED: "1" };
  const server = spawn(".venv/bin/python", ["examples/token-server/server.py"], { cwd: REPOSITORY, env: environment });
  process.on("exit", () => server.kill());
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit());
  return new Promise((resolve, reject) => {
    let printed = "";
    server.on("error", () => reject(new Error("There is no .venv: start Parley with `make run`.")));
    server.on("exit", () => reject(new Error(`The token server has ended. ${printed}`)));
    server.stderr.on("data", (data) => {
      printed += data;
      const address = /http:\/\/127\.0\.0\.1:\d+/.exec(printed);
      if (address) resolve(address[0]);
    });
  });
}

/** A plugin for Vite. */
export const tokenServer = () => ({
  name: "token-server",
  async config(_, { command, isPreview }) {
    if (command === "build") return {};
    const proxy = { "/token": await start() };
    return isPreview ? { preview: { proxy } } : { server: { proxy } };
  },
});
