# Finds the libraries of the dependency table. llhttp comes from the build tree where the
# distribution has none (Debian 12), and is linked statically from there; mbedTLS is built from it.
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

find_path(LLHTTP_INCLUDE llhttp.h HINTS "${CULVERT_DEPS_DIR}/usr/include" REQUIRED)
file(STRINGS "${LLHTTP_INCLUDE}/llhttp.h" LLHTTP_VERSION_LINES
     REGEX "define LLHTTP_VERSION_(MAJOR|MINOR) ")
string(REGEX REPLACE ".*MAJOR ([0-9]+).*MINOR ([0-9]+).*" "\\1.\\2" LLHTTP_VERSION
                     "${LLHTTP_VERSION_LINES}")
if(NOT LLHTTP_VERSION VERSION_GREATER_EQUAL 9.2)
  message(FATAL_ERROR "llhttp ${LLHTTP_VERSION} in ${LLHTTP_INCLUDE} is too old: 9.2 or newer is "
                      "needed; deploy/dependencies.sh installs it")
endif()

find_library(LLHTTP_LIBRARY NAMES libllhttp.a
             HINTS "${CULVERT_DEPS_DIR}/usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}" REQUIRED)
add_library(llhttp::llhttp STATIC IMPORTED)
set_target_properties(llhttp::llhttp PROPERTIES IMPORTED_LOCATION "${LLHTTP_LIBRARY}"
                                                INTERFACE_INCLUDE_DIRECTORIES "${LLHTTP_INCLUDE}")

include(${CMAKE_CURRENT_LIST_DIR}/mbedtls/mbedtls.cmake)
