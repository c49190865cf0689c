// A visit is one connection: read a head, answer, close.
#include "relay/edge/admin.h"

#include "relay/base/limits.h"
#include "relay/channel/tcp.h"
#include "relay/channel/timer.h"
#include "relay/codec/encode.h"
#include "relay/codec/request_parser.h"

#include <fmt/format.h>

namespace culvert {
namespace {

constexpr size_t kVisits = 64;
constexpr auto kVisitTimeout = std::chrono::seconds(10);
constexpr HeadLimits kHeadLimits{16 * limits::kKiB, 64, 2048};

}  // namespace

class Admin::Visit final : public Retirable, private ChannelSink {
 public:
  Visit(Admin& admin, Fd fd)
      : admin_(admin),
        channel_(admin.loop_, std::move(fd), true),
        parser_(kHeadLimits),
        timer_(admin.loop_, [this] { over(); }) {
    timer_.start(kVisitTimeout);
    channel_.start(*this);
  }

 private:
  void on_bytes(std::string_view bytes) override {
    if (answered_) return;
    auto event = parser_.next(&bytes);
    if (!event) return answer({400, "text/plain; charset=utf-8", "bad request\n"});
    if (event->kind != EventKind::kHead) return;
    const RequestHead& head = parser_.head();
    if (head.method != "GET" && head.method != "HEAD") {
      return answer({405, "text/plain; charset=utf-8", "GET only\n"});
    }
    head_only_ = head.method == "HEAD";
    answer(admin_.answers_(std::string_view(head.target).substr(0, head.target.find('?'))));
  }

  void answer(const AdminAnswer& answer) {
    answered_ = true;
    Headers headers;
    headers.add("Content-Type", answer.type);
    headers.add("Content-Length", fmt::to_string(answer.body.size()));
    headers.add("Cache-Control", "no-store");
    headers.add("X-Content-Type-Options", "nosniff");
    headers.add("Connection", "close");
    channel_.write(encode_response_head(answer.status, {}, headers));
    if (!head_only_) channel_.write(answer.body);
    channel_.finish(Channel::Finish::kClean);
  }

  void on_end(bool) override { over(); }
  void on_drained() override {}
  void on_failed(Error) override { over(); }

  void over() {
    channel_.mute();
    admin_.over(*this);
  }

  Admin& admin_;
  TcpChannel channel_;
  RequestParser parser_;
  Timer timer_;
  bool answered_ = false;
  bool head_only_ = false;
};

Admin::Admin(Loop& loop, Answers answers) : loop_(loop), answers_(std::move(answers)) {}

Result<std::unique_ptr<Admin>> Admin::create(Loop& loop,
                                             const SocketAddress& address,
                                             Answers answers) {
  std::unique_ptr<Admin> admin(new Admin(loop, std::move(answers)));
  // The workers' sockets would let a second relay in unnoticed; this one keeps it out.
  Fd fd = CULVERT_TRY(listen_on(address, Sharing::kExclusive));
  admin->address_ = CULVERT_TRY(bound_address(fd.get()));
  admin->listener_ =
      std::make_unique<Listener>(loop, std::move(fd), static_cast<AcceptSink&>(*admin));
  return admin;
}

Admin::~Admin() = default;

bool Admin::on_accept(Fd connection, const Address& /*peer*/) {
  if (visits_.size() >= kVisits) return true;  // closed at once
  auto visit = std::make_unique<Visit>(*this, std::move(connection));
  Visit* key = visit.get();
  visits_.emplace(key, std::move(visit));
  return true;
}

void Admin::over(Visit& visit) {
  const auto found = visits_.find(&visit);
  if (found == visits_.end()) return;
  loop_.retire(std::move(found->second));
  visits_.erase(found);
}

}  // namespace culvert
