# The house rules as tables: which folder may include which, where a foreign library lives, which
# calls have one home, which modules are proven elsewhere than by a unit test of their own. Read by
# tidy_test.py; apart from it so that a change of the rules is a change of this file alone.
import re

TOP_LEVEL = {
    "CMakeLists.txt", "CMakePresets.json", "README.md", "LICENSE", ".ci", ".clang-format",
    ".clang-tidy", ".gitignore", "proto", "relay", "control", "tests", "deploy",
}

STAGES = ("gate", "route", "keys", "upstream", "stream", "usage")
BELOW_STAGES = {"config", "chat", "codec", "channel", "crypto", "base"}

# room of the relay: the rooms whose headers it may include, beside its own
ROOMS = {
    "base": set(),
    "crypto": {"base"},
    "channel": {"base", "crypto"},
    "codec": {"base"},
    "chat": {"base"},
    "config": {"base", "crypto"},
    **{stage: BELOW_STAGES for stage in STAGES},
    "flow": BELOW_STAGES | set(STAGES),
    "edge": BELOW_STAGES | set(STAGES) | {"flow"},
    "main": BELOW_STAGES | set(STAGES) | {"flow", "edge"},
}
MAY_INCLUDE_PROTO = {"config", "usage"}  # of the relay's rooms

# start of an included name: where it may be included (start of the path)
HOMES = {
    "uv.h": ("relay/channel/",),
    "mbedtls/": ("relay/channel/", "relay/crypto/"),
    "psa/": ("relay/crypto/",),
    "ares": ("relay/channel/",),
    "llhttp.h": ("relay/codec/",),
    "simdjson": ("relay/codec/",),
    "rapidjson/": ("relay/base/json_writer",),
    "spdlog/": ("relay/base/log", "relay/usage/access_log"),
    "prometheus/": ("relay/usage/",),
    "yaml-cpp/": ("proto/",),
    # Each verb of `culvert` declares its own arguments.
    "CLI/": ("relay/main.cc", "control/main.cc", "control/cli/"),
    "CLI11": ("relay/main.cc",),
    "curl/": ("relay/upstream/fetch_",),
    "grpcpp/": ("relay/config/control_link", "control/rpc/", "control/cli/", "control/store/etcd"),
    "httplib.h": ("control/web/",),
    "sqlite3.h": ("control/store/", "control/ledger/"),
    "libpq-fe.h": ("control/ledger/",),
}

# pattern in code (comments and strings are taken out before): where it may stand, and why not
# elsewhere
BANNED = [
    (r"(steady|system|high_resolution)_clock::now", ("relay/base/clock",),
     "time comes from a Clock, so that tests move it"),
    (r"\b(std::)?time\s*\(\s*(nullptr|NULL|0|&)", (), "time comes from a Clock"),
    (r"\b(secure_)?getenv\s*\(|\benviron\b|\b(un)?setenv\s*\(",
     ("relay/config/", "relay/edge/system", "relay/base/service_manager",
      "control/cli/environment"),
     "what a process is told comes in by one place of each program"),
    (r"std::(cout|cerr|clog)\b|#include <iostream>", ("relay/main.cc", "control/main.cc"),
     "what a relay says goes through base/log and usage/access_log"),
    (r"\bv?[fd]?printf\s*\(|\bputs\s*\(", (), "fmt formats, base/log writes"),
    (r"\bv?sn?printf\s*\(", (), "fmt formats, and cannot overrun"),
    (r"\b(u|nano)?sleep\s*\(|sleep_for|sleep_until", (), "a loop that sleeps serves nobody"),
    (r"\b(strtok|gmtime|localtime|asctime|ctime|gethostbyname|inet_ntoa)\s*\(", (),
     "keeps its result in one place for all threads"),
    (r"\b(strcpy|strcat|gets|alloca)\s*\(", (), "has no bound"),
    (r"\b(atoi|atol|atof|strtol|strtoul|strtod)\s*\(|\bstd::sto(i|l|ul|ll|ull|d|f)\b", (),
     "takes signs, spaces or a locale: std::from_chars"),
    (r"\b(rand|srand|random_shuffle)\s*\(|std::mt19937|std::random_device", (),
     "chance comes from a Random"),
    (r"std::regex", (), "its time has no bound on what comes from outside"),
    (r"\bsystem\s*\(\s*[\"\w]|\bpopen\s*\(", (), "a relay starts no programs"),
    (r"\.detach\s*\(\)", (), "every thread is joined by its owner"),
    (r"(?<![.>])\b(std::)?(_?exit|quick_exit|abort)\s*\(", ("relay/base/random",),
     "the process ends by returning from main"),
    (r"\bco_(await|yield|return)\b", (), "g++ 12 miscompiles ordinary coroutines"),
    (r"std::(format|expected|ranges::|views::|source_location)\b", (),
     "not in both of the compilers"),
    (r"\bthrow\b", ("proto/yaml_tree", "relay/channel/tls_channel", "relay/crypto/"),
     "errors are Results on the data path"),
    (r"\b(TODO|FIXME|XXX|HACK)\b", (), "is done or is an issue"),
]

