# Finds the libraries of the dependency table. mbedTLS and llhttp come from the build tree where the
# distribution's own are too old (Debian 12), and are linked statically from there.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(Protobuf REQUIRED)
find_package(gRPC CONFIG REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(spdlog REQUIRED)
find_package(fmt REQUIRED)
pkg_check_modules(UV REQUIRED IMPORTED_TARGET libuv>=1.44)
pkg_check_modules(CARES REQUIRED IMPORTED_TARGET libcares)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl>=7.88)
find_package(OpenSSL 3 REQUIRED)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(HTTPLIB REQUIRED IMPORTED_TARGET cpp-httplib)
pkg_check_modules(SIMDJSON REQUIRED IMPORTED_TARGET simdjson)
find_library(PROMETHEUS_CORE prometheus-cpp-core REQUIRED)
find_path(CLI11_INCLUDE CLI/CLI.hpp REQUIRED)

find_path(MBEDTLS_INCLUDE mbedtls/ssl.h HINTS "${CULVERT_DEPS_DIR}/usr/include" REQUIRED)
file(STRINGS "${MBEDTLS_INCLUDE}/mbedtls/build_info.h" MBEDTLS_VERSION_LINE
     REGEX "define MBEDTLS_VERSION_STRING ")
string(REGEX REPLACE ".*\"([0-9.]+)\".*" "\\1" MBEDTLS_VERSION "${MBEDTLS_VERSION_LINE}")
if(NOT MBEDTLS_VERSION VERSION_GREATER_EQUAL 3.6.4)
  message(FATAL_ERROR "mbedTLS ${MBEDTLS_VERSION} in ${MBEDTLS_INCLUDE} is too old: 3.6.4 or newer "
                      "is needed; deploy/dependencies.sh installs it")
endif()

find_path(LLHTTP_INCLUDE llhttp.h HINTS "${CULVERT_DEPS_DIR}/usr/include" REQUIRED)
file(STRINGS "${LLHTTP_INCLUDE}/llhttp.h" LLHTTP_VERSION_LINES
     REGEX "define LLHTTP_VERSION_(MAJOR|MINOR) ")
string(REGEX REPLACE ".*MAJOR ([0-9]+).*MINOR ([0-9]+).*" "\\1.\\2" LLHTTP_VERSION
                     "${LLHTTP_VERSION_LINES}")
if(NOT LLHTTP_VERSION VERSION_GREATER_EQUAL 9.2)
  message(FATAL_ERROR "llhttp ${LLHTTP_VERSION} in ${LLHTTP_INCLUDE} is too old: 9.2 or newer is "
                      "needed; deploy/dependencies.sh installs it")
endif()

# name: imported target; file: library's base name; include: directory of its headers
function(culvert_static_library name file include)
  string(MAKE_C_IDENTIFIER "LIB_${file}" variable)
  find_library(${variable} NAMES lib${file}.a
               HINTS "${CULVERT_DEPS_DIR}/usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}" REQUIRED)
  add_library(${name} STATIC IMPORTED)
  set_target_properties(${name} PROPERTIES IMPORTED_LOCATION "${${variable}}"
                                           INTERFACE_INCLUDE_DIRECTORIES "${include}")
endfunction()

culvert_static_library(llhttp::llhttp llhttp "${LLHTTP_INCLUDE}")
culvert_static_library(mbedtls::crypto mbedcrypto "${MBEDTLS_INCLUDE}")
culvert_static_library(mbedtls::x509 mbedx509 "${MBEDTLS_INCLUDE}")
culvert_static_library(mbedtls::tls mbedtls "${MBEDTLS_INCLUDE}")
target_link_libraries(mbedtls::crypto INTERFACE Threads::Threads)
target_link_libraries(mbedtls::x509 INTERFACE mbedtls::crypto)
target_link_libraries(mbedtls::tls INTERFACE mbedtls::x509)
