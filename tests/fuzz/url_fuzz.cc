// A base URL and a target, separated by a line end. Whatever the target is, the URL that is built
// of both names the base's host; and what is parsed is printed and parsed as the same. The target
// is read as that of CONNECT too.
#include "relay/base/url.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace culvert;        // NOLINT(google-build-using-namespace)
  using namespace culvert::test;  // NOLINT(google-build-using-namespace)
  const std::string_view input = text(data, size);
  const size_t end = std::min(input.find('\n'), input.size());
  const std::string_view base = input.substr(0, end);
  const std::string_view rest = input.substr(std::min(end + 1, input.size()));

  require(percent_decode(rest).size() <= rest.size(), "decoding never grows");
  if (const auto authority = parse_authority(rest)) {
    require(authority->host.find_first_of("/@\\?#[] \t\r\n") == std::string::npos, "host");
  }
  if (const auto target = parse_connect_authority(rest)) {
    const auto same = parse_authority(rest);
    require(target->port != 0, "CONNECT names a port");
    require(same && same->host == target->host && same->port == target->port,
            "CONNECT is read as every authority");
    require(target->host.find_first_of("%/@\\?#[] \t\r\n") == std::string::npos, "its host");
  }
  if (is_host_name(rest)) {
    const auto named = parse_authority(rest);
    require(named && named->port == 0 && named->host.size() == rest.size(), "a name is a host");
  }
  const bool forwarded = check_target(rest).has_value();
  const auto url = parse_url(base);
  if (!url) {
    require(!url.error().detail.empty(), "an error has a sentence");
    return 0;
  }
  require(url->port != 0, "a port is known");
  require(url->host.find_first_of("/@\\?#[]% ") == std::string::npos, "host of the URL");
  const auto again = parse_url(url->text());
  require(again && again->text() == url->text() && again->port == url->port, "printed and parsed");

  const std::string path = join_path(url->path, rest);
  require(path.starts_with('/'), "a path");
  if (!forwarded) return 0;
  require(path.ends_with(rest), "byte for byte");
  require(check_target(path).has_value(), "what was fit stays fit behind a base path");
  const std::string built = url->scheme + "://" + url->authority() + path;
  const size_t begin = url->scheme.size() + 3;
  require(built.substr(begin, built.find('/', begin) - begin) == url->authority(),
          "the host stays");
  return 0;
}
