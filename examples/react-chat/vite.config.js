import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { tokenServer } from "./token-server.js";

export default defineConfig({ plugins: [react(), tokenServer()] });
