// Digests compared without an early end, and a rolling hash that says where to compare.
#include "relay/gate/tokens.h"

#include "relay/base/base64.h"
#include "relay/base/limits.h"
#include "relay/base/random.h"
#include "relay/base/text.h"
#include "relay/base/url.h"

#include <algorithm>
#include <string>

namespace culvert {
namespace {

constexpr std::string_view kIssuedStart = "cvt_";
constexpr size_t kIssuedRest = 43;  // of base 62: 256 bits
constexpr size_t kIssuedMost = limits::kTokenBytesMost;

bool is_base62(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

constexpr uint64_t kModulus = (uint64_t{1} << 61) - 1;

std::string_view bytes_of(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

uint64_t multiplied(uint64_t a, uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  const uint64_t sum =
      (static_cast<uint64_t>(product) & kModulus) + static_cast<uint64_t>(product >> 61);
  return sum >= kModulus ? sum - kModulus : sum;
}

uint64_t byte_at(std::string_view text, size_t index) {
  return static_cast<unsigned char>(text[index]) + uint64_t{1};
}

}  // namespace

Tokens::Tokens(const std::vector<Secret>& tokens,
               const std::vector<IssuedToken>& issued,
               const Clock& clock)
    : base_(256 + Random::system().below(kModulus - 512)), clock_(&clock), issued_(issued) {
  std::sort(issued_.begin(), issued_.end(),
            [](const auto& a, const auto& b) { return a.sha256 < b.sha256; });
  for (const Secret& token : tokens) {
    if (token.empty()) continue;
    const std::string_view text = token.reveal();
    digests_.push_back(sha256(text));
    OfLength& known = by_length_[text.size()];
    if (known.marks.empty()) {
      for (size_t i = 1; i < text.size(); ++i) known.leaving = multiplied(known.leaving, base_);
    }
    known.marks.push_back(mark(text));
  }
}

Tokens::Found Tokens::find(std::string_view text) const {
  const bool has_form = may_be_issued(text);
  // What no token is as long as is not hashed.
  if (!has_form && by_length_.count(text.size()) == 0) return {};
  const Digest asked = sha256(text);
  unsigned configured = 0;
  for (const Digest& digest : digests_) {
    configured |= equal_in_constant_time(bytes_of(digest), bytes_of(asked)) ? 1U : 0U;
  }
  Found found;
  found.valid = configured != 0;
  if (has_form) found.issued = issued(asked);
  if (found.valid || found.issued == nullptr) return found;
  found.expired = found.issued->expires && clock_->wall() >= *found.issued->expires;
  found.valid = !found.expired;
  return found;
}

bool Tokens::may_be_issued(std::string_view text) const {
  return !issued_.empty() && text.size() <= kIssuedMost && text.starts_with(kIssuedStart);
}

const IssuedToken* Tokens::issued(const Digest& asked) const {
  const auto found = std::lower_bound(
      issued_.begin(), issued_.end(), asked,
      [](const IssuedToken& token, const Digest& digest) { return token.sha256 < digest; });
  return found != issued_.end() && found->sha256 == asked ? &*found : nullptr;
}

// Two digests for each beginning, and beginnings do not overlap what is hashed: `_` ends a run.
bool Tokens::contains_issued(std::string_view text) const {
  if (issued_.empty()) return false;
  for (size_t at = text.find(kIssuedStart); at != std::string_view::npos;
       at = text.find(kIssuedStart, at + 1)) {
    const std::string_view rest = text.substr(at + kIssuedStart.size());
    const auto other = std::find_if_not(rest.begin(), rest.end(), is_base62);
    const size_t run = static_cast<size_t>(other - rest.begin());
    for (const size_t length : {std::min(run, kIssuedRest), run}) {
      const std::string_view part = text.substr(at, kIssuedStart.size() + length);
      if (may_be_issued(part) && issued(sha256(part)) != nullptr) return true;
    }
  }
  return false;
}

bool Tokens::mentions_token(std::string_view value) const {
  if (empty()) return false;
  if (contains_token(value)) return true;
  if (value.find('%') != std::string_view::npos && contains_token(percent_decode(value))) {
    return true;
  }
  static constexpr std::string_view kBasic = "basic ";
  if (!starts_with_ignoring_case(value, kBasic)) return false;
  const auto credentials = base64_decode(trim(value.substr(kBasic.size())));
  return credentials && contains_token(*credentials);
}

bool Tokens::contains_token(std::string_view text) const {
  if (contains_issued(text)) return true;
  for (const auto& [length, known] : by_length_) {
    if (text.size() < length) continue;
    uint64_t rolled = mark(text.substr(0, length));
    for (size_t begin = 0;; ++begin) {
      const bool marked =
          std::find(known.marks.begin(), known.marks.end(), rolled) != known.marks.end();
      if (marked && is_token(text.substr(begin, length))) return true;
      if (begin + length == text.size()) break;
      const uint64_t left = multiplied(byte_at(text, begin), known.leaving);
      rolled = multiplied(rolled + kModulus - left, base_) + byte_at(text, begin + length);
      if (rolled >= kModulus) rolled -= kModulus;
    }
  }
  return false;
}

uint64_t Tokens::mark(std::string_view text) const {
  uint64_t made = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    made = multiplied(made, base_) + byte_at(text, i);
    if (made >= kModulus) made -= kModulus;
  }
  return made;
}

}  // namespace culvert