# Modules that have no unit test of their own name, and where they are tested instead.
TESTED_ELSEWHERE = {
    "relay/base/dialect": "an enumeration without behaviour",
    "relay/base/limits": "constants; each is held by the test of what it bounds",
    "relay/base/version": "one constant; --version is held by tests/integration",
    "relay/base/log": "writes to standard error: tests/integration reads the real relay's lines",
    "relay/base/host_pattern": "with addresses: tests/unit/base/address_test.cc",
    "relay/base/public_address": "with addresses: tests/unit/base/address_test.cc",
    "relay/base/service_manager": "tests/integration: what systemd is told",
    "relay/channel/channel": "an interface; tests/fakes/cpp/memory_channel.h is one of it",
    "relay/channel/fd": "ownership, held by every test that counts descriptors",
    "relay/channel/poll": "by every test of a socket: tcp, listener, race, resolver",
    "relay/channel/signals": "tests/integration sends SIGTERM and SIGHUP to the real relay",
    "relay/channel/tls_engine": "through tls_channel, which drives it",
    "relay/channel/tls_state": "fields of what tls_config makes",
    "relay/channel/tls_config": "through tls_channel: tests/unit/channel/tls_channel_test.cc",
    "relay/channel/handshake_pool": "through tls_channel, and by its bound there",
    "relay/codec/http_event": "values without behaviour",
    "relay/codec/headers": "through both parsers and the header policies of gate",
    "relay/codec/message_reader": "through request_parser and response_parser",
    "relay/codec/head_scanner": "through request_parser and request_smuggling",
    "relay/codec/llhttp_reader": "through request_parser and response_parser",
    "relay/codec/framing": "through request_parser and response_parser",
    "relay/codec/offence": "values without behaviour",
    "relay/codec/characters": "through both parsers, byte by byte",
    "relay/codec/document": "through json",
    "relay/config/snapshot": "values without behaviour; bootstrap makes them",
    "relay/config/file": "through bootstrap, which reads by it",
    "relay/config/attachment": "tests/integration/control: a real relay and a service",
    "relay/config/compile_parts": "through compile",
    "relay/config/control_link": "tests/integration/control: a real relay and a service",
    "relay/config/control_link_channel": "tests/integration/control, as control_link",
    "relay/config/control_link_join": "tests/integration/control: culvert-relay join",
    "relay/config/control_link_streams": "tests/integration/control, as control_link",
    "relay/config/durable_file": "through last_known_good and identity",
    "relay/config/remote_settling": "through remote_config",
    "relay/config/usage_source": "an interface",
    "relay/config/compile_settings": "through compile",
    "relay/config/compile_upstream": "through compile",
    "relay/crypto/random_bytes": "through seal: no two sealed texts are the same",
    "relay/crypto/start": "one call; every test of TLS makes it",
    "relay/edge/admin": "tests/integration: /metrics, /healthz, /readyz, /debug of the real relay",
    "relay/edge/client_connection": "tests/integration, on the wire",
    "relay/edge/server": "tests/integration, and tests/integration/faults_test.cc in-process",
    "relay/edge/system": "tests/integration: what systemd passes and is told",
    "relay/edge/worker": "tests/integration, on the wire",
    "relay/flow/attempt": "tests/integration: a retry seen at the upstream",
    "relay/flow/bill": "tests/integration/life/usage_test.py: one record for each request",
    "relay/flow/client_side": "an interface",
    "relay/flow/pages": "tests/integration, on the wire",
    "relay/flow/paying_key": "tests/integration: pools at work, seen at the upstream",
    "relay/flow/plan": "tests/integration: heads on the wire, both ways",
    "relay/flow/refusal": "tests/integration, on the wire",
    "relay/flow/reply": "tests/integration, on the wire",
    "relay/flow/request_body": "tests/integration: bodies of any size, repeated and not",
    "relay/flow/services": "references without behaviour",
    "relay/flow/session": "tests/integration: every request is one",
    "relay/flow/status_page": "tests/integration, on the wire",
    "relay/flow/table": "tests/integration: reload and routes",
    "relay/main": "tests/integration runs the program",
    "relay/upstream/connector": "an interface",
    "relay/usage/access_log": "tests/integration reads the real relay's lines",
    "relay/usage/metrics": "tests/integration reads /metrics of the real relay",
    "relay/usage/record": "values without behaviour",
    "relay/usage/spool_folder": "through spool: restarts, locks, damaged files",
    "relay/usage/usage_source": "an interface; spool is one",
    "proto/defaults": "constants",
    "proto/config_error": "through everything that refuses a configuration",
    "proto/listener": "through validate and tests/unit/config/bootstrap_test.cc",
    "proto/words": "through validate and environment",
    "proto/resources": "through yaml: tests/unit/proto/yaml_test.cc",
    "proto/suggest": "with scalars: tests/unit/proto/scalars_test.cc",
    "proto/yaml_spec": "through yaml: tests/unit/proto/yaml_test.cc",
    "proto/yaml_tree": "through yaml: tests/unit/proto/yaml_test.cc",
    "proto/yaml_writer": "through yaml: tests/unit/proto/yaml_test.cc",
    "proto/validate_headers": "through validate",
    "proto/validate_parts": "through validate",
    "proto/validate_relay": "through validate",
    "proto/validate_upstream": "through validate",
    "proto/validate_relays": "through validate",
}

# What no tracked file may name: places of one machine, and whose servers packages come from.
PLACES = [
    re.compile(r"(?<![\w.$}/-])/(work/|root/|(home|Users)/\w\w)"),
    re.compile(r"(?<![\w.$}/-])/tmp/[a-z]\w*/"),
    re.compile(r"https?://[^/\s\"']*(registry|mirror|artifact|packages?|pypi|proxy\.golang)"
               r"[^/\s\"']*\.[a-z]{2,}", re.I),
]
