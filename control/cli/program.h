// What every verb is given: who is asked, how answers are printed, and the flags that all of them
// take. Built by main, which runs the verb that the arguments chose. Main thread.
#pragma once

#include "control/cli/access.h"
#include "control/cli/environment.h"
#include "control/cli/session.h"
#include "control/cli/table.h"
#include "control/cli/terminal.h"
#include "control/cli/value.h"
#include "relay/base/clock.h"
#include "relay/base/result.h"

#include <functional>
#include <memory>
#include <string>

namespace culvert::cli {

enum class Format { kTable, kJson, kYaml };

inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;
inline constexpr int kBadUsage = 2;

Error bad_usage(std::string detail);

struct Program {
  Program(const Environment& variables, const Terminal& where, const Clock& time)
      : environment(variables), terminal(where), clock(time) {}

  const Environment& environment;
  const Terminal& terminal;
  const Clock& clock;

  // --- Flags of every verb
  AccessFlags access;
  std::string timeout = "10s";
  std::string output = "table";

  // Set by the callback of the chosen verb; gives the exit status.
  std::function<Result<int>()> verb;
  int failed = kFailed;  // exit status of errors; diff has another

  // The conversation, opened at its first use.
  Result<Session*> session();

  Format format() const;
  // As JSON or YAML where that is asked for; else what `table` gives.
  void print(const google::protobuf::Message& message, const std::function<std::string()>& table);
  void print(const Value& value, const std::function<std::string()>& table);
  // The same for one of several messages: JSON on one line, YAML with `---`.
  void print_one(const google::protobuf::Message& message,
                 const std::function<std::string()>& table);
  // What stands between two of them: JSON lines and YAML documents need nothing.
  std::string between_pages() const { return format() == Format::kTable ? "\n" : ""; }
  bool colours() const { return terminal.colours(); }

 private:
  std::unique_ptr<Session> session_;
};

}  // namespace culvert::cli
