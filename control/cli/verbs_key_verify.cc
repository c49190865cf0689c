// key verify: relays test keys at their upstream; a row for each as it is known.
#include "control/cli/display.h"
#include "control/cli/files.h"
#include "control/cli/key_text.h"
#include "control/cli/verbs.h"
#include "relay/base/secret.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace culvert::cli {
namespace {

constexpr size_t kMostFileBytes = 512 * 1024;

struct VerifyFlags {
  std::string pool;
  std::string upstream;
  std::string key;
  std::string key_file;
  std::string relay;
  std::string region;
  bool all_relays = false;
};

// What is known of the rows before they come.
class Rows {
 public:
  Rows(const v1::VerifyPlan& plan, bool colours) : colours_(colours) {
    const auto widest = [](const auto& names) {
      size_t width = 0;
      for (const std::string& name : names) width = std::max(width, display_width(clean(name)));
      return width;
    };
    widths_ = {widest(plan.pools()), widest(plan.upstreams()), 12, 9, widest(plan.relays()), 5, 0};
  }
  std::string head() const { return table().text(colours_); }
  std::string row(const v1::KeyTest& test) const {
    const Colour colour = test.status() == "GOOD"  ? Colour::kGreen
                          : test.status() == "BAD" ? Colour::kRed
                                                   : Colour::kYellow;
    Table one = table();
    one.add({test.pool().empty() ? "-" : test.pool(),
             test.upstream(),
             test.id(),
             test.key(),
             test.relay(),
             {test.status(), colour},
             test.error()});
    return one.rows_text(colours_);
  }

 private:
  Table table() const {
    Table table({"POOL", "UPSTREAM", "ID", "KEY", "RELAY", "STATUS", "WHY NOT"});
    table.widen(widths_);
    return table;
  }
  bool colours_;
  std::vector<size_t> widths_;
};

struct Counts {
  size_t planned = 0;
  size_t good = 0;
  size_t bad = 0;
  size_t error = 0;
  size_t all() const { return good + bad + error; }
  void add(const std::string& status) {
    ++(status == "GOOD" ? good : status == "BAD" ? bad : error);
  }
};

Result<std::string> keys_text(const Program& program, const std::string& path) {
  if (path == "-" && program.terminal.input_is_terminal()) {
    const Secret typed =
        CULVERT_TRY(program.terminal.ask_secret("Keys to test, with commas between (not shown)"));
    return std::string(typed.reveal());
  }
  FileText file = CULVERT_TRY(read_file(path, kMostFileBytes));
  return std::move(file.text);
}

Result<v1::VerifyKeysRequest> request_of(const Program& program, const VerifyFlags& flags) {
  v1::VerifyKeysRequest request;
  request.set_pool(flags.pool);
  request.set_upstream(flags.upstream);
  request.set_key(flags.key);
  request.set_relay(flags.relay);
  request.set_region(flags.region);
  request.set_all_relays(flags.all_relays);
  if (flags.key_file.empty()) return request;
  if (flags.upstream.empty()) return bad_usage("--key-file needs --upstream: where to test them");
  std::string text = CULVERT_TRY(keys_text(program, flags.key_file));
  const auto keys = parse_keys(text);
  wipe(text.data(), text.size());
  if (!keys) return bad_usage("--key-file: " + keys.error().detail);
  for (const Secret& key : *keys) request.add_plain_keys(std::string(key.reveal()));
  return request;
}

Result<int> verify(Program* program, const VerifyFlags& flags) {
  const v1::VerifyKeysRequest request = CULVERT_TRY(request_of(*program, flags));
  Session* session = CULVERT_TRY(program->session());
  Counts counts;
  std::unique_ptr<Rows> rows;
  CULVERT_CHECK(session->follow(request, {}, [&](const v1::VerifyKeysReply& reply) {
    if (reply.has_plan()) {
      counts.planned = reply.plan().tests();
      rows = std::make_unique<Rows>(reply.plan(), program->colours());
      if (program->format() == Format::kTable) program->terminal.out(rows->head());
    }
    if (!reply.has_test() || rows == nullptr) return true;
    counts.add(reply.test().status());
    program->print_one(reply.test(), [&] { return rows->row(reply.test()); });
    return true;
  }));
  if (program->format() == Format::kTable) {
    program->terminal.out(fmt::format("{} tested: {} good, {} bad, {} not known\n", counts.all(),
                                      counts.good, counts.bad, counts.error));
  }
  return counts.good == counts.planned ? kOk : kFailed;
}

constexpr const char* kDetails =
    "A relay makes one cheap call with each key (its upstream's list of models, or what the\n"
    "upstream's health_check names), by the upstream's strategies and from the key's own address, "
    "as\na request would. It costs no tokens. A row is written as soon as a key is known:\n"
    "  GOOD   the upstream takes the key\n"
    "  BAD    it refuses it: unknown, suspended, without money\n"
    "  ERROR  nobody knows: unreachable, overloaded, rate-limited; or the relay could not test it\n"
    "The relay's pool learns of it: a BAD key is isolated, a GOOD one that was isolated comes "
    "back.\nDisabled keys are left out. Without a relay or a region one that is ready is chosen; a "
    "key may\nbehave differently from another relay's address: --all-relays asks each of them.\n"
    "Exit status: 0 where every key is GOOD, else 1. --output json: one object a line. Ctrl-C ends "
    "the\ntests.\n\nExamples:\n  culvert key verify openai-pool\n"
    "  culvert key verify --upstream anthropic --all-relays\n"
    "  culvert key verify --key 3f9a0c --relay eu-1\n"
    "  culvert key verify --upstream openai --key-file new-keys.txt\n"
    "  pass show openai | culvert key verify --upstream openai --key-file -";

}  // namespace

void add_key_verify_verb(CLI::App* group, Program* program) {
  CLI::App* verb = add_verb(group, "verify", "Let relays test keys at their upstream", kDetails);
  auto flags = std::make_shared<VerifyFlags>();
  verb->add_option("pool", flags->pool, "only keys of this one; else of all")->type_name("POOL");
  verb->add_option("--upstream", flags->upstream, "only of pools of this one; or for --key-file")
      ->type_name("UPSTREAM");
  CLI::Option* key = verb->add_option("--key", flags->key,
                                      "only this one: its ID, 4 or more digits of it, or its "
                                      "masked form");
  key->type_name("KEY_ID");
  verb->add_option("--key-file", flags->key_file,
                   "keys of no pool, one a line or with commas between; - for standard input. "
                   "They are kept nowhere")
      ->type_name("FILE")
      ->excludes(key);
  CLI::Option* relay = verb->add_option("--relay", flags->relay, "tested by this one");
  relay->type_name("RELAY");
  verb->add_option("--region", flags->region, "tested by one of this region")
      ->type_name("REGION")
      ->excludes(relay);
  verb->add_flag("--all-relays", flags->all_relays, "tested by each that can, not by one")
      ->excludes(relay);
  verb->callback([=] { program->verb = [=] { return verify(program, *flags); }; });
}

}  // namespace culvert::cli
