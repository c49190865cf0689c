// An upstream of HTTP/2 that refuses or breaks off, by the path that is asked for. Tells its port,
// then one line for each stream that it was asked for.
import fs from "node:fs";
import http2 from "node:http2";

const [cert, key] = process.argv.slice(2);
const server = http2.createSecureServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key) });
const { NGHTTP2_REFUSED_STREAM, NGHTTP2_INTERNAL_ERROR } = http2.constants;

server.on("stream", (stream, headers) => {
  const path = headers[":path"];
  console.log(`${headers[":method"]} ${path}`);
  stream.on("error", () => {});
  if (path === "/refused") return stream.close(NGHTTP2_REFUSED_STREAM);
  if (path === "/broken") return stream.close(NGHTTP2_INTERNAL_ERROR);
  if (path === "/gone") return stream.session.destroy();
  if (path === "/early") stream.additionalHeaders({ ":status": 103, link: "</a>" });
  stream.respond({ ":status": 200 }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "x-trailer": "dropped" }));
  stream.end("ok");
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
