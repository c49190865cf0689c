// The completion scripts of the three shells. Each asks `culvert __complete WORDS…`, whose lines
// are WORD, tab, description; `:files` asks for names of files. Pure.
#pragma once

#include <string_view>

namespace culvert::cli {

// bash, zsh or fish; empty for another.
std::string_view shell_script(std::string_view shell);

}  // namespace culvert::cli
