// `ws` as either side of a WebSocket. Usage:
//   node ws_peer.mjs serve CERT KEY    an echo over TLS; prints {"port"}, then a line for each
//                                      connection and for each close
//   node ws_peer.mjs ask URL JSON      runs the dialogue below, prints what it saw
// JSON: {"protocols": […], "headers": {…}, "sizes": […], "deflate": bool, "close": [code, reason]}
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { createHash } from "node:crypto";
import { createRequire } from "node:module";

const { WebSocket, WebSocketServer } =
  createRequire(new URL("../../e2e/", import.meta.url))("ws");

const LARGEST = 64 * 1024 * 1024;
const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");
const digest = (bytes) => createHash("sha256").update(bytes).digest("hex");

function serve(cert, key) {
  const https = createServer({ cert: readFileSync(cert), key: readFileSync(key) });
  const server = new WebSocketServer({
    server: https, maxPayload: LARGEST, perMessageDeflate: { threshold: 0 },
    handleProtocols: (offered) => [...offered][0] ?? false,
  });
  server.on("connection", (socket, request) => {
    say({ opened: request.url, headers: request.headers, extensions: socket.extensions });
    socket.on("message", (data, binary) => socket.send(data, { binary }));
    socket.on("close", (code, reason) => say({ closed: code, reason: reason.toString() }));
    socket.on("error", (error) => say({ error: error.message }));
  });
  https.listen(0, "127.0.0.1", () => say({ port: https.address().port }));
}

// One echo at a time; a payload is random where it is binary and words where it is text.
async function echo(socket, size, binary) {
  const sent = binary ? Buffer.from(Array.from({ length: size }, (_, i) => (i * 7919) >> 3 & 255))
                      : Buffer.from("wörter ".repeat(size / 8 + 1)).subarray(0, size - size % 8);
  const back = new Promise((resolve, reject) => {
    socket.once("message", (data, kind) => resolve([data, kind]));
    socket.once("close", (code) => reject(new Error(`closed with ${code}`)));
  });
  socket.send(binary ? sent : sent.toString(), { binary });
  const [data, kind] = await back;
  return kind === binary && digest(data) === digest(sent);
}

async function ask(url, wanted) {
  const socket = new WebSocket(url, wanted.protocols ?? [], {
    headers: wanted.headers ?? {}, perMessageDeflate: wanted.deflate ? { threshold: 0 } : false,
    maxPayload: LARGEST,
  });
  const closed = new Promise((resolve) => {
    socket.on("close", (code, reason) => resolve([code, reason.toString()]));
  });
  const result = { echoes: {} };
  socket.on("unexpected-response", (_request, response) => {
    say({ status: response.statusCode });
    process.exit(0);
  });
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  Object.assign(result, { protocol: socket.protocol, extensions: socket.extensions });
  for (const size of wanted.sizes ?? []) {
    result.echoes[size] = [await echo(socket, size, true), await echo(socket, size, false)];
  }
  socket.ping("are you there");
  result.pong = await new Promise((resolve) => socket.once("pong", (d) => resolve(d.toString())));
  socket.close(...(wanted.close ?? [1000, ""]));
  result.closed = await closed;
  say(result);
}

const [mode, ...rest] = process.argv.slice(2);
if (mode === "serve") {
  serve(...rest);
} else {
  await ask(rest[0], JSON.parse(rest[1]));
}
