// Which addresses belong to the public internet, after the IANA special-purpose address registries
// as of 2025. A table, so that a reader can lay it beside the registries.
#include "relay/base/address.h"

#include <algorithm>

namespace culvert {
namespace {

// The first `bits` bits of the address are those of `bytes`. IPv4 in the first four.
struct Block {
  std::array<uint8_t, 16> bytes;
  int bits;
};

bool within(const Address& address, const Block& block) {
  const auto kept = address.truncated(block.bits);
  return std::equal(block.bytes.begin(), block.bytes.end(), kept.bytes().begin());
}

template <size_t N>
bool within_any(const Address& address, const Block (&blocks)[N]) {
  return std::any_of(std::begin(blocks), std::end(blocks),
                     [&](const Block& block) { return within(address, block); });
}

constexpr Block kSpecialV4[] = {
    {{0}, 8},                  // this network (RFC 791)
    {{10}, 8},                 // private (RFC 1918)
    {{100, 64}, 10},           // shared (RFC 6598); Alibaba's metadata is 100.100.100.200
    {{127}, 8},                // loopback (RFC 1122)
    {{168, 63, 129, 16}, 32},  // Azure's WireServer: public by number, metadata by what it serves
    {{169, 254}, 16},          // link-local (RFC 3927); metadata of most clouds
    {{172, 16}, 12},           // private
    {{192, 0, 0}, 24},         // IETF protocol assignments (RFC 6890)
    {{192, 0, 2}, 24},         // documentation (RFC 5737)
    {{192, 88, 99}, 24},       // 6to4 relay anycast, deprecated (RFC 7526)
    {{192, 168}, 16},          // private
    {{198, 18}, 15},           // benchmarking (RFC 2544)
    {{198, 51, 100}, 24},      // documentation
    {{203, 0, 113}, 24},       // documentation
    {{224}, 4},                // multicast (RFC 5771)
    {{240}, 4},                // reserved (RFC 1112), with the limited broadcast
};

constexpr Block kReachableV4[] = {
    {{192, 0, 0, 9}, 32},   // Port Control Protocol anycast (RFC 7723)
    {{192, 0, 0, 10}, 32},  // TURN anycast (RFC 8155)
};

constexpr Block kGlobalUnicast = {{0x20}, 3};             // all that is allocated (RFC 4291 §2.4)
constexpr Block kNat64 = {{0x00, 0x64, 0xFF, 0x9B}, 96};  // RFC 6052
constexpr Block kTeredo = {{0x20, 0x01}, 32};             // RFC 4380
constexpr Block kSixToFour = {{0x20, 0x02}, 16};          // RFC 3056

constexpr Block kSpecialV6[] = {
    {{0x20, 0x01}, 23},              // IETF protocol assignments (RFC 2928), Teredo apart
    {{0x20, 0x01, 0x0D, 0xB8}, 32},  // documentation (RFC 3849)
    {{0x3F, 0xFF}, 20},              // documentation (RFC 9637)
};

constexpr Block kReachableV6[] = {
    {{0x20, 0x01, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128},  // Port Control Protocol
    {{0x20, 0x01, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}, 128},  // TURN
    {{0x20, 0x01, 0, 3}, 32},                                       // AMT (RFC 7450)
    {{0x20, 0x01, 0, 4, 0x01, 0x12}, 48},                           // AS112 (RFC 7535)
};

Address v4_at(const Address& wrapper, size_t offset, uint8_t flip) {
  std::array<uint8_t, 4> four{};
  for (size_t i = 0; i < four.size(); ++i) {
    four[i] = static_cast<uint8_t>(wrapper.bytes()[offset + i] ^ flip);
  }
  return Address::v4(four);
}

bool is_public_v4(const Address& address) {
  return !within_any(address, kSpecialV4) || within_any(address, kReachableV4);
}

}  // namespace

bool is_public(const Address& address) {
  if (address.is_v4()) return is_public_v4(address);
  // What wraps an IPv4 address goes where that address goes.
  if (within(address, kNat64)) return is_public_v4(v4_at(address, 12, 0));
  if (within(address, kSixToFour)) return is_public_v4(v4_at(address, 2, 0));
  if (within(address, kTeredo)) {  // the server's address, and the client's with its bits inverted
    return is_public_v4(v4_at(address, 4, 0)) && is_public_v4(v4_at(address, 12, 0xFF));
  }
  if (within_any(address, kReachableV6)) return true;
  return within(address, kGlobalUnicast) && !within_any(address, kSpecialV6);
}

}  // namespace culvert
