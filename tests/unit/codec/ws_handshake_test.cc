// RFC 6455 §4: each of its demands of a request and of an answer left out once, and the RFC's own
// example of a key. Heads are read by the real parsers, at every split.
#include "relay/codec/ws_handshake.h"

#include "tests/unit/codec/split.h"
#include "tests/unit/codec/transcript.h"

#include <gtest/gtest.h>

#include <map>

namespace culvert::test {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

const Fields kRequest = {{"Host", "a"},
                         {"Upgrade", "websocket"},
                         {"Connection", "keep-alive, Upgrade"},
                         {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
                         {"Sec-WebSocket-Version", "13"}};
const Fields kAnswer = {{"Upgrade", "WebSocket"},
                        {"Connection", "upgrade"},
                        {"Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="}};

// Without the field of that name, and with another value where one is given.
Fields with(Fields fields, const std::string& name, const char* value) {
  std::erase_if(fields, [&](const auto& field) { return field.first == name; });
  if (value != nullptr) fields.emplace_back(name, value);
  return fields;
}

Fields and_also(Fields fields, const std::string& name, const std::string& value) {
  fields.emplace_back(name, value);
  return fields;
}

std::string head_bytes(const std::string& line, const Fields& fields) {
  std::string out = line + "\r\n";
  for (const auto& [name, value] : fields) out.append(name).append(": ").append(value) += "\r\n";
  return out + "\r\n";
}

std::string said(const Fields& fields, const std::string& line = "GET /chat HTTP/1.1") {
  return at_every_split(head_bytes(line, fields), [](const Pieces& pieces) {
    RequestParser parser(kLimits);
    for (const Piece& piece : pieces) {
      std::string_view input = piece.view();
      const auto event = parser.next(&input);
      if (!event) return "unread: " + event.error().detail;
      if (event->kind != EventKind::kHead) continue;
      WsOffer offer;
      if (const auto refused = read_ws_request(parser.head(), &offer)) {
        return std::to_string(refused->status) + " " + refused->error.detail;
      }
      std::string text = "ws " + offer.key + " [" + offer.protocols.list(true) + "]";
      for (const std::string& name : offer.extensions) text += " " + name;
      return text;
    }
    return std::string("more");
  });
}

ResponseHead answer_of(const Fields& fields, int status = 101) {
  ResponseHead head;
  head.status = status;
  for (const auto& [name, value] : fields) head.headers.add(name, value);
  return head;
}

std::array<uint8_t, 20> digest_of_the_example(std::string_view bytes) {
  // RFC 6455 §1.3 gives the digest of exactly this text.
  EXPECT_EQ(bytes, "dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
  return {0xB3, 0x7A, 0x4F, 0x2C, 0xC0, 0x62, 0x4F, 0x16, 0x90, 0xF6,
          0x46, 0x06, 0xCF, 0x38, 0x59, 0x45, 0xB2, 0xBE, 0xC4, 0xEA};
}

TEST(WsRequest, TakesTheExampleOfTheRfc) {
  EXPECT_EQ(said(kRequest), "ws dGhlIHNhbXBsZSBub25jZQ== []");
  EXPECT_EQ(said(with(kRequest, "Upgrade", "h2c, WebSocket")), "ws dGhlIHNhbXBsZSBub25jZQ== []");
  EXPECT_EQ(said(and_also(and_also(kRequest, "Sec-WebSocket-Protocol", "chat, superchat"),
                          "Sec-WebSocket-Extensions",
                          "permessage-deflate; client_max_window_bits, x, permessage-deflate")),
            "ws dGhlIHNhbXBsZSBub25jZQ== [chat, superchat] permessage-deflate x");
}

TEST(WsRequest, SaysWhatIsMissing) {
  EXPECT_NE(said(kRequest, "POST /chat HTTP/1.1").find("400 a WebSocket opens with GET"),
            std::string::npos);
  EXPECT_NE(said(kRequest, "GET /chat HTTP/1.0").find("400 a WebSocket opens in HTTP/1.1"),
            std::string::npos);
  struct Row {
    const char* name;
    const char* value;
    const char* words;
  };
  for (const Row& row :
       {Row{"Upgrade", nullptr, "400 Upgrade: websocket"},
        Row{"Upgrade", "h2c", "400 Upgrade: websocket"},
        Row{"Upgrade", "websocket2", "400 Upgrade: websocket"},
        Row{"Connection", nullptr, "400 Upgrade: websocket"},
        Row{"Connection", "close", "400 Upgrade: websocket"},
        Row{"Sec-WebSocket-Version", nullptr, "426 "}, Row{"Sec-WebSocket-Version", "8", "426 "},
        Row{"Sec-WebSocket-Version", "13, 8", "426 "},
        Row{"Sec-WebSocket-Key", nullptr, "400 Sec-WebSocket-Key"},
        Row{"Sec-WebSocket-Key", "", "400 Sec-WebSocket-Key"},
        Row{"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ", "400 Sec-WebSocket-Key"},
        Row{"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZ===", "400 Sec-WebSocket"},
        Row{"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZTE=", "400 Sec-WebSocket"},
        Row{"Sec-WebSocket-Key", "dGhlIHNhbXBsZ-Bub25jZQ==", "400 Sec-WebSocket"},
        Row{"Sec-WebSocket-Protocol", "a b", "400 Sec-WebSocket-Protocol"},
        Row{"Sec-WebSocket-Extensions", "a b", "400 Sec-WebSocket-Extensions"},
        Row{"Sec-WebSocket-Extensions", "; x", "400 Sec-WebSocket-Extensions"}}) {
    const std::string text = said(with(kRequest, row.name, row.value));
    EXPECT_TRUE(text.starts_with(row.words)) << row.name << ": " << text;
  }
  for (const char* name : {"Sec-WebSocket-Key", "Sec-WebSocket-Version"}) {
    const auto twice = and_also(kRequest, name, kRequest[name[14] == 'K' ? 3 : 4].second);
    EXPECT_NE(said(twice).find("must be there once"), std::string::npos) << name;
  }
}

TEST(WsRequest, IsToldFromOthers) {
  RequestHead head;
  for (const auto& [name, value] : kRequest) head.headers.add(name, value);
  EXPECT_TRUE(asks_for_ws(head));
  head.headers.set("Upgrade", "h2c");
  EXPECT_FALSE(asks_for_ws(head));
  head.headers.set("Upgrade", "websocket");
  head.headers.set("Connection", "keep-alive");
  EXPECT_FALSE(asks_for_ws(head));
}

TEST(WsAccept, IsThatOfTheRfcsExample) {
  EXPECT_EQ(ws_accept("dGhlIHNhbXBsZSBub25jZQ==", digest_of_the_example),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(WsAnswer, TakesWhatWasOffered) {
  const auto takes = [](const Fields& fields, std::string_view protocols = "") {
    return check_ws_answer(answer_of(fields), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", protocols,
                           {"permessage-deflate"})
        .has_value();
  };
  EXPECT_TRUE(takes(kAnswer));
  EXPECT_TRUE(takes(kAnswer, "chat"));
  EXPECT_TRUE(takes(and_also(kAnswer, "Sec-WebSocket-Protocol", "chat"), "superchat, chat"));
  EXPECT_TRUE(takes(and_also(kAnswer, "Sec-WebSocket-Extensions",
                             "permessage-deflate; server_no_context_takeover")));
}

TEST(WsAnswer, SaysWhatIsWrong) {
  struct Row {
    Fields fields;
    const char* words;
  };
  for (const Row& row :
       {Row{with(kAnswer, "Upgrade", nullptr), "another protocol"},
        Row{with(kAnswer, "Upgrade", "h2c"), "another protocol"},
        Row{with(kAnswer, "Upgrade", "websocket, h2c"), "another protocol"},
        Row{with(kAnswer, "Connection", "keep-alive"), "another protocol"},
        Row{with(kAnswer, "Sec-WebSocket-Accept", nullptr), "Sec-WebSocket-Accept"},
        Row{with(kAnswer, "Sec-WebSocket-Accept", "S3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "Accept"},
        Row{and_also(kAnswer, "Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "Accept"},
        Row{and_also(kAnswer, "Sec-WebSocket-Protocol", "other"), "subprotocol"},
        Row{and_also(kAnswer, "Sec-WebSocket-Protocol", "Chat"), "subprotocol"},
        Row{and_also(kAnswer, "Sec-WebSocket-Protocol", ""), "subprotocol"},
        Row{and_also(kAnswer, "Sec-WebSocket-Protocol", "chat, superchat"), "subprotocol"},
        Row{and_also(kAnswer, "Sec-WebSocket-Extensions", "x-other"), "extension"},
        Row{and_also(kAnswer, "Sec-WebSocket-Extensions", "a b"), "extension"}}) {
    const auto checked =
        check_ws_answer(answer_of(row.fields), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "chat, superchat",
                        {"permessage-deflate"});
    ASSERT_FALSE(checked) << row.words;
    EXPECT_EQ(checked.error().code, Code::kBadAnswer);
    EXPECT_EQ(checked.error().fault, Fault::kUpstream);
    EXPECT_NE(checked.error().detail.find(row.words), std::string::npos) << checked.error().detail;
  }
  EXPECT_FALSE(check_ws_answer(answer_of(kAnswer, 200), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "", {}));
}

}  // namespace
}  // namespace culvert::test
