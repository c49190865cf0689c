// Runs a fuzz target without libFuzzer, so that every build tries it: over its seeds, each of their
// beginnings, and mutations of them that are the same in every run. main() of the smoke tests.
#include "relay/base/random.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

constexpr size_t kPrefixBytes = 2048;
constexpr int kMutations = 2000;  // of each seed

void run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

std::string mutated(std::string input,
                    const std::vector<std::string>& seeds,
                    culvert::Random& random) {
  for (uint64_t changes = 1 + random.below(4); changes > 0 && !input.empty(); --changes) {
    const size_t at = random.below(input.size());
    switch (random.below(5)) {
      case 0:
        input[at] = static_cast<char>(random.below(256));
        break;
      case 1:
        input.erase(at, 1 + random.below(8));
        break;
      case 2:
        input.insert(at, 1 + random.below(8), static_cast<char>(random.below(256)));
        break;
      case 3:  // the same once more: doubled fields, chunks, keys
        input.insert(at, input.substr(random.below(input.size()), random.below(64)));
        break;
      default: {
        const std::string& other = seeds[random.below(seeds.size())];
        input.replace(at, std::string::npos, other.substr(std::min(at, other.size())));
      }
    }
  }
  return input;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::filesystem::path> files;
  for (int i = 1; i < argc; ++i) {
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  std::vector<std::string> seeds;
  for (const auto& path : files) {
    std::ifstream in(path, std::ios::binary);
    seeds.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  if (seeds.empty()) {
    std::fputs("usage: smoke FOLDER… with at least one seed\n", stderr);
    return 2;
  }
  culvert::SeededRandom random(20260101);
  size_t runs = 0;
  for (const std::string& seed : seeds) {
    for (size_t size = 0; size <= std::min(seed.size(), kPrefixBytes); ++size, ++runs) {
      run(seed.substr(0, size));
    }
    for (int i = 0; i < kMutations; ++i, ++runs) run(mutated(seed, seeds, random));
    run(seed);
  }
  std::printf("%zu runs over %zu seeds\n", runs + seeds.size(), seeds.size());
}
