// One answer, one record.
#include "relay/flow/refusal.h"

#include "relay/codec/error_body.h"
#include "relay/flow/pages.h"
#include "relay/flow/reply.h"

namespace culvert {

void answer_refusal(WorkerServices& services, ClientSide& client, const Error& error) {
  RequestRecord record;
  record.time = services.clock.wall();
  record.id = random_id(services.random);
  record.client = logged_address(client.peer(), services.table->settings().client_address);
  record.mode = "local";
  record.stage = error.stage;
  record.error = error_message(error);
  record.outcome = outcome_of(error.fault);
  LocalAnswer answer = error_answer(error, Dialect::kOpaque, record.id, record.time);
  answer.head.close = true;
  record.status = answer.head.status;
  send(client, std::move(answer));
  services.metrics.upstream("none").finished(record);
  if (services.table->settings().access_log) services.access_log.write(record);
}

}  // namespace culvert
