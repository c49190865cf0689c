// In which language a model is asked to go on.
#include "relay/stream/language.h"

#include <gtest/gtest.h>

#include <set>

namespace culvert::test {
namespace {

TEST(Language, IsToldByScriptAndSmallWords) {
  const std::pair<const char*, const char*> kTexts[] = {
      {"The answer is that it was not the first time.", "en"},
      {"x = 1; 2 + 2", "en"},
      {"", "en"},
      {"这是一个很长的回答，其中有 some English words。", "zh"},
      {"東京都庁は新宿区にあります。", "ja"},
      {"대한민국의 수도는 서울입니다.", "ko"},
      {"La casa es grande y los niños juegan con el perro.", "es"},
      {"Le chat est dans la maison et il ne veut pas sortir.", "fr"},
      {"Der Hund ist nicht im Garten, und das Wetter ist schön.", "de"},
      {"O cachorro não está em casa, mas os gatos estão no jardim.", "pt"},
      {"Собака сидит в саду, а кошка спит.", "ru"},
      {"القط يجلس على السجادة.", "ar"}};
  for (const auto& [text, language] : kTexts) {
    EXPECT_EQ(to_string(language_of(text)), language) << text;
  }
}

// other-relays 2.4: kanji made it Chinese, ü made it French.
TEST(Language, IsNotFooledByKanjiOrUmlauts) {
  EXPECT_EQ(language_of("日本国憲法第九条は戦争放棄"), Language::kJapanese);
  EXPECT_EQ(language_of("Die Brücke über den Fluß"), Language::kGerman);
}

TEST(Language, HasAPromptOfItsOwnForEach) {
  std::set<std::string_view> prompts;
  for (int i = 0; i < 10; ++i) {
    const auto language = static_cast<Language>(i);
    prompts.insert(continuation_prompt(language));
    EXPECT_EQ(language_of(continuation_prompt(language)), language) << to_string(language);
  }
  EXPECT_EQ(prompts.size(), 10U);
}

}  // namespace
}  // namespace culvert::test
