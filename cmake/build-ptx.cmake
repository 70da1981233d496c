# One *.cu to PTX, run by CMakeLists.txt: KERNEL to PTX by NVCC for ARCHITECTURE with OPTIONS. The first line names the sources: the SHA-256 of the SHA-256 of
# the *.cu and of every *.cuh under SOURCES, by path. A test compares it with the sources there are.
execute_process(COMMAND "${NVCC}" ${OPTIONS} -std=c++17 --ptx -O3 "-arch=${ARCHITECTURE}" -o "${PTX}" "${KERNEL}" COMMAND_ERROR_IS_FATAL ANY)
file(GLOB_RECURSE HEADERS RELATIVE "${SOURCES}" "${SOURCES}/*.cuh")
list(SORT HEADERS COMPARE STRING)
file(SHA256 "${KERNEL}" HASHES)
foreach(HEADER IN LISTS HEADERS)
  file(SHA256 "${SOURCES}/${HEADER}" HASH)
  string(APPEND HASHES "${HASH}")
endforeach()
string(SHA256 HASH "${HASHES}")
file(READ "${PTX}" TEXT)
file(WRITE "${PTX}" "// sources ${HASH}\n${TEXT}")
