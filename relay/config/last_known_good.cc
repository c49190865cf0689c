// The format, and which of two files is next.
#include "relay/config/last_known_good.h"

#include "relay/base/limits.h"
#include "relay/base/log.h"
#include "relay/config/durable_file.h"
#include "relay/config/file.h"
#include "relay/crypto/digest.h"
#include "relay/crypto/seal.h"

#include <sys/stat.h>

#include <utility>

namespace culvert {
namespace {

constexpr std::string_view kMagic = "culvLKG1";
constexpr size_t kNumber = 8;
constexpr size_t kDigest = 32;
constexpr size_t kHead = 8 + kNumber + kNumber + kDigest;
static_assert(kMagic.size() == 8);

std::string number(uint64_t value) {
  std::string out(kNumber, '\0');
  for (size_t i = 0; i < kNumber; ++i) out[kNumber - 1 - i] = static_cast<char>(value >> (8 * i));
  return out;
}

uint64_t number(std::string_view bytes) {
  uint64_t value = 0;
  for (const char byte : bytes.substr(0, kNumber)) {
    value = value << 8 | static_cast<unsigned char>(byte);
  }
  return value;
}

std::string digest_of(std::string_view bytes) {
  const Digest digest = sha256(bytes);
  return {digest.begin(), digest.end()};
}

Error unusable(std::string detail) {
  return Error::ours(Code::kSystem, Stage::kNone, std::move(detail));
}

}  // namespace

std::string write_slot(const KeptSlot& slot, const Secret& key) {
  const std::string bound = std::string(kMagic) + number(slot.sequence);
  const std::string sealed = seal(key, slot.plain, bound);
  return bound + number(sealed.size()) + digest_of(sealed) + sealed;
}

Result<KeptSlot> read_slot(std::string_view bytes, const Secret& key) {
  if (bytes.size() < kHead) return unusable("it is cut short");
  if (!bytes.starts_with(kMagic)) return unusable("it is of another kind or version");
  const std::string_view bound = bytes.substr(0, kMagic.size() + kNumber);
  const std::string_view sealed = bytes.substr(kHead);
  if (number(bytes.substr(bound.size())) != sealed.size()) return unusable("it is cut short");
  if (bytes.substr(bound.size() + kNumber, kDigest) != digest_of(sealed)) {
    return unusable("it is damaged: the checksum does not fit");
  }
  if (sealed.size() < kSealOverhead) return unusable("it is cut short");
  auto plain = unseal(key, sealed, bound);
  if (!plain) return unusable("it was sealed by another relay, or before this one joined again");
  return KeptSlot{number(bytes.substr(kMagic.size())), std::move(plain).value()};
}

LastKnownGood::LastKnownGood(std::string folder, Secret key)
    : folder_(std::move(folder)), key_(std::move(key)) {}

std::string LastKnownGood::path_of(uint64_t sequence) const {
  return folder_ + (sequence % 2 == 0 ? "/config.a" : "/config.b");
}

std::optional<std::string> LastKnownGood::load() {
  std::optional<KeptSlot> newest;
  for (const uint64_t which : {0U, 1U}) {
    const std::string path = path_of(which);
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) continue;
    auto file = read_file(path, limits::kKeptBytes);
    auto slot = file ? read_slot(file->text, key_) : Result<KeptSlot>(std::move(file).error());
    if (slot && slot->sequence % 2 != which) slot = unusable("it has the other slot's place");
    if (!slot) {
      log::warn("a kept configuration cannot be used",
                {{"file", path}, {"error", slot.error().detail}});
      continue;
    }
    if (!newest || slot->sequence > newest->sequence) newest = std::move(slot).value();
  }
  if (!newest) return std::nullopt;
  sequence_ = newest->sequence;
  return std::move(newest->plain);
}

Result<void> LastKnownGood::save(std::string_view plain) {
  CULVERT_CHECK(make_private_folder(folder_));
  const uint64_t next = sequence_ + 1;
  CULVERT_CHECK(write_durably(path_of(next), write_slot({next, std::string(plain)}, key_)));
  sequence_ = next;
  return {};
}

}  // namespace culvert
