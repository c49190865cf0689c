// A walk over the words, as the parser would go, without its errors: what is half typed is never
// wrong.
#include "control/cli/completion.h"

#include <algorithm>
#include <set>

namespace culvert::cli {
namespace {

bool begins(const std::string& word, const std::string& prefix) {
  return word.compare(0, prefix.size(), prefix) == 0;
}

class Walk {
 public:
  explicit Walk(const CompletionVerb& root) { path_.push_back(&root); }

  void pass(const std::string& word) {
    if (open_ != nullptr) {
      note(*open_, word);
      open_ = nullptr;
    } else if (!only_places_ && word == "--") {
      only_places_ = true;
    } else if (!only_places_ && word.size() > 1 && word[0] == '-') {
      pass_option(word);
    } else if (const CompletionVerb* verb = find_verb(word); verb != nullptr && !only_places_) {
      path_.push_back(verb);
    } else {
      out_.given.push_back(word);
    }
  }

  Completion finish(const std::string& word) {
    const size_t sign = word.find('=');
    if (open_ != nullptr) {
      offer_value(*open_, word);
    } else if (!only_places_ && begins(word, "--") && sign != std::string::npos) {
      const CompletionOption* option = find_option(word.substr(0, sign));
      if (option != nullptr) offer_value(*option, word.substr(sign + 1));
    } else if (!only_places_ && begins(word, "-")) {
      offer_options(word);
    } else {
      offer_words(word);
    }
    return std::move(out_);
  }

 private:
  void note(const CompletionOption& option, const std::string& value) {
    for (const auto& name : option.names) out_.options[name] = value;
  }

  void pass_option(const std::string& word) {
    const size_t sign = word.find('=');
    const CompletionOption* option = find_option(word.substr(0, sign));
    if (option == nullptr) return;
    for (const auto& name : option->names) seen_.insert(name);
    if (option->takes.empty()) return;
    if (sign != std::string::npos)
      note(*option, word.substr(sign + 1));
    else
      open_ = option;
  }

  const CompletionVerb* find_verb(const std::string& word) const {
    for (const CompletionVerb& verb : path_.back()->verbs) {
      if (verb.name == word) return &verb;
    }
    return nullptr;
  }

  // Flags of a word further to the left are taken further to the right too.
  const CompletionOption* find_option(const std::string& name) const {
    for (auto verb = path_.rbegin(); verb != path_.rend(); ++verb) {
      for (const CompletionOption& option : (*verb)->options) {
        if (std::count(option.names.begin(), option.names.end(), name) > 0) return &option;
      }
    }
    return nullptr;
  }

  void offer(const std::string& word, const std::string& description) {
    if (begins(word, out_.prefix)) out_.candidates.push_back({word, description});
  }

  void offer_value(const CompletionOption& option, const std::string& typed) {
    out_.prefix = typed;
    for (const std::string& choice : option.choices) offer(choice, "");
    if (option.choices.empty()) out_.wanted = option.takes;
  }

  void offer_options(const std::string& typed) {
    out_.prefix = typed;
    for (auto verb = path_.rbegin(); verb != path_.rend(); ++verb) {
      for (const CompletionOption& option : (*verb)->options) {
        const bool again = option.takes == "FILE" && option.names.front() == "-f";
        if (!again && seen_.count(option.names.back()) > 0) continue;
        offer(option.names.back(), option.description);
        if (typed.size() == 2 && option.names.front() == typed) offer(typed, option.description);
      }
    }
  }

  void offer_words(const std::string& typed) {
    out_.prefix = typed;
    const CompletionVerb& verb = *path_.back();
    for (const CompletionVerb& each : verb.verbs) offer(each.name, each.description);
    if (verb.places.empty()) return;
    size_t place = out_.given.size();
    if (place >= verb.places.size()) {
      if (!verb.last_repeats) return;
      place = verb.places.size() - 1;
    }
    offer_value(verb.places[place], typed);
  }

  std::vector<const CompletionVerb*> path_;
  std::set<std::string> seen_;
  const CompletionOption* open_ = nullptr;  // its value comes next
  bool only_places_ = false;                // behind `--`
  Completion out_;
};

// Some shells break words at `=`.
std::vector<std::string> joined(const std::vector<std::string>& words) {
  std::vector<std::string> out;
  for (const std::string& word : words) {
    const bool behind = !out.empty() && begins(out.back(), "--") && !out.back().empty() &&
                        out.back().back() == '=' && out.back().find('=') == out.back().size() - 1;
    if (word == "=" && !out.empty() && begins(out.back(), "--"))
      out.back() += '=';
    else if (behind)
      out.back() += word;
    else
      out.push_back(word);
  }
  return out;
}

}  // namespace

Completion complete(const CompletionVerb& root, const std::vector<std::string>& words) {
  const std::vector<std::string> all = joined(words);
  Walk walk(root);
  for (size_t i = 0; i + 1 < all.size(); ++i) walk.pass(all[i]);
  return walk.finish(all.empty() ? std::string() : all.back());
}

}  // namespace culvert::cli
