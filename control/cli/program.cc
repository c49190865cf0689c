// The formats and the one session.
#include "control/cli/program.h"

#include "control/cli/times.h"

namespace culvert::cli {

Error bad_usage(std::string detail) {
  return Error::client(Code::kBadRequest, Stage::kNone, std::move(detail));
}

Result<Session*> Program::session() {
  if (session_ == nullptr) {
    Access found = CULVERT_TRY(find_access(access, environment));
    const auto limit = parse_span(timeout);
    if (!limit) return bad_usage("--timeout: needed is " + std::string(kSpanWords));
    found.timeout = *limit;
    session_ = std::make_unique<Session>(std::move(found), terminal);
  }
  return session_.get();
}

Format Program::format() const {
  return output == "json" ? Format::kJson : output == "yaml" ? Format::kYaml : Format::kTable;
}

void Program::print(const google::protobuf::Message& message,
                    const std::function<std::string()>& table) {
  if (format() == Format::kTable) return terminal.out(table());
  print(value_of(message), table);
}

void Program::print(const Value& value, const std::function<std::string()>& table) {
  switch (format()) {
    case Format::kTable:
      return terminal.out(table());
    case Format::kJson:
      return terminal.out(to_json(value));
    case Format::kYaml:
      return terminal.out(to_yaml_text(value));
  }
}

void Program::print_one(const google::protobuf::Message& message,
                        const std::function<std::string()>& table) {
  switch (format()) {
    case Format::kTable:
      return terminal.out(table());
    case Format::kJson:
      return terminal.out(to_json_line(value_of(message)));
    case Format::kYaml:
      return terminal.out("---\n" + to_yaml_text(value_of(message)));
  }
}

}  // namespace culvert::cli
