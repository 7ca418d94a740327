import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { tokenServer } from "../react-chat/token-server.js";

export default defineConfig({
  plugins: [react(), tokenServer()],
  resolve: {
    // The page is that of react-chat. Only its chat.js is another one.
    alias: [{ find: "./chat.js", replacement: fileURLToPath(new URL("src/chat.js", import.meta.url)) }],
    dedupe: ["react", "react-dom"],
  },
  server: { fs: { allow: [".."] } },
});
