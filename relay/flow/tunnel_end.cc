// One table for each of the three.
#include "relay/flow/tunnel_end.h"

namespace culvert {

std::string_view close_word(SpliceEnd::Cause cause) {
  switch (cause) {
    case SpliceEnd::Cause::kWhole:
      return "whole";
    case SpliceEnd::Cause::kClient:
      return "client";
    case SpliceEnd::Cause::kDestination:
      return "upstream";
    case SpliceEnd::Cause::kIdle:
      return "idle";
    case SpliceEnd::Cause::kTotal:
      return "total";
    case SpliceEnd::Cause::kClosed:
      return "drain";
    case SpliceEnd::Cause::kOutOfMemory:
      return "memory";
  }
  return "memory";
}

Outcome outcome_of(SpliceEnd::Cause cause) {
  if (cause == SpliceEnd::Cause::kWhole) return Outcome::kOk;
  return cause == SpliceEnd::Cause::kClient ? Outcome::kAborted : Outcome::kTruncated;
}

std::string words_of(const SpliceEnd& end, std::string_view other) {
  switch (end.cause) {
    case SpliceEnd::Cause::kWhole:
      return {};
    case SpliceEnd::Cause::kClient:
      return "the client broke off: " + end.detail;
    case SpliceEnd::Cause::kDestination:
      return "the " + std::string(other) + " broke off: " + end.detail;
    case SpliceEnd::Cause::kIdle:
      return "no byte went either way for too long";
    case SpliceEnd::Cause::kTotal:
      return "the tunnel was open for too long";
    case SpliceEnd::Cause::kClosed:
      return "the relay ended";
    case SpliceEnd::Cause::kOutOfMemory:
      return "out of memory";
  }
  return {};
}

}  // namespace culvert
