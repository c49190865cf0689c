// Whether mbedTLS computes with libcrypto, and rightly: asked once at start (tls_start.h), because
// a hook that a new mbedTLS or another configuration drops would only make everything slow, and an
// algorithm that OPENSSL_CONF or a provider takes away would fail record by record.
#pragma once

#include <optional>

namespace culvert::libcrypto {

struct BrokenHook {
  const char* name;
  bool reached;  // libcrypto was asked and failed, or answered wrongly; else mbedTLS did it itself
};

// The first hook that is not as it should be, called through mbedTLS's own interface. After
// psa_crypto_init(), on any thread; takes some milliseconds.
std::optional<BrokenHook> broken_hook();

}  // namespace culvert::libcrypto
