// A queue of bytes in one piece of memory: append at the end, consume at the front.
// Holds no memory while empty, so that an idle connection costs none.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace culvert {

class Buffer {
 public:
  void append(std::string_view bytes);
  void reserve(size_t size);   // memory for so much, before it is appended piece by piece
  void consume(size_t count);  // count <= size()
  void clear();
  void release();  // the memory that is kept for what comes next; only where empty

  std::string_view view() const { return std::string_view(bytes_).substr(start_); }
  size_t size() const { return bytes_.size() - start_; }
  bool empty() const { return size() == 0; }

 private:
  std::string bytes_;
  size_t start_ = 0;
};

}  // namespace culvert
