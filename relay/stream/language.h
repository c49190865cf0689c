// In which language a text is written, as far as it matters for asking a model to go on with it.
#pragma once

#include <cstdint>
#include <string_view>

namespace culvert {

enum class Language : uint8_t {
  kEnglish,  // and whatever is none of the others
  kChinese,
  kJapanese,
  kKorean,
  kSpanish,
  kFrench,
  kGerman,
  kPortuguese,
  kRussian,
  kArabic,
};

// By script; kana makes it Japanese before ideographs make it Chinese. What is written in Latin
// letters is told by its small words. Of a long text the end counts.
Language language_of(std::string_view text);

std::string_view to_string(Language language);  // ISO 639-1: "zh"

// The built-in request to continue an answer that broke off, in that language.
std::string_view continuation_prompt(Language language);

}  // namespace culvert
