// A list that nearly always has few elements: kFew of them lie in itself, more in memory of their
// own. For what each request makes of its own and most often has one or two of.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <type_traits>
#include <utility>

namespace culvert {

template <class T, size_t kFew>
class ShortList {
  static_assert(std::is_nothrow_move_constructible_v<T>);

 public:
  using value_type = T;

  ShortList() = default;
  ShortList(std::initializer_list<T> elements) {
    for (const T& element : elements) push_back(element);
  }
  ShortList(ShortList&& other) noexcept { take(&other); }
  ShortList& operator=(ShortList&& other) noexcept {
    if (this == &other) return *this;
    clear();
    release();
    take(&other);
    return *this;
  }
  ~ShortList() {
    clear();
    release();
  }

  T& push_back(T element) {
    if (size_ == capacity_) grow();
    return *std::construct_at(first_ + size_++, std::move(element));
  }
  void clear() { truncate(0); }
  void truncate(size_t size) {
    assert(size <= size_);
    std::destroy(first_ + size, first_ + size_);
    size_ = size;
  }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* data() { return first_; }
  const T* data() const { return first_; }
  T* begin() { return first_; }
  T* end() { return first_ + size_; }
  const T* begin() const { return first_; }
  const T* end() const { return first_ + size_; }
  T& front() { return first_[0]; }
  const T& front() const { return first_[0]; }
  T& operator[](size_t index) { return first_[index]; }
  const T& operator[](size_t index) const { return first_[index]; }
  friend bool operator==(const ShortList& a, const ShortList& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  T* inside() { return reinterpret_cast<T*>(room_); }

  // Apart, because it is rare.
  [[gnu::noinline]] void grow() {
    const size_t capacity = 2 * capacity_;
    T* const more = std::allocator<T>().allocate(capacity);
    std::uninitialized_move(begin(), end(), more);
    std::destroy(begin(), end());
    release();
    first_ = more;
    capacity_ = capacity;
  }

  // Gives memory of its own back; only of no elements.
  void release() {
    if (first_ != inside()) std::allocator<T>().deallocate(first_, capacity_);
    first_ = inside();
    capacity_ = kFew;
  }

  void take(ShortList* other) {
    if (other->first_ == other->inside()) {
      std::uninitialized_move(other->begin(), other->end(), first_);
    } else {
      first_ = std::exchange(other->first_, other->inside());
      capacity_ = std::exchange(other->capacity_, kFew);
    }
    size_ = other->size_;
    if (first_ != inside()) other->size_ = 0;
    other->clear();
  }

  alignas(T) std::byte room_[kFew * sizeof(T)];
  T* first_ = inside();
  size_t size_ = 0;
  size_t capacity_ = kFew;
};

}  // namespace culvert
