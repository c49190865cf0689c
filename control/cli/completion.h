// What may come next on a command line. Pure: works on a tree of verbs that is made from the
// program's own arguments, so that a new verb or flag is completed without a line of code.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace culvert::cli {

struct CompletionOption {
  std::vector<std::string> names;    // with their dashes
  std::string takes;                 // the word for its value in the help; empty: a flag
  std::vector<std::string> choices;  // where there are few
  std::string description;
};

struct CompletionVerb {
  std::string name;
  std::string description;
  std::vector<CompletionOption> options;
  std::vector<CompletionOption> places;  // positional arguments in order; `names` is empty
  bool last_repeats = false;             // the last of them takes any number
  std::vector<CompletionVerb> verbs;
};

CompletionVerb completion_tree(const CLI::App& app);

struct Candidate {
  std::string word;
  std::string description;
};

struct Completion {
  std::vector<Candidate> candidates;  // that begin as the last word does
  std::string wanted;  // what the service or the disk knows: RELAY, NAME, POOL, FILE, …; or empty
  std::string prefix;  // of the word that is being typed
  std::vector<std::string> given;              // positional arguments before it
  std::map<std::string, std::string> options;  // of those that take a value
};

// `words`: behind the program's name; the last one is being typed and may be empty.
Completion complete(const CompletionVerb& root, const std::vector<std::string>& words);

}  // namespace culvert::cli
