// Known answers of RFC 4648 §10, and what is none.
#include "relay/base/base64.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

TEST(Base64, KnownAnswers) {
  const std::pair<const char*, const char*> cases[] = {
      {"", ""},
      {"Zg==", "f"},
      {"Zm8=", "fo"},
      {"Zm9v", "foo"},
      {"Zg", "f"},
      {"Zm9vYg==", "foob"},
      {"Zm9vYmE=", "fooba"},
      {"Zm9vYmFy", "foobar"},
      {"+/+/", "\xFB\xFF\xBF"},
  };
  for (const auto& [text, bytes] : cases) EXPECT_EQ(base64_decode(text), bytes) << text;
}

TEST(Base64, EncodesWhatItDecodes) {
  const std::pair<const char*, const char*> cases[] = {
      {"", ""},        {"f", "Zg=="},        {"fo", "Zm8="},
      {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"\xFB\xFF\xBF", "+/+/"}};
  for (const auto& [bytes, text] : cases) EXPECT_EQ(base64_encode(bytes), text) << text;
  std::string all;
  for (int byte = 0; byte < 256; ++byte) {
    all += static_cast<char>(byte);
    EXPECT_EQ(base64_decode(base64_encode(all)), all);
  }
}

TEST(Base64, OtherBytesAreAnError) {
  for (const char* text : {"Zg==Zg", "Z g", "-_", "Zm9v\n"}) EXPECT_FALSE(base64_decode(text));
}

}  // namespace
}  // namespace culvert
