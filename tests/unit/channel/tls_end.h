// One end of a TLS connection in a test, with all that it tells.
#pragma once

#include "relay/channel/tls_channel.h"
#include "tests/fakes/cpp/recording_sink.h"

#include <memory>

namespace culvert::test {

class ReadyFlag final : public TlsReadySink {
 public:
  void on_tls_ready() override { ready = true; }
  bool ready = false;
};

struct End {
  ReadyFlag flag;
  RecordingSink sink;
  std::unique_ptr<TlsChannel> channel;  // last: it knows the two others
};

}  // namespace culvert::test
