// What the attempts at one answer have used, in the vendor's own words: JSON objects whose members
// need not be known to be added up. Pure; part of the dialect that reads them.
#pragma once

#include "relay/base/dialect.h"
#include "relay/codec/json.h"

#include <string>
#include <string_view>

namespace culvert {

class AttemptUsage {
 public:
  explicit AttemptUsage(Dialect dialect) : dialect_(dialect) {}

  void begin_attempt() { now_.clear(); }
  // Of the attempt that runs: an object in the place of what was told, or laid over it.
  void told(std::string_view object) { now_ = object; }
  void told_more(std::string_view object);
  void lose_attempt();  // what it told is added to that of those before

  bool any_lost() const { return !lost_.empty(); }
  std::string of_all() const;  // one object
  Usage of_attempt() const { return as_usage(now_); }
  Usage of_lost() const { return as_usage(lost_); }

 private:
  Usage as_usage(const std::string& object) const;

  const Dialect dialect_;
  std::string now_;
  std::string lost_;
};

}  // namespace culvert
