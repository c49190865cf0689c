// Prints the usage records under a spool's folder, oldest first, one JSON object a line: the tests'
// look at what a relay wrote. Takes no lock and changes nothing, so that it can read the spool of a
// relay that runs.
#include "culvert/v1/usage.pb.h"
#include "relay/usage/segment.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

namespace {

bool print(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!culvert::records_of_head(bytes)) return bytes.empty();
  culvert::RecordReader reader(std::string_view(bytes).substr(culvert::kSegmentHead));
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  while (const auto record = reader.next()) {
    culvert::v1::UsageRecord message;
    std::string json;
    if (!message.ParseFromArray(record->data(), static_cast<int>(record->size())) ||
        !google::protobuf::util::MessageToJsonString(message, &json, options).ok()) {
      return false;
    }
    std::cout << json << '\n';
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: spool_dump FOLDER\n";
    return 2;
  }
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
    if (entry.path().extension() == ".usage") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return std::all_of(files.begin(), files.end(), print) ? 0 : 1;
}
