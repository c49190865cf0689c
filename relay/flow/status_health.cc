// Times in HTML are told as spans, for people; in JSON as they are, for programs.
#include "relay/flow/status_health.h"

#include <fmt/format.h>

namespace culvert {
namespace {

std::string span(int64_t total_s) {
  if (total_s < 120) return fmt::format("{} s", total_s);
  if (total_s < 120 * 60) return fmt::format("{} min", total_s / 60);
  if (total_s < 48 * 3600) return fmt::format("{} h", total_s / 3600);
  return fmt::format("{} days", total_s / 86400);
}

int64_t unix_seconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

std::string legs_text(const CheckFinding& found) {
  std::string out;
  const auto add = [&out](std::string_view leg, Duration took) {
    if (took <= Duration::zero()) return;
    out += fmt::format("{}{} {:.1f} ms", out.empty() ? "" : ", ", leg, milliseconds(took));
  };
  add("resolve", found.legs.resolve);
  add("connect", found.legs.connect);
  add("tls", found.legs.tls);
  add("first byte", found.first_byte);
  return out;
}

std::string check_text(const CheckRecord::Report& checks, WallTime now) {
  if (!checks.last) return "not yet";
  const CheckFinding& found = *checks.last;
  std::string out = span(unix_seconds(now) - unix_seconds(found.at)) + " ago";
  if (const std::string legs = legs_text(found); !legs.empty()) out += ": " + legs;
  if (!found.well) out += fmt::format("; {}: {}", to_string(found.stage), found.error);
  return out;
}

std::string certificate_text(int64_t expires_at, WallTime now) {
  if (expires_at == 0) return "-";
  const int64_t left = expires_at - unix_seconds(now);
  return left > 0 ? "ends in " + span(left) : "ended " + span(-left) + " ago";
}

std::string word_html(std::string_view word) {
  const std::string_view style = word == "failing" ? "warn" : word == "up" ? "ok" : "dim";
  return fmt::format("<span class=\"{}\">{}</span>", style, word);
}

void write_legs(JsonWriter& json, const CheckFinding& found) {
  json.key("ms").begin_object();
  const auto add = [&json](JsonName leg, Duration took) {
    if (took > Duration::zero()) json.field(leg, milliseconds(took));
  };
  add("resolve", found.legs.resolve);
  add("connect", found.legs.connect);
  add("tls", found.legs.tls);
  add("first_byte", found.first_byte);
  json.end_object();
}

void write_details(JsonWriter& json, const UpstreamHealth::TargetReport& target) {
  json.field("breaker", to_string(target.state));
  json.field("strategy", target.strategy.text());
  if (const auto& found = target.checks.last) {
    json.field("checked", rfc3339(found->at));
    write_legs(json, *found);
    if (found->status != 0) json.field("status", found->status);
    if (!found->well) json.field("stage", to_string(found->stage)).field("error", found->error);
  }
  const int64_t expires_at = target.checks.certificate_expires_at;
  if (expires_at == 0) return;
  json.field("certificate_until", rfc3339(WallTime(std::chrono::seconds(expires_at))));
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string health_words(const UpstreamFacts& upstream) {
  std::string out;
  for (const auto& target : upstream.targets) {
    if (!out.empty()) out += ", ";
    out += word_html(word_of(target));
  }
  return out;
}

std::string health_html(const std::vector<UpstreamFacts>& upstreams, WallTime now) {
  std::string targets, pools;
  for (const UpstreamFacts& upstream : upstreams) {
    for (const auto& target : upstream.targets) {
      targets += fmt::format(
          "<tr><td><code>{}</code></td><td><code>{}</code></td><td>{}</td><td>{}</td>"
          "<td>{}</td><td>{}</td><td>{}</td></tr>\n",
          escape_html(upstream.upstream->name), escape_html(target.url),
          word_html(word_of(target)), to_string(target.state),
          escape_html(check_text(target.checks, now)),
          certificate_text(target.checks.certificate_expires_at, now), target.strategy.text());
    }
    for (const PoolFacts& pool : upstream.pools) {
      pools += fmt::format("<tr><td>{}</td><td><code>{}</code></td><td>{} of {}</td></tr>\n",
                           escape_html(pool.name), escape_html(pool.upstream), pool.left,
                           pool.keys);
    }
  }
  std::string out =
      "<h2>Targets</h2><table><thead><tr><th>Alias</th><th>Target</th><th>Health</th>"
      "<th>Breaker</th><th>Last check</th><th>Certificate</th><th>Strategy</th></tr></thead>"
      "<tbody>\n" +
      targets + "</tbody></table>";
  if (pools.empty()) return out;
  return out +
         "<h2>Key pools</h2><table><thead><tr><th>Pool</th><th>Upstream</th><th>Keys left</th>"
         "</tr></thead><tbody>\n" +
         pools + "</tbody></table>";
}

void write_health(JsonWriter& json, const UpstreamFacts& upstream, bool details) {
  json.key("health").begin_array();
  for (const auto& target : upstream.targets) {
    json.begin_object().field("target", target.url).field("state", word_of(target));
    if (details) write_details(json, target);
    json.end_object();
  }
  json.end_array();
  if (!details) return;
  json.key("pools").begin_array();
  for (const PoolFacts& pool : upstream.pools) {
    json.begin_object().field("name", pool.name);
    json.field("keys", static_cast<uint64_t>(pool.keys));
    json.field("left", static_cast<uint64_t>(pool.left)).end_object();
  }
  json.end_array();
}

}  // namespace culvert
