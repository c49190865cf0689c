// Widths first, then lines.
#include "control/cli/table.h"

#include "control/cli/display.h"

#include <algorithm>
#include <cassert>

namespace culvert::cli {
namespace {

std::string_view sequence(Colour colour) {
  switch (colour) {
    case Colour::kRed:
      return "\x1b[31m";
    case Colour::kGreen:
      return "\x1b[32m";
    case Colour::kYellow:
      return "\x1b[33m";
    case Colour::kFaint:
      return "\x1b[2m";
    case Colour::kBold:
      return "\x1b[1m";
    case Colour::kNone:
      break;
  }
  return "";
}

}  // namespace

std::string painted(std::string_view text, Colour colour, bool on) {
  if (!on || colour == Colour::kNone || text.empty()) return std::string(text);
  return std::string(sequence(colour)) + std::string(text) + "\x1b[0m";
}

Table::Table(const std::vector<std::string_view>& columns) {
  for (const std::string_view column : columns) {
    const bool right = column.substr(0, 1) == ">";
    columns_.emplace_back(column.substr(right ? 1 : 0), Colour::kBold);
    right_.push_back(right);
  }
}

void Table::add(std::vector<Cell> cells) {
  assert(cells.size() == columns_.size());
  for (Cell& cell : cells) cell.text = clean(cell.text);
  rows_.push_back(std::move(cells));
}

std::string Table::text(bool colours) const {
  return line(columns_, widths(), colours) + rows_text(colours);
}

std::string Table::rows_text(bool colours) const {
  const std::vector<size_t> wide = widths();
  std::string out;
  for (const auto& row : rows_) out += line(row, wide, colours);
  return out;
}

std::vector<size_t> Table::widths() const {
  std::vector<size_t> widths;
  for (size_t i = 0; i < columns_.size(); ++i) {
    size_t width = display_width(columns_[i].text);
    if (i < least_.size()) width = std::max(width, least_[i]);
    for (const auto& row : rows_) width = std::max(width, display_width(row[i].text));
    widths.push_back(width);
  }
  return widths;
}

std::string Table::line(const std::vector<Cell>& cells,
                        const std::vector<size_t>& wide,
                        bool colours) const {
  std::string out;
  size_t owed = 0;  // spaces that are written only if something follows
  for (size_t i = 0; i < cells.size(); ++i) {
    const size_t padding = wide[i] - display_width(cells[i].text);
    if (right_[i]) owed += padding;
    if (!cells[i].text.empty()) {
      out.append(owed, ' ');
      out += painted(cells[i].text, cells[i].colour, colours);
      owed = 0;
    }
    owed += right_[i] ? 2 : padding + 2;
  }
  return out + "\n";
}

}  // namespace culvert::cli
