// Header fields in the order and spelling in which they came (RFC 9110 §5); names compare without
// case. A vector: heads are short and are walked more often than searched.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace culvert {

struct Header {
  std::string name;
  std::string value;
  friend bool operator==(const Header&, const Header&) = default;
};

class Headers {
 public:
  void add(std::string_view name, std::string_view value);
  const std::string* find(std::string_view name) const;  // the first of that name, or nullptr
  size_t count(std::string_view name) const;
  void set(std::string_view name, std::string_view value);  // replaces all of that name
  void erase(std::string_view name);
  // All values of that name, joined with ", " (RFC 9110 §5.3); "" where there are none.
  std::string joined(std::string_view name) const;
  void clear() { fields_.clear(); }

  size_t size() const { return fields_.size(); }
  bool empty() const { return fields_.empty(); }
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  auto begin() { return fields_.begin(); }
  auto end() { return fields_.end(); }
  Header& last() { return fields_.back(); }

 private:
  std::vector<Header> fields_;
};

}  // namespace culvert
