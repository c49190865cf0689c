// Output that is gathered while the events of a turn are handled and handed over when they have
// been: a head and its body, or the pieces of an answer, become one record and one system call. The
// link is part of the object, so that waiting needs no memory.
#pragma once

namespace culvert {

class Flushable {
 public:
  Flushable() = default;
  Flushable(const Flushable&) = delete;
  Flushable& operator=(const Flushable&) = delete;
  virtual ~Flushable() { unlink(); }

 private:
  friend class FlushList;
  friend class Loop;
  virtual void flush() = 0;
  virtual void on_flush_out_of_memory() = 0;  // flush() was left half done

  void unlink() {
    if (next_ == nullptr) return;
    previous_->next_ = next_;
    next_->previous_ = previous_;
    next_ = previous_ = nullptr;
  }

  Flushable* next_ = nullptr;  // null: it does not wait
  Flushable* previous_ = nullptr;
};

// In the order of adding.
class FlushList {
 public:
  FlushList() { ends_.next_ = ends_.previous_ = &ends_; }

  void add(Flushable& waiting) {
    if (waiting.next_ != nullptr) return;
    waiting.previous_ = ends_.previous_;
    waiting.next_ = &ends_;
    ends_.previous_->next_ = &waiting;
    ends_.previous_ = &waiting;
  }

  Flushable* take() {  // null: none waits
    Flushable* first = ends_.next_;
    if (first == &ends_) return nullptr;
    first->unlink();
    return first;
  }

 private:
  class Ends final : public Flushable {
    void flush() override {}
    void on_flush_out_of_memory() override {}
  };
  Ends ends_;
};

}  // namespace culvert
