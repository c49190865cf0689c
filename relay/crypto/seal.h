// Authenticated encryption for what rests on a disk: AES-256-GCM (NIST SP 800-38D). The relay's
// last-known-good cache and the control service's store use it. Safe on any thread; blocking.
#pragma once

#include "relay/base/result.h"
#include "relay/base/secret.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace culvert {

inline constexpr size_t kSealKeyBytes = 32;
inline constexpr size_t kSealOverhead = 28;  // nonce and tag

// 32 bytes of the kernel's randomness.
Secret make_seal_key();

// nonce (12, random) | ciphertext | tag (16). `bound_to` is authenticated and not stored: what is
// sealed for one place cannot be opened in another. `key` has 32 bytes. One key seals at most 2^32
// texts.
std::string seal(const Secret& key, std::string_view plain, std::string_view bound_to);

// Error (kInternal, without any of the text): another key, another place, or changed bytes.
Result<std::string> unseal(const Secret& key, std::string_view sealed, std::string_view bound_to);

}  // namespace culvert
