# cmake -DBUILD=<build folder> -DSOURCE=<this folder> -P check.cmake: installs the library, then builds and runs a project
# that finds it.
set(work ${BUILD}/consumer)
file(REMOVE_RECURSE ${work})
foreach(step
    "--install;${BUILD};--prefix;${work}/prefix"
    "-G;Ninja;-S;${SOURCE};-B;${work}/build;-DCMAKE_BUILD_TYPE=Debug;-DCMAKE_PREFIX_PATH=${work}/prefix"
    "--build;${work}/build")
  execute_process(COMMAND ${CMAKE_COMMAND} ${step} OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
endforeach()
execute_process(COMMAND ${work}/build/consumer COMMAND_ERROR_IS_FATAL ANY)
