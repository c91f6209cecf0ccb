import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// `npm run dev` shows the page of an orchestrator that runs there already.
const ORCHESTRATOR = "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: "dist/page",
    emptyOutDir: true,
    // The orchestrator's policy lets in nothing but its own files: no data: URLs.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
  },
  server: {
    proxy: {
      // The orchestrator refuses other origins; to it, this server is the page itself.
      "/api": { target: ORCHESTRATOR, changeOrigin: true, headers: { origin: ORCHESTRATOR } },
    },
  },
  test: {
    // A test that needs a document says so: // @vitest-environment happy-dom
    environment: "node",
    include: ["src/**/*.test.{ts,tsx}"],
    css: true,
    restoreMocks: true,
  },
});
