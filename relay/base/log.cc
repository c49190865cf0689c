// Lines of the operational log. spdlog writes them; the JSON is made here, because spdlog's
// patterns do not escape.
#include "relay/base/log.h"

#include "relay/base/clock.h"
#include "relay/base/json_writer.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <atomic>
#include <memory>
#include <new>

namespace culvert::log {
namespace {

std::atomic<Level> least_level{Level::kInfo};

spdlog::logger& sink() {
  static const auto logger = [] {
    auto made = std::make_shared<spdlog::logger>("relay",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->flush_on(spdlog::level::info);
    return made;
  }();
  return *logger;
}

std::string_view word(Level level) {
  switch (level) {
    case Level::kDebug:
      return "debug";
    case Level::kInfo:
      return "info";
    case Level::kWarn:
      return "warn";
    case Level::kError:
      return "error";
  }
  return "info";
}

void write_line(Level level, std::string_view message, Fields fields) {
  JsonWriter json;
  json.begin_object();
  json.field("time", rfc3339(Clock::system().wall()));
  json.field("level", word(level));
  json.field("msg", message);
  for (const Field& field : fields) {
    json.key(field.name);
    std::visit([&](const auto& content) { json.value(content); }, field.value);
  }
  json.end_object();
  sink().log(spdlog::level::info, "{}", json.take());
}

}  // namespace

void set_level(Level least) { least_level.store(least, std::memory_order_relaxed); }

bool enabled(Level level) { return level >= least_level.load(std::memory_order_relaxed); }

void write(Level level, std::string_view message, Fields fields) {
  if (!enabled(level)) return;
  try {
    write_line(level, message, fields);
  } catch (const std::bad_alloc&) {
    // The line is lost: many are about memory that ran out, and what failed goes on to its end.
  }
}

}  // namespace culvert::log
