// An upstream of HTTP/2 that tells what it was sent: first its port, then one line of JSON for each
// request, with the fields as they came, in order, and the length of the body.
import fs from "node:fs";
import http2 from "node:http2";

const [cert, key] = process.argv.slice(2);
const server = http2.createSecureServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key) });

server.on("stream", (stream, headers, flags, fields) => {
  let body = 0;
  stream.on("error", () => {});
  stream.on("data", (piece) => (body += piece.length));
  stream.on("end", () => {
    console.log(JSON.stringify({ fields, body }));
    stream.respond({ ":status": 200 });
    stream.end(headers[":method"] === "HEAD" ? undefined : "ok");
  });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
