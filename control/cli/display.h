// Text on a terminal: how wide it is, and how text from the service is made harmless before it is
// shown. Pure. Widths are a table of our own: the C library's depend on the locale.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace culvert::cli {

// One line that cannot move the cursor, change colours or turn the direction of writing: control
// characters (also C1), line and paragraph separators and bidirectional controls become `?`, and
// bytes that are no UTF-8 U+FFFD. At most `most` bytes, then `…`.
std::string clean(std::string_view text, size_t most = 4096);

// The same for text of several lines: line feeds stay, tabs become spaces.
std::string clean_lines(std::string_view text);

// Columns that valid UTF-8 takes: East Asian wide characters and emoji two, combining ones none.
size_t display_width(std::string_view text);

// Cut to a width, the last column `…` where something is missing. `text` may hold our own colour
// sequences; they take no column and are never cut apart.
std::string cut_to_width(std::string_view text, size_t width);

}  // namespace culvert::cli
