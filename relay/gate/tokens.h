// The relay's own tokens, held as digests: what is compared is never the text that a client sent,
// so that neither the time of a comparison nor a dump of this object tells a token. Those of the
// configuration have any form; those that the control service issued begin with `cvt_`, and only
// their digest ever reaches a relay.
#pragma once

#include "relay/base/clock.h"
#include "relay/base/secret.h"
#include "relay/config/snapshot.h"
#include "relay/crypto/digest.h"

#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

namespace culvert {

class Tokens {
 public:
  // The clock, which outlives it, says what has expired.
  explicit Tokens(const std::vector<Secret>& tokens,
                  const std::vector<IssuedToken>& issued = {},
                  const Clock& clock = Clock::system());

  struct Found {
    bool valid = false;
    bool expired = false;  // it is none any more, and must not be taken for a key
    const IssuedToken* issued = nullptr;  // who it was issued to; null: the configuration's own
  };
  // Compared with every token of the configuration, whichever is right, and looked up by its digest
  // among the issued ones, which tells nothing of a token.
  Found find(std::string_view text) const;
  bool is_token(std::string_view text) const { return find(text).valid; }
  // A token stands somewhere in a header's value, among whatever else, also percent-encoded or in
  // the base64 of Basic credentials: such a value must not leave the relay. Linear in the value for
  // each length that tokens have, because strangers send values of 64 KiB. An issued token is
  // found by its beginning and then by the digest of what follows it: the 43 letters and digits
  // that the service makes, or all up to the next other character. Expired ones count.
  bool mentions_token(std::string_view value) const;
  bool empty() const { return digests_.empty() && issued_.empty(); }

 private:
  bool contains_token(std::string_view text) const;
  // Polynomial in a base that nobody outside knows, modulo 2^61 - 1 (Rabin and Karp): it can be
  // rolled along a text. What it finds is_token() confirms.
  struct OfLength {
    uint64_t leaving = 1;  // weight of the first byte
    std::vector<uint64_t> marks;
  };
  uint64_t mark(std::string_view text) const;
  bool may_be_issued(std::string_view text) const;
  const IssuedToken* issued(const Digest& digest) const;
  bool contains_issued(std::string_view text) const;

  std::vector<Digest> digests_;
  uint64_t base_ = 0;
  std::map<size_t, OfLength> by_length_;  // of the configuration's: how long they are is no secret
  const Clock* clock_;
  std::vector<IssuedToken> issued_;  // in the order of their digests
};

}  // namespace culvert
