// top: the fleet at work, in place on a terminal, one table after the other on a pipe.
#include "control/cli/arguments.h"
#include "control/cli/display.h"
#include "control/cli/live.h"
#include "control/cli/relay_table.h"
#include "control/cli/verbs.h"
#include "proto/scalars.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>

namespace culvert::cli {
namespace {

constexpr auto kAgainAfter = std::chrono::seconds(1);

struct TopFlags {
  std::string interval = "1s";
  std::string sort = "name";
  uint32_t count = 0;
};

class TopView final : public View {
 public:
  TopView(const Program& program, TopOrder order) : program_(program), order_(order) {}

  void put(v1::ListRelaysReply reply) {
    const std::lock_guard lock(mutex_);
    reply_ = std::move(reply);
    trouble_.clear();
  }
  void put_trouble(std::string words) {
    const std::lock_guard lock(mutex_);
    trouble_ = std::move(words);
  }

  std::string screen(Size) override {
    const std::lock_guard lock(mutex_);
    const bool colours = program_.colours();
    std::string out = fmt::format("culvert top   {}   revision {}   {}\n", clean(server_),
                                  reply_.revision(), rfc3339_seconds(program_.clock.wall()));
    out += painted(
        "q leaves; sort by n name, r requests, s streams, e errors, f first token, t tokens, "
        "m memory, c cpu",
        Colour::kFaint, colours);
    out += "\n" + painted(clean(trouble_), Colour::kRed, colours) + "\n";
    if (reply_.relays_size() == 0) return out + "no relay has joined yet\n";
    return out + top_text(reply_, order_, colours);
  }

  std::string page() override {
    const std::lock_guard lock(mutex_);
    if (program_.format() == Format::kJson) return to_json_line(value_of(reply_));
    if (program_.format() == Format::kYaml) return "---\n" + to_yaml_text(value_of(reply_));
    return (pages_++ > 0 ? "\n" : "") + top_text(reply_, order_, program_.colours());
  }

  void pressed(char key) override {
    const std::lock_guard lock(mutex_);
    order_ = top_order(key, order_);
  }

  void name_server(const std::string& server) {
    const std::lock_guard lock(mutex_);
    server_ = server;
  }

 private:
  const Program& program_;
  std::mutex mutex_;
  std::string server_;
  v1::ListRelaysReply reply_;
  std::string trouble_;
  TopOrder order_;
  int pages_ = 0;
};

void wait(const std::stop_token& stop, Duration span) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, span, [] { return false; });
}

// A service that restarts is no reason to leave the screen: it is asked again. What goes wrong
// before the first answer is told and ends.
Result<void> watch(Program* program,
                   const v1::WatchRelaysRequest& request,
                   uint32_t count,
                   TopView* view,
                   const std::stop_token& stop,
                   const std::function<void()>& changed) {
  Session* session = CULVERT_TRY(program->session());
  view->name_server(session->access().server);
  uint32_t seen = 0;
  for (;;) {
    auto ended = session->follow(request, stop, [&](const v1::ListRelaysReply& reply) {
      view->put(reply);
      changed();
      return ++seen != count;
    });
    const bool enough = seen > 0 && seen == count;
    if (ended && (enough || stop.stop_requested())) return {};
    if (!ended && (seen == 0 || !stop.stop_possible())) return ended;
    view->put_trouble(ended ? "the service ended the stream; asking again" : ended.error().detail);
    changed();
    wait(stop, kAgainAfter);
    if (stop.stop_requested()) return {};
  }
}

Result<int> top(Program* program, const TopFlags& flags) {
  v1::WatchRelaysRequest request;
  *request.mutable_interval() =
      culvert::to_proto(CULVERT_TRY(span_argument("--interval", flags.interval)));
  TopView view(*program, top_order(flags.sort));
  return run_live(program->terminal, &view,
                  [&](const std::stop_token& stop, const std::function<void()>& changed) {
                    return watch(program, request, flags.count, &view, stop, changed);
                  });
}

}  // namespace

void add_top_verb(CLI::App* app, Program* program) {
  CLI::App* verb = add_verb(
      app, "top", "Watch relays at work",
      "STREAMS: requests that run now. TTFT: time to the first token in ms, median and 95th "
      "percentile;\nthe last line has sums, and of TTFT the largest. On a pipe: one table for each "
      "interval.");
  auto flags = std::make_shared<TopFlags>();
  verb->add_option("--interval", flags->interval, "200ms to 1m")
      ->type_name("SPAN")
      ->capture_default_str();
  verb->add_option("-s,--sort", flags->sort, "largest first; also by a key while it runs")
      ->type_name("COLUMN")
      ->check(CLI::IsMember(
          {"name", "requests", "streams", "errors", "ttft", "tokens", "memory", "cpu"}))
      ->capture_default_str();
  verb->add_option("-n,--count", flags->count, "end after so many; 0: never")->type_name("COUNT");
  verb->callback([=] { program->verb = [=] { return top(program, *flags); }; });
}

}  // namespace culvert::cli
