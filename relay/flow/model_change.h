// A destination's own model in a request's body, for the session: how long the body becomes, and
// what to say where it cannot be done. Pure.
#pragma once

#include "relay/base/result.h"
#include "relay/codec/model_rewriter.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace culvert {

// By how many bytes a body that begins so grows. search_bytes: as ModelRewriter's. Errors are the
// client's, of stage request.
Result<int64_t> growth_of(const std::string& model, std::string_view begins, size_t search_bytes);

// An error where nothing more of the body may go up.
Result<void> checked(ModelRewriter::State state);

}  // namespace culvert
