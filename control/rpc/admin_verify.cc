// VerifyKeys: a plan, then the answers of relays as they come, for as long as the caller listens.
#include "control/rpc/admin_service.h"
#include "control/rpc/key_plan.h"
#include "control/rpc/status.h"

namespace culvert::control {
namespace {

constexpr Duration kLook = std::chrono::milliseconds(200);  // whether the caller is there

}  // namespace

grpc::Status AdminService::verify_keys(const Context& context,
                                       const Caller& caller,
                                       const v1::VerifyKeysRequest& request,
                                       grpc::ServerWriter<v1::VerifyKeysReply>* writer) {
  const auto place = streams_.take();
  if (!place) return to_status(place.error());
  const auto relays = parts_.fleet.relays("");
  if (!relays) return to_status(relays.error());
  auto plan = plan_key_tests(request, *parts_.live.current(), *relays, parts_.key_tests.able());
  if (!plan) return to_status(plan.error());
  entrance_.note(caller, Call::kVerifyKeys, plan->subject, plan->detail);
  v1::VerifyKeysReply reply;
  *reply.mutable_plan() = plan->summary;
  if (!writer->Write(reply)) return Status::OK;
  KeyTests::Inquiry inquiry(parts_.key_tests, std::move(plan->errands));
  while (!inquiry.over() && streams_.goes_on(context)) {
    const auto answer = inquiry.next(kLook);
    if (!answer) continue;
    *reply.mutable_test() = key_test_of(*plan, *answer);
    if (!writer->Write(reply)) return Status::OK;
  }
  // Tests that end early must not look whole.
  if (!inquiry.over()) return {grpc::StatusCode::UNAVAILABLE, "the service is ending"};
  return Status::OK;
}

}  // namespace culvert::control
