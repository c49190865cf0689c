// The model's name in paths that carry one (Gemini API reference: models.*, tunedModels.*). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace culvert {

// "…/models/{model}:{method}", "…/models/{model}", "…/publishers/google/models/{model}:{method}" →
// the model, percent-decoded; a tuned model keeps its collection ("tunedModels/{name}"), because
// its name says nothing about what it was made from. "" where the path names none. A query is
// ignored.
std::string model_in_path(std::string_view path);

// A name as bodies carry it, without the collection that some clients write before it: "models/x"
// is "x".
std::string_view plain_model(std::string_view model);

// The path and query with another model where it names one, all else byte for byte: `model` is a
// plain name, "models/{name}" or "tunedModels/{name}", and percent-encoded as a segment needs it.
// nullopt where the path names none, as model_in_path sees it.
std::optional<std::string> with_model(std::string_view path, std::string_view model);

}  // namespace culvert
