// The check's outcome in words; see tls_start.h.
#include "relay/channel/tls_start.h"

#include "relay/channel/tls_memory.h"
#include "relay/crypto/start.h"

#include <string>

#ifdef CULVERT_TLS_LIBCRYPTO
#include "relay/channel/libcrypto/check.h"
#endif

namespace culvert {
namespace {

#ifdef CULVERT_TLS_LIBCRYPTO
std::string broken() {
  const auto hook = libcrypto::broken_hook();
  if (!hook) return {};
  return std::string(hook->name) +
         (hook->reached ? ": libcrypto does not give the right answer; OPENSSL_CONF may have taken "
                          "the algorithm away"
                        : ": mbedTLS does not ask libcrypto, as it was built to do");
}
#else
std::string broken() { return {}; }
#endif

}  // namespace

Result<void> start_tls() {
  [[maybe_unused]] static const bool paged = page_tls_buffers();
  CULVERT_CHECK(start_crypto());
  static const std::string reason = broken();
  if (reason.empty()) return {};
  return Error::ours(Code::kInternal, Stage::kTls, "TLS did not start: " + reason);
}

}  // namespace culvert
