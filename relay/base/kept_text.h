// Memory of texts that every request makes and ends, as heads are: each thread keeps some of it for
// the next one, as it does of objects (recycled.h).
#pragma once

#include <cstddef>
#include <string>

namespace culvert {

// An empty text with room for so many bytes.
std::string kept_text(size_t bytes);

// The memory of a text that is over.
void keep_text(std::string&& text);

}  // namespace culvert
