# mbedTLS from Debian's source package (deploy/dependencies.sh unpacks it), with the configuration
# of culvert_mbedtls_config.h. One archive, because its three layers are always used together.
set(MBEDTLS_SOURCE_DIR "${CULVERT_DEPS_DIR}/src/mbedtls")
set(MBEDTLS_CONFIG_DIR "${CMAKE_CURRENT_LIST_DIR}")
if(NOT EXISTS "${MBEDTLS_SOURCE_DIR}/include/mbedtls/build_info.h")
  message(FATAL_ERROR "no source of mbedTLS in ${MBEDTLS_SOURCE_DIR}: deploy/dependencies.sh "
                      "unpacks it there")
endif()
file(STRINGS "${MBEDTLS_SOURCE_DIR}/include/mbedtls/build_info.h" MBEDTLS_VERSION_LINE
     REGEX "define MBEDTLS_VERSION_STRING ")
string(REGEX REPLACE ".*\"([0-9.]+)\".*" "\\1" MBEDTLS_VERSION "${MBEDTLS_VERSION_LINE}")
# 4.0 has no hooks for another library's primitives.
if(MBEDTLS_VERSION VERSION_LESS 3.6.4 OR MBEDTLS_VERSION VERSION_GREATER_EQUAL 3.7)
  message(FATAL_ERROR "mbedTLS ${MBEDTLS_VERSION} in ${MBEDTLS_SOURCE_DIR}: 3.6, at least 3.6.4, "
                      "is needed; remove ${CULVERT_DEPS_DIR} and run deploy/dependencies.sh")
endif()

set(CULVERT_TLS_PRIMITIVES libcrypto CACHE STRING
    "Who computes for TLS: libcrypto (OpenSSL's, faster) or mbedtls (its own C code)")
set_property(CACHE CULVERT_TLS_PRIMITIVES PROPERTY STRINGS libcrypto mbedtls)
if(NOT CULVERT_TLS_PRIMITIVES MATCHES "^(libcrypto|mbedtls)$")
  message(FATAL_ERROR "CULVERT_TLS_PRIMITIVES is ${CULVERT_TLS_PRIMITIVES}: libcrypto or mbedtls "
                      "is allowed")
endif()

# name: the target; primitives: as CULVERT_TLS_PRIMITIVES; EXTRA: header of further options.
# Who links it sees its headers with the same configuration.
function(culvert_mbedtls name primitives)
  cmake_parse_arguments(MBEDTLS "" "EXTRA" "" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${MBEDTLS_SOURCE_DIR}/library/*.c")
  add_library(${name} STATIC EXCLUDE_FROM_ALL ${sources})
  target_include_directories(${name} SYSTEM PUBLIC "${MBEDTLS_SOURCE_DIR}/include"
                                                   "${MBEDTLS_CONFIG_DIR}")
  target_include_directories(${name} PRIVATE "${MBEDTLS_SOURCE_DIR}/library")
  # Names instead of paths, so that ccache serves one tree from what another one compiled.
  target_compile_definitions(${name} PUBLIC MBEDTLS_CONFIG_FILE="culvert_mbedtls_config.h")
  if(MBEDTLS_EXTRA)
    cmake_path(GET MBEDTLS_EXTRA FILENAME extra)
    cmake_path(GET MBEDTLS_EXTRA PARENT_PATH directory)
    target_include_directories(${name} SYSTEM PUBLIC "${directory}")
    target_compile_definitions(${name} PUBLIC "MBEDTLS_USER_CONFIG_FILE=\"${extra}\"")
  endif()
  target_link_libraries(${name} PUBLIC Threads::Threads)
  if(primitives STREQUAL libcrypto)
    culvert_libcrypto(${name})
  endif()
endfunction()

add_subdirectory("${CMAKE_SOURCE_DIR}/relay/channel/libcrypto")
culvert_mbedtls(mbedtls "${CULVERT_TLS_PRIMITIVES}")
