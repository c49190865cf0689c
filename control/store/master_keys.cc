// Lines of `ID KEY`, both hexadecimal; the first is the current one.
#include "control/store/master_keys.h"

#include "control/store/files.h"
#include "relay/base/text.h"
#include "relay/crypto/digest.h"
#include "relay/crypto/seal.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace culvert::control {
namespace {

constexpr std::string_view kHead =
    "# Master keys of a culvert-control: the first one seals, all of them open. Without this file\n"
    "# the store and its backups cannot be read: keep a copy of it, apart from the backups.\n";

Error invalid(const std::string& path, std::string_view what) {
  return Error::ours(Code::kInvalidConfig, Stage::kNone, fmt::format("{}: {}", path, what));
}

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::optional<std::string> from_hexadecimal(std::string_view text) {
  std::string bytes;
  if (text.size() % 2 != 0) return std::nullopt;
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = digit(text[i]);
    const int low = digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

}  // namespace

std::string hexadecimal(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

MasterKeys::Key MasterKeys::key_of(Secret key) {
  const Digest digest = sha256(key.reveal());
  return {std::string(reinterpret_cast<const char*>(digest.data()), kIdBytes), std::move(key)};
}

MasterKeys MasterKeys::make() {
  MasterKeys keys;
  keys.rotate();
  return keys;
}

void MasterKeys::rotate() { keys_.insert(keys_.begin(), key_of(make_seal_key())); }
void MasterKeys::forget_old() { keys_.resize(1); }

Result<MasterKeys> MasterKeys::load(const std::string& path) {
  FileText file = CULVERT_TRY(read_file(path));
  if ((file.mode & 077) != 0) {
    return invalid(path, fmt::format("others than its owner may use the file (mode {:04o}); needed "
                                     "is 0600: chmod 600, and rotate-key if it was read",
                                     file.mode));
  }
  MasterKeys keys;
  for (const std::string_view line : split_list(file.text, '\n')) {
    if (line.front() == '#') continue;
    const size_t space = line.find(' ');
    auto bytes =
        space == std::string_view::npos ? std::nullopt : from_hexadecimal(line.substr(space + 1));
    if (!bytes || bytes->size() != kSealKeyBytes) return invalid(path, "no file of master keys");
    Key key = key_of(Secret(*bytes));
    wipe(bytes->data(), bytes->size());
    if (hexadecimal(key.id) != line.substr(0, space)) {
      return invalid(path, "damaged: a key does not have the id beside it");
    }
    keys.keys_.push_back(std::move(key));
  }
  wipe(file.text.data(), file.text.size());
  if (keys.keys_.empty()) return invalid(path, "no master key in it");
  return keys;
}

Result<void> MasterKeys::save(const std::string& path) const {
  std::string text(kHead);
  for (const Key& key : keys_) {
    text += hexadecimal(key.id) + " " + hexadecimal(key.key.reveal()) + "\n";
  }
  auto saved = replace_file(path, text, 0600);
  wipe(text.data(), text.size());
  return saved;
}

const MasterKeys::Key* MasterKeys::find(std::string_view id) const {
  const auto found =
      std::find_if(keys_.begin(), keys_.end(), [&](const Key& key) { return key.id == id; });
  return found == keys_.end() ? nullptr : &*found;
}

std::string MasterKeys::ids() const {
  std::string text;
  for (const Key& key : keys_) text += (text.empty() ? "" : ", ") + hexadecimal(key.id);
  return text;
}

}  // namespace culvert::control
