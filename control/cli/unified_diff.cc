// A table of longest common subsequences over what is left when the common beginning and end are
// taken off: resources are small, so the simplest exact method is good enough.
#include "control/cli/unified_diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace culvert::cli {
namespace {

constexpr size_t kContext = 3;
constexpr size_t kMostCells = 16'000'000;  // 64 MiB of table

using Lines = std::vector<std::string_view>;

struct Edit {
  char mark;  // ' ', '-' or '+'
  std::string_view line;
};

Lines split(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

void replace_all(const Lines& before, const Lines& after, std::vector<Edit>* edits) {
  for (const auto line : before) edits->push_back({'-', line});
  for (const auto line : after) edits->push_back({'+', line});
}

void compare(const Lines& before, const Lines& after, std::vector<Edit>* edits) {
  const size_t rows = before.size(), columns = after.size();
  if ((rows + 1) * (columns + 1) > kMostCells) return replace_all(before, after, edits);
  std::vector<uint32_t> common((rows + 1) * (columns + 1), 0);  // of what begins at row, column
  const auto at = [&](size_t row, size_t column) -> uint32_t& {
    return common[row * (columns + 1) + column];
  };
  for (size_t row = rows; row-- > 0;) {
    for (size_t column = columns; column-- > 0;) {
      at(row, column) = before[row] == after[column]
                            ? at(row + 1, column + 1) + 1
                            : std::max(at(row + 1, column), at(row, column + 1));
    }
  }
  size_t row = 0, column = 0;
  while (row < rows || column < columns) {
    if (row < rows && column < columns && before[row] == after[column]) {
      edits->push_back({' ', before[row++]});
      ++column;
    } else if (column == columns || (row < rows && at(row + 1, column) >= at(row, column + 1))) {
      edits->push_back({'-', before[row++]});
    } else {
      edits->push_back({'+', after[column++]});
    }
  }
}

std::vector<Edit> edits_between(Lines before, Lines after) {
  std::vector<Edit> edits;
  size_t same = 0;
  while (same < before.size() && same < after.size() && before[same] == after[same]) ++same;
  for (size_t i = 0; i < same; ++i) edits.push_back({' ', before[i]});
  const auto drop = static_cast<std::ptrdiff_t>(same);
  before.erase(before.begin(), before.begin() + drop);
  after.erase(after.begin(), after.begin() + drop);
  Lines tail;
  while (!before.empty() && !after.empty() && before.back() == after.back()) {
    tail.push_back(before.back());
    before.pop_back();
    after.pop_back();
  }
  compare(before, after, &edits);
  for (auto line = tail.rbegin(); line != tail.rend(); ++line) edits.push_back({' ', *line});
  return edits;
}

std::string range(size_t lines_before, size_t count) {
  if (count == 1) return std::to_string(lines_before + 1);
  return fmt::format("{},{}", count == 0 ? lines_before : lines_before + 1, count);
}

// Where the next hunk ends: behind the last change that has the next one within two contexts.
size_t hunk_end(const std::vector<Edit>& edits, size_t change) {
  size_t last = change;
  for (size_t i = change; i < edits.size() && i <= last + 2 * kContext + 1; ++i) {
    if (edits[i].mark != ' ') last = i;
  }
  return std::min(last + 1 + kContext, edits.size());
}

}  // namespace

std::string unified_diff(std::string_view before_name,
                         std::string_view after_name,
                         std::string_view before,
                         std::string_view after) {
  const std::vector<Edit> edits = edits_between(split(before), split(after));
  std::string hunks;
  size_t done = 0, old_line = 0, new_line = 0;
  const auto pass = [&](size_t until) {
    for (; done < until; ++done) {
      old_line += edits[done].mark != '+' ? 1 : 0;
      new_line += edits[done].mark != '-' ? 1 : 0;
    }
  };
  for (size_t i = 0; i < edits.size(); ++i) {
    if (edits[i].mark == ' ') continue;
    pass(std::max(done, i - std::min(i, kContext)));
    const size_t start = done, end = hunk_end(edits, i);
    const size_t old_start = old_line, new_start = new_line;
    pass(end);
    hunks += fmt::format("@@ -{} +{} @@\n", range(old_start, old_line - old_start),
                         range(new_start, new_line - new_start));
    for (size_t k = start; k < end; ++k) {
      hunks += edits[k].mark;
      hunks += edits[k].line;
      hunks += '\n';
    }
    i = end - 1;
  }
  if (hunks.empty()) return {};
  return fmt::format("--- {}\n+++ {}\n{}", before_name, after_name, hunks);
}

}  // namespace culvert::cli
