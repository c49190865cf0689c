// Both forms of the status page say the same.
#include "relay/flow/status_page.h"

#include "relay/base/json_writer.h"
#include "relay/flow/status_health.h"

#include <fmt/format.h>

namespace culvert {
namespace {

constexpr std::string_view kStyle = R"(
:root{color-scheme:light dark;--bg:#fbfbfa;--fg:#1c1e21;--dim:#63676e;--line:#e2e3e6;--card:#fff;--ok:#1a7f4b;--warn:#a15c00;--code:#f1f2f4}
@media(prefers-color-scheme:dark){:root{--bg:#131518;--fg:#e6e8eb;--dim:#9aa0a8;--line:#2a2e34;--card:#1a1d21;--ok:#4cc38a;--warn:#f0a742;--code:#22262b}}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:60rem;margin:0 auto;padding:2.5rem 1.25rem 4rem}h1{font-size:1.6rem;margin:0;letter-spacing:-.01em}h2{font-size:1.05rem;margin:2.25rem 0 .6rem}
p{margin:.35rem 0}.dim{color:var(--dim)}header{display:flex;gap:1rem;align-items:baseline;flex-wrap:wrap}.state{font-weight:600}.ok{color:var(--ok)}.warn{color:var(--warn)}
table{border-collapse:collapse;width:100%;background:var(--card);border:1px solid var(--line);border-radius:8px;overflow:hidden}
th,td{text-align:left;padding:.45rem .8rem;border-top:1px solid var(--line);vertical-align:top}thead th{border-top:0;color:var(--dim);font-weight:500;font-size:.85rem}
code,pre{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}pre{background:var(--code);border-radius:8px;padding:.8rem 1rem;overflow-x:auto;margin:.5rem 0}
td code{overflow-wrap:anywhere}
)";

std::string uptime(double total_s) {
  const auto minutes = static_cast<int64_t>(total_s) / 60;
  if (minutes < 1) return fmt::format("{} s", static_cast<int64_t>(total_s));
  if (minutes < 120) return fmt::format("{} min", minutes);
  if (minutes < 48 * 60) return fmt::format("{} h", minutes / 60);
  return fmt::format("{} days", minutes / (24 * 60));
}

std::string hosts(const Upstream& upstream) {
  std::string out;
  for (const Target& target : upstream.targets) {
    if (!out.empty()) out += ", ";
    out += target.url.authority() + target.url.path;
  }
  return out;
}

std::string upstream_rows(const std::vector<UpstreamFacts>& upstreams) {
  std::string rows;
  for (const UpstreamFacts& one : upstreams) {
    const Upstream& upstream = *one.upstream;
    rows += fmt::format(
        "<tr><td><code>/{}/</code></td><td><code>{}</code></td><td>{}</td><td>{}</td></tr>\n",
        escape_html(upstream.name), escape_html(hosts(upstream)), to_string(upstream.dialect),
        health_words(one));
  }
  return rows;
}

std::string route_rows(const Snapshot& snapshot) {
  std::string rows;
  for (const Route& route : snapshot.routes) {
    rows += fmt::format("<tr><td>{}</td><td><code>{}</code></td></tr>\n", escape_html(route.name),
                        escape_html(route.path_prefix.empty() ? "/" : route.path_prefix));
  }
  if (rows.empty()) return {};
  return "<h2>Routes</h2><table><thead><tr><th>Name</th><th>Path</th></tr></thead><tbody>" + rows +
         "</tbody></table>";
}

}  // namespace

std::string_view to_string(Dialect dialect) {
  switch (dialect) {
    case Dialect::kOpaque:
      return "opaque";
    case Dialect::kOpenAi:
      return "openai";
    case Dialect::kAnthropic:
      return "anthropic";
    case Dialect::kGemini:
      return "gemini";
  }
  return "opaque";
}

std::string status_html(const Snapshot& snapshot, const StatusFacts& facts) {
  std::string place = facts.region.empty() ? std::string() : escape_html(facts.region) + " · ";
  return fmt::format(
      R"(<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>Culvert relay</title><style>{style}</style></head><body><main>
<header><h1>Culvert relay</h1><span class="state {state_class}">{state}</span></header>
<p class="dim">{place}version {version} · up {uptime}</p>
<h2>Use it</h2>
<p>Give your SDK this relay's address and an alias as its base URL, and a relay token or your own key as its key.</p>
<pre>curl https://RELAY/openai/v1/chat/completions \
  -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \
  -d '{{"model":"…","stream":true,"messages":[{{"role":"user","content":"Hello"}}]}}'</pre>
<p class="dim">Any other host: <code>/TOKEN/https/HOST/PATH</code></p>
<h2>Upstreams</h2>
<table><thead><tr><th>Alias</th><th>Goes to</th><th>Dialect</th><th>Health</th></tr></thead><tbody>
{rows}</tbody></table>
{routes}
{health}
</main></body></html>
)",
      fmt::arg("style", kStyle), fmt::arg("state_class", facts.ready ? "ok" : "warn"),
      fmt::arg("state", facts.ready ? "ready" : "draining"), fmt::arg("place", place),
      fmt::arg("version", escape_html(facts.version)), fmt::arg("uptime", uptime(facts.uptime_s)),
      fmt::arg("rows", upstream_rows(facts.upstreams)),
      fmt::arg("routes", route_rows(snapshot)),
      fmt::arg("health",
               facts.details ? health_html(facts.upstreams, facts.now) : std::string()));
}

std::string status_json(const Snapshot& snapshot, const StatusFacts& facts) {
  JsonWriter json;
  json.begin_object();
  json.field("service", "culvert-relay").field("version", facts.version);
  if (!facts.region.empty()) json.field("region", facts.region);
  json.field("ready", facts.ready).field("uptime_s", static_cast<int64_t>(facts.uptime_s));
  json.key("upstreams").begin_array();
  for (const UpstreamFacts& one : facts.upstreams) {
    const Upstream& upstream = *one.upstream;
    json.begin_object();
    json.field("alias", upstream.name).field("dialect", to_string(upstream.dialect));
    json.key("targets").begin_array();
    for (const Target& target : upstream.targets) json.value(target.url.text());
    json.end_array();
    write_health(json, one, facts.details);
    json.end_object();
  }
  json.end_array();
  json.key("routes").begin_array();
  for (const Route& route : snapshot.routes) {
    json.begin_object().field("name", route.name);
    json.field("path", route.path_prefix.empty() ? "/" : route.path_prefix).end_object();
  }
  json.end_array().end_object();
  return json.take();
}

}  // namespace culvert
