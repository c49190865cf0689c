// libcurl's failures as the relay's errors, by stage, in our words: libcurl's own may hold URLs.
#pragma once

#include "relay/base/error.h"

#include <curl/curl.h>

namespace culvert {

// Before the request could leave: of connecting, of an egress proxy, of TLS.
Error fetch_setup_error(CURL* easy, CURLcode code, bool by_proxy);

// Afterwards; the stage is the caller's to say. answered: the head of an answer was there.
Error fetch_exchange_error(CURLcode code, bool answered);

}  // namespace culvert
