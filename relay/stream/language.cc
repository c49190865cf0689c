// See language.h.
#include "relay/stream/language.h"

#include "relay/codec/utf8.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace culvert {
namespace {

constexpr size_t kLooked = 4000;  // code points of the end

struct Scripts {
  size_t latin = 0, han = 0, kana = 0, hangul = 0, cyrillic = 0, arabic = 0;
};

bool within(uint32_t point, uint32_t first, uint32_t last) {
  return point >= first && point <= last;
}

// How much a character weighs: an ideograph stands for a word, a letter for a fifth of one.
void count(uint32_t point, Scripts* scripts) {
  if (within(point, 'A', 'Z') || within(point, 'a', 'z') || within(point, 0xC0, 0x24F)) {
    scripts->latin += 1;
  } else if (within(point, 0x3041, 0x30FF) || within(point, 0xFF66, 0xFF9F)) {
    scripts->kana += 2;
  } else if (within(point, 0x4E00, 0x9FFF) || within(point, 0x3400, 0x4DBF) ||
             within(point, 0x20000, 0x2FA1F)) {
    scripts->han += 3;
  } else if (within(point, 0xAC00, 0xD7A3) || within(point, 0x1100, 0x11FF)) {
    scripts->hangul += 2;
  } else if (within(point, 0x0400, 0x052F)) {
    scripts->cyrillic += 1;
  } else if (within(point, 0x0600, 0x06FF) || within(point, 0xFB50, 0xFEFC)) {
    scripts->arabic += 1;
  }
}

struct SmallWords {
  Language language;
  std::array<std::string_view, 18> words;
};

// The most frequent words of each that the others lack, or have less often.
constexpr SmallWords kSmallWords[] = {
    {Language::kEnglish,
     {"the", "and", "of", "to", "is", "that", "it", "for", "with", "this", "are", "was", "be",
      "not", "you", "have", "which", "from"}},
    {Language::kSpanish,
     {"el", "los", "las", "y", "del", "una", "un", "por", "con", "más", "pero", "como", "está",
      "es", "para", "lo", "su", "al"}},
    {Language::kFrench,
     {"le", "les", "et", "des", "une", "du", "est", "dans", "pour", "qui", "pas", "sur", "avec",
      "ce", "il", "au", "être", "vous"}},
    {Language::kGerman,
     {"der", "die", "und", "das", "ist", "nicht", "ein", "eine", "den", "mit", "zu", "von", "auf",
      "für", "sich", "auch", "wird", "dem"}},
    {Language::kPortuguese,
     {"o", "os", "as", "um", "uma", "não", "do", "da", "dos", "das", "em", "no", "na", "mais",
      "são", "você", "com", "ao"}},
};

// Letters that one of them alone has.
Language by_letter(uint32_t point) {
  switch (point) {
    case 0xF1:  // ñ
    case 0xBF:  // ¿
    case 0xA1:  // ¡
      return Language::kSpanish;
    case 0xE3:  // ã
    case 0xF5:  // õ
      return Language::kPortuguese;
    case 0xDF:  // ß
    case 0xE4:  // ä
    case 0xFC:  // ü
      return Language::kGerman;
    case 0xE8:   // è
    case 0xEB:   // ë
    case 0xEE:   // î
    case 0xF9:   // ù
    case 0x153:  // œ
      return Language::kFrench;
    default:
      return Language::kEnglish;
  }
}

bool is_letter(uint32_t point) {
  return within(point, 'a', 'z') || (point >= 0xC0 && point <= 0x24F);
}

Language latin_language(std::string_view text) {
  std::array<size_t, 10> score{};
  std::string word;
  const auto end_word = [&] {
    for (const SmallWords& of : kSmallWords) {
      const bool known = std::find(of.words.begin(), of.words.end(), word) != of.words.end();
      if (known) score[static_cast<size_t>(of.language)] += 2;
    }
    word.clear();
  };
  while (!text.empty()) {
    CodePoint point = first_point(text);
    text.remove_prefix(point.size);
    if (within(point.value, 'A', 'Z')) point.value += 32;
    if (within(point.value, 0xC0, 0xDE) && point.value != 0xD7) point.value += 32;
    if (const auto of = by_letter(point.value); of != Language::kEnglish) {
      score[static_cast<size_t>(of)] += 1;
    }
    if (is_letter(point.value)) {
      append_utf8(point.value, &word);
    } else {
      end_word();
    }
  }
  end_word();
  const auto best = std::max_element(score.begin(), score.end());
  return static_cast<Language>(best - score.begin());
}

}  // namespace

