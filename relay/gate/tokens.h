// The relay's tokens, held as SHA-256 digests. Every token is compared in constant time and all are
// compared, so that neither their number of matching bytes nor their order shows in the time.
#pragma once

#include "relay/base/secret.h"
#include "relay/channel/digest.h"

#include <string_view>
#include <vector>

namespace culvert {

class Tokens {
 public:
  explicit Tokens(const std::vector<Secret>& tokens);

  bool is_token(std::string_view text) const;
  bool empty() const { return digests_.empty(); }
  // A token stands somewhere in the text: such a value goes nowhere. Words are what is between
  // spaces, commas, semicolons, quotes and equals signs.
  bool mentions_token(std::string_view text) const;

 private:
  std::vector<Digest> digests_;
};

}  // namespace culvert
