# How every module of the project is built: warnings, sanitizers, hardening, and the three kinds of
# targets (module, unit test, fuzz target). A module names what it may include by its DEPENDS.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

add_library(sm_flags INTERFACE)
target_compile_options(sm_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes
  -Wformat=2 -Wvla -Wundef -Wcast-qual -Wwrite-strings
  -fstack-protector-strong -fno-common)
target_compile_definitions(sm_flags INTERFACE _POSIX_C_SOURCE=200809L _DEFAULT_SOURCE)
target_include_directories(sm_flags INTERFACE ${PROJECT_SOURCE_DIR}/backend)
if(SM_WERROR)
  target_compile_options(sm_flags INTERFACE -Werror)
endif()
if(SM_SANITIZE)
  target_compile_options(sm_flags INTERFACE
    -fsanitize=${SM_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(sm_flags INTERFACE -fsanitize=${SM_SANITIZE})
elseif(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  target_compile_options(sm_flags INTERFACE -D_FORTIFY_SOURCE=2)
  target_link_options(sm_flags INTERFACE -Wl,-z,relro,-z,now)
endif()
if(SM_FUZZ)
  target_compile_options(sm_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# sm_link_packages(NAME pkg-config names …): each is looked for once.
function(sm_link_packages name)
  foreach(package IN LISTS ARGN)
    string(MAKE_C_IDENTIFIER "SM_PKG_${package}" target)
    if(NOT TARGET PkgConfig::${target})
      pkg_check_modules(${target} REQUIRED IMPORTED_TARGET GLOBAL ${package})
    endif()
    target_link_libraries(${name} PRIVATE PkgConfig::${target})
  endforeach()
endfunction()

# sm_module(NAME SOURCES … [DEPENDS module …] [PACKAGES pkg-config names …] [LIBRARIES plain names …])
function(sm_module name)
  cmake_parse_arguments(M "" "" "SOURCES;DEPENDS;PACKAGES;LIBRARIES" ${ARGN})
  add_library(${name} STATIC ${M_SOURCES})
  target_link_libraries(${name} PRIVATE sm_flags PUBLIC ${M_DEPENDS})
  sm_link_packages(${name} ${M_PACKAGES})
  target_link_libraries(${name} PRIVATE ${M_LIBRARIES})
endfunction()

# sm_test(NAME SOURCES … [DEPENDS …] [LABELS …]): a cmocka program beside what it tests. The target test_programs_LABEL is all
# programs with a label.
function(sm_test name)
  if(NOT SM_TESTS)
    return()
  endif()
  cmake_parse_arguments(T "" "" "SOURCES;DEPENDS;LABELS;PACKAGES" ${ARGN})
  if(NOT TARGET PkgConfig::SM_PKG_cmocka)
    pkg_check_modules(SM_PKG_cmocka REQUIRED IMPORTED_TARGET GLOBAL cmocka)
  endif()
  add_executable(${name} ${T_SOURCES})
  target_link_libraries(${name} PRIVATE sm_flags ${T_DEPENDS} PkgConfig::SM_PKG_cmocka)
  sm_link_packages(${name} ${T_PACKAGES})
  target_compile_definitions(${name} PRIVATE SM_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  add_test(NAME ${name} COMMAND ${name})
  if(T_LABELS)
    set_tests_properties(${name} PROPERTIES LABELS "${T_LABELS}")
  endif()
  foreach(label IN LISTS T_LABELS)
    sm_add_programs(${label} ${name})
  endforeach()
endfunction()

# sm_embed_text(FILE VARIABLE OUT): a text file as a C array with a zero byte at its end.
function(sm_embed_text file variable out)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
  file(CONFIGURE OUTPUT ${out} @ONLY
    CONTENT "extern const char ${variable}[];\nconst char ${variable}[] = {${bytes}0};\n")
endfunction()

# sm_add_programs(LABEL name …): to what test_programs_LABEL builds.
function(sm_add_programs label)
  if(NOT TARGET test_programs_${label})
    add_custom_target(test_programs_${label})
  endif()
  add_dependencies(test_programs_${label} ${ARGN})
endfunction()
