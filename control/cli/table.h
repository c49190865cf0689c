// Rows and columns as text. Pure: cells are made harmless here, so that whatever the service says
// can be printed.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace culvert::cli {

enum class Colour { kNone, kRed, kGreen, kYellow, kFaint, kBold };

// The text between the sequences of a colour; alone where `on` is false.
std::string painted(std::string_view text, Colour colour, bool on);

struct Cell {
  Cell(std::string_view words, Colour paint = Colour::kNone)  // NOLINT(google-explicit-constructor)
      : text(words), colour(paint) {}
  Cell(const char* words) : text(words) {}         // NOLINT(google-explicit-constructor)
  Cell(const std::string& words) : text(words) {}  // NOLINT(google-explicit-constructor)
  std::string text;
  Colour colour = Colour::kNone;
};

class Table {
 public:
  // A column's name that begins with `>` is set to the right.
  explicit Table(const std::vector<std::string_view>& columns);

  void add(std::vector<Cell> cells);  // one for each column
  // Of each column at least; for rows that come later.
  void widen(std::vector<size_t> least) { least_ = std::move(least); }
  bool empty() const { return rows_.empty(); }
  size_t size() const { return rows_.size(); }

  // Two spaces between columns, none at the ends of lines; a line feed after each.
  std::string text(bool colours) const;
  std::string rows_text(bool colours) const;  // without the names of the columns

 private:
  std::vector<size_t> widths() const;
  std::string line(const std::vector<Cell>& cells,
                   const std::vector<size_t>& wide,
                   bool colours) const;

  std::vector<Cell> columns_;
  std::vector<bool> right_;
  std::vector<size_t> least_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace culvert::cli
