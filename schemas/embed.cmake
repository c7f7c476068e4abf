# embed_files(OUT_VAR NAME GLOB...): turns files into one C table `NAME[]` of struct embedded_file
# (see embedded.h), sorted by name, in the build folder. The bytes stay as they are in the file.
function(embed_files out_var name)
    set(files)
    foreach(pattern ${ARGN})
        file(GLOB found CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} ${pattern})
        list(APPEND files ${found})
    endforeach()
    list(SORT files)
    set(out ${CMAKE_CURRENT_BINARY_DIR}/${name}.c)
    set(absolute)
    foreach(file ${files})
        list(APPEND absolute ${CMAKE_CURRENT_SOURCE_DIR}/${file})
    endforeach()
    add_custom_command(OUTPUT ${out}
        COMMAND ${CMAKE_COMMAND} -DOUT=${out} -DNAME=${name} -DROOT=${CMAKE_CURRENT_SOURCE_DIR}
            "-DFILES=${files}" -P ${CMAKE_SOURCE_DIR}/schemas/embed_write.cmake
        DEPENDS ${absolute} ${CMAKE_SOURCE_DIR}/schemas/embed_write.cmake VERBATIM)
    set(${out_var} ${out} PARENT_SCOPE)
endfunction()
