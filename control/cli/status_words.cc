// The words. What gRPC says of a failed handshake is only text, so it is searched.
#include "control/cli/status_words.h"

#include "control/cli/display.h"

namespace culvert::cli {
namespace {

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

Error told(Code code, std::string detail) {
  return Error::ours(code, Stage::kNone, std::move(detail));
}

Error unavailable(const Failure& failure) {
  const std::string& why = failure.message;
  const std::string where = "the service at " + failure.server;
  if (has(why, "certificate verify failed") || has(why, "CERTIFICATE_VERIFY_FAILED")) {
    return told(Code::kTlsFailed,
                where + " shows a certificate that " +
                    (failure.ca_file.empty() ? "no authority of this system"
                                             : "the authority in " + failure.ca_file) +
                    " signed: --ca or CULVERT_CA names the service's own CA file");
  }
  if (has(why, "not in peer certificate") || has(why, "Peer name") ||
      has(why, "Hostname Verification Check failed")) {
    return told(Code::kTlsFailed, where +
                                      " shows a certificate for other names: --server has to "
                                      "name it as its certificate does");
  }
  if (has(why, "WRONG_VERSION_NUMBER") || has(why, "wrong version number")) {
    return told(Code::kTlsFailed, where + " speaks no TLS: is that the port for operators?");
  }
  if (has(why, "DNS resolution failed") || has(why, "Name or service not known") ||
      has(why, "Domain name not found")) {
    return told(Code::kConnectFailed, "the name in " + failure.server +
                                          " cannot be resolved: --server or CULVERT_SERVER names "
                                          "another service");
  }
  if (has(why, "Ssl handshake failed") || has(why, "handshak") || has(why, "TLS")) {
    return told(
        Code::kTlsFailed,
        "TLS with " + where + " failed: is that the port for operators? (" + clean(why, 200) + ")");
  }
  return told(Code::kConnectFailed, where +
                                        " does not answer: is culvert-control running? "
                                        "--server or CULVERT_SERVER names another");
}

}  // namespace

Error in_words(const Failure& failure) {
  const std::string said = clean(failure.message, 2000);
  switch (static_cast<Status>(failure.status)) {
    case Status::kUnavailable:
      return unavailable(failure);
    case Status::kDeadlineExceeded:
      return told(Code::kConnectTimeout, "the service at " + failure.server +
                                             " did not answer within " + failure.timeout +
                                             ": --timeout gives it longer");
    case Status::kUnauthenticated:
      return told(Code::kUnauthorized, "the service does not take this token (" + said +
                                           "): culvert login keeps a new one, CULVERT_TOKEN gives "
                                           "one");
    case Status::kPermissionDenied:
      return told(Code::kForbidden, "this token may not do that (" + said +
                                        "): culvert whoami tells its role, an admin can make "
                                        "another with culvert token create");
    case Status::kAborted:
      return told(Code::kInvalidConfig, "somebody changed the configuration meanwhile (" + said +
                                            "): run diff and apply again");
    case Status::kNotFound:
      return told(Code::kNotFound, said.empty() ? "there is no such thing" : said);
    case Status::kUnimplemented:
      return told(Code::kNotImplemented, "the service at " + failure.server +
                                             " does not know this call: is it older than this "
                                             "program? culvert version tells both");
    case Status::kResourceExhausted:
      return told(Code::kOverloaded, "the service refused for want of room: " + said);
    case Status::kInvalidArgument:
    case Status::kFailedPrecondition:
    case Status::kOutOfRange:
      return told(Code::kInternal, said);
    case Status::kCancelled:
      return told(Code::kClientGone, "the call was given up");
  }
  return told(Code::kInternal, "the service failed: " + (said.empty() ? "it says nothing" : said));
}

}  // namespace culvert::cli