Language language_of(std::string_view text) {
  text = last_points(text, kLooked);
  Scripts scripts;
  for (std::string_view rest = text; !rest.empty();) {
    const CodePoint point = first_point(rest);
    rest.remove_prefix(point.size);
    count(point.value, &scripts);
  }
  const size_t cjk = scripts.han + scripts.kana;
  const size_t most =
      std::max({scripts.latin, cjk, scripts.hangul, scripts.cyrillic, scripts.arabic});
  if (most == 0) return Language::kEnglish;
  if (most == cjk) {
    return scripts.kana * 20 >= cjk ? Language::kJapanese : Language::kChinese;
  }
  if (most == scripts.hangul) return Language::kKorean;
  if (most == scripts.cyrillic) return Language::kRussian;
  if (most == scripts.arabic) return Language::kArabic;
  return latin_language(text);
}

std::string_view to_string(Language language) {
  constexpr std::array<std::string_view, 10> kCodes = {"en", "zh", "ja", "ko", "es",
                                                       "fr", "de", "pt", "ru", "ar"};
  return kCodes[static_cast<size_t>(language)];
}

std::string_view continuation_prompt(Language language) {
  switch (language) {
    case Language::kEnglish:
      break;
    case Language::kChinese:
      return "你的回答在传输中断开了。请从断开的那个字之后直接接着写下去，不要重复已经写出的内容，"
             "不要加任何开场白或说明。";
    case Language::kJapanese:
      return "回答が途中で途切れました。途切れた箇所の直後の文字からそのまま続きを書いてください。"
             "すでに書いた部分の繰り返しや前置きは不要です。";
    case Language::kKorean:
      return "답변이 도중에 끊겼습니다. 끊긴 지점 바로 다음 글자부터 그대로 이어서 쓰세요. 이미 쓴 "
             "내용을 반복하거나 머리말을 붙이지 마세요.";
    case Language::kSpanish:
      return "Tu respuesta se cortó. Continúa exactamente desde el carácter siguiente al corte, "
             "sin "
             "repetir nada de lo ya escrito y sin preámbulo.";
    case Language::kFrench:
      return "Ta réponse a été coupée. Continue exactement au caractère qui suit la coupure, sans "
             "rien répéter de ce qui est déjà écrit et sans préambule.";
    case Language::kGerman:
      return "Deine Antwort ist abgebrochen. Schreibe genau mit dem nächsten Zeichen nach dem "
             "Abbruch weiter, ohne etwas schon Geschriebenes zu wiederholen und ohne Einleitung.";
    case Language::kPortuguese:
      return "A sua resposta foi interrompida. Continue exatamente a partir do caractere seguinte, "
             "sem repetir nada do que já foi escrito e sem introdução.";
    case Language::kRussian:
      return "Твой ответ оборвался. Продолжай точно со следующего символа после обрыва, не "
             "повторяя "
             "уже написанного и без вступления.";
    case Language::kArabic:
      return "انقطعت إجابتك. تابع بالضبط من الحرف الذي يلي موضع الانقطاع، دون تكرار أي شيء "
             "مما كُتب ودون مقدمة.";
  }
  return "Your answer was cut off. Go on exactly with the character that follows the cut: repeat "
         "nothing of what is already written, and write no preamble.";
}

}  // namespace culvert
