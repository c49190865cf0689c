// Certificates and keys for C++ tests, made once per program in a temporary folder that goes with
// it. Needs Python and openssl; ctest starts the programs in the root of the sources.
#pragma once

#include "relay/channel/tls_config.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace culvert::test {

class Certificates {
 public:
  static const Certificates& all() {
    static const Certificates made;
    return made;
  }
  Certificates(const Certificates&) = delete;
  Certificates& operator=(const Certificates&) = delete;
  ~Certificates() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  std::string path(const std::string& file) const { return folder_ / file; }
  std::string pem(const std::string& file) const {
    std::ifstream in(folder_ / file);
    EXPECT_TRUE(in) << file;
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }
  // name: good, rsa, other, expired, untrusted, foreign_key
  CertificatePem leaf(const std::string& name) const {
    return {name, pem(name + ".pem"), pem(name + ".key")};
  }

 private:
  Certificates() {
    std::string shape = std::filesystem::temp_directory_path() / "culvert-cpp-XXXXXX";
    folder_ = mkdtemp(shape.data());
    const std::string command = "python3 -m tests.fakes.cpp.make_certificates " + folder_.string();
    EXPECT_EQ(std::system(command.c_str()), 0);
  }

  std::filesystem::path folder_;
};

}  // namespace culvert::test
