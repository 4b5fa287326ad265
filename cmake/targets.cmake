# comfystream_layer(<name> SOURCES <files> [DEPENDS <layers or libraries>] [PRIVATE <libraries>])
# One static library per layer. DEPENDS is what its headers show, PRIVATE what only its sources use.
function(comfystream_layer name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS;PRIVATE" ${ARGN})
  add_library(comfystream_${name} STATIC ${arg_SOURCES})
  add_library(comfystream::${name} ALIAS comfystream_${name})
  target_link_libraries(comfystream_${name} PUBLIC comfystream_settings comfystream_headers ${arg_DEPENDS} PRIVATE ${arg_PRIVATE})
  set_target_properties(comfystream_${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
endfunction()

# comfystream_tests(<name> SOURCES <files> [DEPENDS <layers>] [OVERLOOK_LEAKS])
# One GoogleTest program, `<name>_tests`, registered test by test under the program's name as label: ctest -L <name>_tests
# runs them where nothing else was built. OVERLOOK_LEAKS is for tests that run whole programs, at whose
# end libraries keep things on purpose: GLib its names.
function(comfystream_tests name)
  if(NOT COMFYSTREAM_TESTS)
    return()
  endif()
  cmake_parse_arguments(arg "OVERLOOK_LEAKS" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name}_tests ${arg_SOURCES})
  target_link_libraries(${name}_tests PRIVATE comfystream_settings comfystream_headers ${arg_DEPENDS} GTest::gtest GTest::gmock GTest::gtest_main)
  target_compile_definitions(${name}_tests PRIVATE COMFYSTREAM_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  target_include_directories(${name}_tests PRIVATE ${PROJECT_SOURCE_DIR})
  set_target_properties(${name}_tests PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  set(properties TIMEOUT 600 LABELS ${name}_tests)
  if(COMFYSTREAM_SANITIZE)
    # Half the time to compile; what runs for long is in the layers.
    target_compile_options(${name}_tests PRIVATE -O0)
    # oneTBB, which OpenVINO brings, else opens its libraries in a way that AddressSanitizer refuses.
    list(APPEND properties ENVIRONMENT TBB_ENABLE_SANITIZERS=1)
    set(leaks LSAN_OPTIONS=set:print_suppressions=0:suppressions=${PROJECT_SOURCE_DIR}/cmake/leaks_of_libraries.supp)
    if(arg_OVERLOOK_LEAKS)
      set(leaks ASAN_OPTIONS=set:detect_leaks=0)
    endif()
    list(APPEND properties ENVIRONMENT_MODIFICATION ${leaks})
  endif()
  gtest_discover_tests(${name}_tests DISCOVERY_TIMEOUT 120 PROPERTIES ${properties})
endfunction()
