// The search for what of a change can run: all of it; else all but what proto/validate names; else
// halves, until single items are left that fail alone. One object for one search. Main thread.
#pragma once

#include "proto/resources.h"
#include "relay/base/result.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace culvert {

// An item into its new form; without one it goes. `type`: index in kRemoteTypes.
struct RemoteStep {
  size_t type = 0;
  std::string name;
  std::optional<std::string> form;
};

struct RemoteRefusal {
  size_t type = 0;
  std::string name;
  std::string message;
};

class RemoteSettling {
 public:
  using Check = std::function<Result<void>(const Resources& whole)>;

  // base: what runs, the relay's own file in it. It is usable, or nothing will be.
  RemoteSettling(Resources base, const Resources& local, const Check& check);

  void add(RemoteStep step);
  void run();
  const std::vector<RemoteStep>& taken() const { return taken_; }
  const std::vector<RemoteRefusal>& refused() const { return refused_; }

 private:
  using Steps = std::vector<RemoteStep>;
  bool refuse_unreadable(const RemoteStep& step);
  // A relay's variables and files are its owner's: nothing that comes over the link is looked up
  // there.
  bool refuse_references(const RemoteStep& step);
  // Refuses the steps that findings name, until none is named.
  void refuse_named();
  void halve(Steps steps);
  Result<void> try_all(const Steps& steps);
  void refuse(const RemoteStep& step, std::string message);

  Resources base_;  // what is taken is in it
  const Resources& local_;
  const Check& check_;
  Steps steps_;
  Steps taken_;
  std::vector<RemoteRefusal> refused_;
  int checks_ = 0;
};

// The service sends what is for this relay only, but a route as it is written: destinations of
// remote routes whose upstreams or key pools are not here are left out where others are.
void leave_out_absent(const Resources& local, Resources* whole);

// Parses the form into the resources. Error: one sentence.
Result<void> put_remote(size_t type,
                        const std::string& name,
                        const std::string& form,
                        Resources* into);

}  // namespace culvert
