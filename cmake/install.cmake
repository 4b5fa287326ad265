# The program, and the library that include/comfystream describes: one shared object made of all layers, which shows the
# façade alone. Consumers: find_package(comfystream), comfystream::comfystream.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/comfystream)

# The layers that implement the façade go in whole, the others as far as those need them.
add_library(comfystream_library SHARED $<TARGET_OBJECTS:comfystream_client> $<TARGET_OBJECTS:comfystream_core>)
add_library(comfystream::comfystream ALIAS comfystream_library)
target_link_libraries(comfystream_library PRIVATE comfystream::client)
target_link_options(comfystream_library PRIVATE LINKER:--version-script=${PROJECT_SOURCE_DIR}/cmake/comfystream.map)
target_compile_features(comfystream_library PUBLIC cxx_std_20)
file(GLOB facade CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/comfystream/*.hpp)
target_sources(comfystream_library PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/include FILES ${facade})
set_target_properties(comfystream_library PROPERTIES
  OUTPUT_NAME comfystream
  EXPORT_NAME comfystream
  LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/comfystream.map
  VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
  LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)

# OpenVINO's libraries stay where they were found, the virtual environment or OpenVINO_DIR. Named outright: CMake's own
# INSTALL_RPATH_USE_LINK_PATH passes over folders inside the project, where the virtual environment is.
if(COMFYSTREAM_WITH_OPENVINO)
  set_target_properties(comfystream comfystream_library PROPERTIES
    INSTALL_RPATH $<TARGET_FILE_DIR:openvino::runtime>)
endif()

install(TARGETS comfystream RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS comfystream_library EXPORT comfystreamTargets FILE_SET HEADERS)
install(EXPORT comfystreamTargets NAMESPACE comfystream:: DESTINATION ${package_dir})
configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/cmake/comfystreamConfig.cmake.in ${PROJECT_BINARY_DIR}/comfystreamConfig.cmake
  INSTALL_DESTINATION ${package_dir})
# Before 1.0 a minor version may change the interface.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/comfystreamConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/comfystreamConfig.cmake ${PROJECT_BINARY_DIR}/comfystreamConfigVersion.cmake
        DESTINATION ${package_dir})
