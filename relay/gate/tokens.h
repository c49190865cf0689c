// The relay's own tokens, held as digests: what is compared is never the text that a client sent,
// so that neither the time of a comparison nor a dump of this object tells a token.
#pragma once

#include "relay/base/secret.h"
#include "relay/channel/digest.h"

#include <string_view>
#include <vector>

namespace culvert {

class Tokens {
 public:
  explicit Tokens(const std::vector<Secret>& tokens);

  // Compared with every token, whichever is right: its time depends on the text's length only.
  bool is_token(std::string_view text) const;
  // A token is among the words of a header's value ("Bearer TOKEN", "a=TOKEN; b"): such a value
  // must not leave the relay.
  bool mentions_token(std::string_view value) const;
  bool empty() const { return digests_.empty(); }

 private:
  std::vector<Digest> digests_;
};

}  // namespace culvert
