// Bytes of test vectors, and mbedTLS's numbers, points and groups freed by their scope.
#pragma once

#include "relay/crypto/random_bytes.h"

#include <mbedtls/bignum.h>
#include <mbedtls/ecp.h>

#include <cstdint>
#include <string_view>
#include <vector>

namespace culvert::test {

using Bytes = std::vector<uint8_t>;

inline Bytes hex(std::string_view text) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
  Bytes bytes;
  for (size_t at = 0; at + 1 < text.size(); at += 2) {
    bytes.push_back(static_cast<uint8_t>(digit(text[at]) * 16 + digit(text[at + 1])));
  }
  return bytes;
}

inline Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

struct Mpi {
  Mpi() { mbedtls_mpi_init(&value); }
  explicit Mpi(const Bytes& bytes) : Mpi() {
    mbedtls_mpi_read_binary(&value, bytes.data(), bytes.size());
  }
  explicit Mpi(int number) : Mpi() { mbedtls_mpi_lset(&value, number); }
  Mpi(const Mpi&) = delete;
  Mpi& operator=(const Mpi&) = delete;
  ~Mpi() { mbedtls_mpi_free(&value); }
  Bytes bytes(size_t size) const {
    Bytes out(size);
    mbedtls_mpi_write_binary(&value, out.data(), size);
    return out;
  }
  mbedtls_mpi value;
};

struct Group {
  explicit Group(mbedtls_ecp_group_id id) {
    mbedtls_ecp_group_init(&value);
    mbedtls_ecp_group_load(&value, id);
  }
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;
  ~Group() { mbedtls_ecp_group_free(&value); }
  mbedtls_ecp_group value;
};

struct EcpPoint {
  EcpPoint() { mbedtls_ecp_point_init(&value); }
  EcpPoint(const EcpPoint&) = delete;
  EcpPoint& operator=(const EcpPoint&) = delete;
  ~EcpPoint() { mbedtls_ecp_point_free(&value); }
  mbedtls_ecp_point value;
};

}  // namespace culvert::test
