// Words into values.
#include "control/cli/arguments.h"

#include "proto/scalars.h"

namespace culvert::cli {

Result<Duration> span_argument(const std::string& flag, const std::string& text) {
  const auto span = parse_span(text);
  if (span) return *span;
  return bad_usage(flag + ": " + in_quotes(text) + " is none; needed is " +
                   std::string(kSpanWords));
}

Result<void> read_labels(const std::vector<std::string>& words,
                         google::protobuf::Map<std::string, std::string>* labels) {
  for (const std::string& word : words) {
    const size_t sign = word.find('=');
    if (sign == std::string::npos || sign == 0) {
      return bad_usage("--label: " + in_quotes(word) + " is none; needed is NAME=VALUE");
    }
    (*labels)[word.substr(0, sign)] = word.substr(sign + 1);
  }
  return {};
}

}  // namespace culvert::cli
