# Third-party libraries. The core needs header-only ones alone; each component brings its own and says when it is missing.
find_package(Threads REQUIRED)

add_library(comfystream_headers INTERFACE)
if(COMFYSTREAM_HEADERS)
  target_include_directories(comfystream_headers SYSTEM INTERFACE ${COMFYSTREAM_HEADERS})
endif()
# The header-only form of spdlog: one binary for every machine that the core is built on.
target_compile_definitions(comfystream_headers INTERFACE SPDLOG_HEADER_ONLY FMT_HEADER_ONLY)
foreach(header nlohmann/json.hpp CLI/CLI.hpp spdlog/spdlog.h)
  string(MAKE_C_IDENTIFIER "COMFYSTREAM_HAVE_${header}" found)
  find_path(${found} ${header} HINTS ${COMFYSTREAM_HEADERS})
  if(NOT ${found})
    message(FATAL_ERROR "${header} not found. Install nlohmann-json3-dev, libcli11-dev, libspdlog-dev and libstb-dev, "
                        "or give -DCOMFYSTREAM_HEADERS=<folder that holds them>.")
  endif()
endforeach()
find_path(COMFYSTREAM_STB_DIR stb_image.h HINTS ${COMFYSTREAM_HEADERS} PATH_SUFFIXES stb REQUIRED)
target_include_directories(comfystream_headers SYSTEM INTERFACE ${COMFYSTREAM_STB_DIR})

# A component is built when asked for (ON: an error if missing) or when found (AUTO).
set(COMFYSTREAM_WITH_OPENVINO OFF)
if(COMFYSTREAM_OPENVINO)
  # The Python that builds a wheel brings OpenVINO's, else the one that set-up made.
  foreach(python ${Python_EXECUTABLE} ${PROJECT_SOURCE_DIR}/.venv/bin/python)
    if(NOT OpenVINO_DIR AND EXISTS ${python})
      execute_process(COMMAND ${python} -c "from openvino.utils import get_cmake_path as g; print(g(),end='')"
                      OUTPUT_VARIABLE OpenVINO_DIR ERROR_QUIET)
    endif()
  endforeach()
  find_package(OpenVINO QUIET COMPONENTS Runtime)
  if(OpenVINO_FOUND)
    set(COMFYSTREAM_WITH_OPENVINO ON)
  elseif(COMFYSTREAM_OPENVINO STREQUAL "ON")
    message(FATAL_ERROR "OpenVINO not found: ./run --build-only sets up .venv with it, or give -DOpenVINO_DIR=...")
  endif()
endif()

set(COMFYSTREAM_WITH_GSTREAMER OFF)
if(COMFYSTREAM_GSTREAMER)
  find_package(PkgConfig QUIET)
  if(PkgConfig_FOUND)
    pkg_check_modules(GSTREAMER QUIET IMPORTED_TARGET gstreamer-1.0 gstreamer-app-1.0 gstreamer-video-1.0 gstreamer-pbutils-1.0)
  endif()
  if(GSTREAMER_FOUND)
    set(COMFYSTREAM_WITH_GSTREAMER ON)
  elseif(COMFYSTREAM_GSTREAMER STREQUAL "ON")
    message(FATAL_ERROR "GStreamer not found: install libgstreamer1.0-dev and libgstreamer-plugins-base1.0-dev")
  endif()
endif()

if(COMFYSTREAM_CUDA)
  if(NOT CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES 90a)
  endif()
  if(COMFYSTREAM_CCACHE AND NOT CMAKE_CUDA_COMPILER_LAUNCHER)
    set(CMAKE_CUDA_COMPILER_LAUNCHER ${COMFYSTREAM_CCACHE})
  endif()
  enable_language(CUDA)
  find_package(CUDAToolkit REQUIRED)
  find_path(COMFYSTREAM_CUDNN_INCLUDE cudnn.h HINTS ${CUDAToolkit_INCLUDE_DIRS} REQUIRED)
  find_library(COMFYSTREAM_CUDNN_LIBRARY cudnn HINTS ${CUDAToolkit_LIBRARY_DIR} REQUIRED)
  # The wheel of requirements-cuda.txt puts its headers into .venv; another copy is named by hand.
  file(GLOB venv_packages ${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages)
  find_path(COMFYSTREAM_CUDNN_FRONTEND cudnn_frontend.h HINTS ${COMFYSTREAM_HEADERS} ${venv_packages}
            PATH_SUFFIXES include cudnn_frontend/include)
  if(NOT COMFYSTREAM_CUDNN_FRONTEND)
    message(FATAL_ERROR "cudnn_frontend.h not found: ./test --cuda installs it (requirements-cuda.txt), or give "
                        "-DCOMFYSTREAM_CUDNN_FRONTEND=<folder that holds cudnn_frontend.h>")
  endif()
  add_library(comfystream_cuda_libraries INTERFACE)
  target_include_directories(comfystream_cuda_libraries SYSTEM INTERFACE
    ${CUDAToolkit_INCLUDE_DIRS} ${COMFYSTREAM_CUDNN_INCLUDE} ${COMFYSTREAM_CUDNN_FRONTEND})
  # Said as a flag: CMake 3.25 does not know that nvcc 13 has C++20.
  target_compile_options(comfystream_cuda_libraries INTERFACE $<$<COMPILE_LANGUAGE:CUDA>:-std=c++20>)
  target_link_libraries(comfystream_cuda_libraries INTERFACE
    CUDA::cudart CUDA::cublasLt CUDA::nvrtc ${COMFYSTREAM_CUDNN_LIBRARY} Threads::Threads)
endif()

if(COMFYSTREAM_TESTS)
  find_package(GTest REQUIRED)
  include(GoogleTest)
  enable_testing()
endif()
message(STATUS "comfystream: OpenVINO ${COMFYSTREAM_WITH_OPENVINO}, GStreamer ${COMFYSTREAM_WITH_GSTREAMER}, CUDA ${COMFYSTREAM_CUDA}")
