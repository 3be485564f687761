// Serves this folder on the machine itself: node serve.js [PORT]. Shared memory needs the two headers of isolation;
// with --not-isolated they are left out, and the page takes the portable build.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".json": "application/json",
  ".wasm": "application/wasm",
};
const ISOLATION = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

const isolated = !process.argv.includes("--not-isolated");
const port = Number(process.argv.slice(2).find((word) => /^\d+$/.test(word)) ?? 8080);

const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, "http://localhost");
  // An absolute path has no way up when it is normalized.
  const file = join(import.meta.dirname, normalize(pathname === "/" ? "/index.html" : pathname));
  try {
    const body = await readFile(file);
    response.writeHead(200, { "Content-Type": TYPES[extname(file)] ?? "text/plain", ...(isolated ? ISOLATION : {}) });
    response.end(body);
  } catch {
    response.writeHead(404).end();
  }
});
server.listen(port, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}/`));
