# What may be switched on the command line, and the compiler settings our own targets share.
option(COMFYSTREAM_TESTS "Build the tests" OFF)
set(COMFYSTREAM_OPENVINO AUTO CACHE STRING "OpenVINO backend: ON, OFF or AUTO (when found)")
set(COMFYSTREAM_GSTREAMER AUTO CACHE STRING "Video files, cameras and URIs: ON, OFF or AUTO (when found)")
option(COMFYSTREAM_CUDA "CUDA backend" OFF)
option(COMFYSTREAM_PYTHON "The extension of the Python package (needs nanobind)" OFF)
set(COMFYSTREAM_SANITIZE "" CACHE STRING "Sanitizers for all our targets, as -fsanitize= takes them")
set(COMFYSTREAM_HEADERS "" CACHE PATH "Folder with the header-only libraries, where they are no packages")

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

find_program(COMFYSTREAM_CCACHE ccache)
if(COMFYSTREAM_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${COMFYSTREAM_CCACHE})
endif()

add_library(comfystream_settings INTERFACE)
target_compile_features(comfystream_settings INTERFACE cxx_std_20)
target_compile_options(comfystream_settings INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Werror
  -ffp-contract=off -fno-math-errno>
  # GCC 12 reports overlapping copies in "text" + std::string (GCC bug 105651) and std::optional's storage as
  # uninitialised (GCC bug 80635) where neither is so.
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict -Wno-maybe-uninitialized>
  # GCC 13 and later take a reference that a function returns for one into its temporary argument (seen with GCC 15).
  $<$<AND:$<COMPILE_LANG_AND_ID:CXX,GNU>,$<VERSION_GREATER_EQUAL:$<CXX_COMPILER_VERSION>,13>>:-Wno-dangling-reference -Wno-maybe-uninitialized>)
target_include_directories(comfystream_settings INTERFACE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
if(COMFYSTREAM_SANITIZE)
  # The interface library carries both flags, so every target of ours is instrumented and nothing else is.
  target_compile_options(comfystream_settings INTERFACE -fsanitize=${COMFYSTREAM_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(comfystream_settings INTERFACE -fsanitize=${COMFYSTREAM_SANITIZE})
endif()
