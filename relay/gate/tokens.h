// The relay's own tokens, held as digests: what is compared is never the text that a client sent,
// so that neither the time of a comparison nor a dump of this object tells a token.
#pragma once

#include "relay/base/secret.h"
#include "relay/crypto/digest.h"

#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

namespace culvert {

class Tokens {
 public:
  explicit Tokens(const std::vector<Secret>& tokens);

  // Compared with every token, whichever is right: its time depends on the text's length only.
  bool is_token(std::string_view text) const;
  // A token stands somewhere in a header's value, among whatever else, also percent-encoded or in
  // the base64 of Basic credentials: such a value must not leave the relay. Linear in the value for
  // each length that tokens have, because strangers send values of 64 KiB.
  bool mentions_token(std::string_view value) const;
  bool empty() const { return digests_.empty(); }

 private:
  bool contains_token(std::string_view text) const;
  // Polynomial in a base that nobody outside knows, modulo 2^61 - 1 (Rabin and Karp): it can be
  // rolled along a text. What it finds is_token() confirms.
  struct OfLength {
    uint64_t leaving = 1;  // weight of the first byte
    std::vector<uint64_t> marks;
  };
  uint64_t mark(std::string_view text) const;

  std::vector<Digest> digests_;
  uint64_t base_ = 0;
  std::map<size_t, OfLength> by_length_;
};

}  // namespace culvert
