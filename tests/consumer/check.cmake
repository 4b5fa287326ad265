# cmake -DBUILD=<build folder> -DSOURCE=<this folder> [-DSANITIZE=<sanitizers>] -P check.cmake: installs the library, then
# builds and runs a project that finds it, with the sanitizers that the library was built with.
if(SANITIZE)
  set(flags -DCMAKE_CXX_FLAGS=-fsanitize=${SANITIZE})
endif()
set(work ${BUILD}/consumer)
file(REMOVE_RECURSE ${work})
function(step)
  execute_process(COMMAND ${ARGN} OUTPUT_QUIET COMMAND_ECHO STDERR COMMAND_ERROR_IS_FATAL ANY)
endfunction()
step(${CMAKE_COMMAND} --install ${BUILD} --prefix ${work}/prefix)
step(${CMAKE_COMMAND} -G Ninja -S ${SOURCE} -B ${work}/build -DCMAKE_BUILD_TYPE=Debug ${flags}
     -DCMAKE_PREFIX_PATH=${work}/prefix)
step(${CMAKE_COMMAND} --build ${work}/build)
step(${work}/build/consumer)
step(${work}/prefix/bin/comfystream --version)
