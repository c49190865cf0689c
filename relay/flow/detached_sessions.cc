// See detached_sessions.h.
#include "relay/flow/detached_sessions.h"

#include "relay/base/log.h"

#include <new>
#include <utility>
#include <vector>

namespace culvert {

class DetachedSessions::Home final : public Retirable, public ClientSide {
 public:
  Home(DetachedSessions& owner, const Address& peer, bool secure)
      : owner_(owner), peer_(peer), secure_(secure) {}

  void move_in(std::unique_ptr<Session> session) { session_ = std::move(session); }
  Session& session() { return *session_; }
  std::unique_ptr<Session> take_session() { return std::move(session_); }

 private:
  const Address& peer() const override { return peer_; }
  bool secure() const override { return secure_; }
  void send_continue() override {}
  void send_interim(int, const Headers&) override {}
  void send_head(AnswerHead&&) override {}
  void send_body(std::string_view) override {}
  void send_end(const Headers&) override {}
  void cut() override {}
  ClientTunnel become_tunnel(int, std::string_view, Headers) override { return {}; }
  size_t queued() const override { return 0; }
  void pause_body() override {}
  void resume_body() override {}
  void session_over() override { owner_.over(*this); }

  DetachedSessions& owner_;
  const Address peer_;
  const bool secure_;
  std::unique_ptr<Session> session_;
};

DetachedSessions::DetachedSessions(WorkerServices& services, std::function<void()> emptied)
    : services_(services), emptied_(std::move(emptied)) {}

DetachedSessions::~DetachedSessions() = default;

bool DetachedSessions::take(std::unique_ptr<Session>* session) {
  Session& moved = **session;
  Home* home = nullptr;
  try {
    auto made = std::make_unique<Home>(*this, moved.client().peer(), moved.client().secure());
    home = made.get();
    homes_.emplace(home, std::move(made));
  } catch (const std::bad_alloc&) {
    log::error("out of memory where a stream was to go on without its client");
    return false;
  }
  home->move_in(std::move(*session));
  moved.go_on_without_client(*home);
  return true;
}

void DetachedSessions::end_all() {
  std::vector<Home*> all;
  for (const auto& item : homes_) all.push_back(item.first);
  for (Home* home : all) home->session().on_client_gone();
}

void DetachedSessions::over(Home& home) {
  const auto found = homes_.find(&home);
  if (found == homes_.end()) return;
  services_.metrics.add_active_requests(-1);
  services_.loop.retire(home.take_session());
  services_.loop.retire(std::move(found->second));
  homes_.erase(found);
  if (homes_.empty()) emptied_();
}

}  // namespace culvert
