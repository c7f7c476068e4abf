# What makes a memory error harder to use, for every target that links metaops_flags. Checked on the
# built program by tests/check/hardening.sh.
include(CheckCCompilerFlag)
include(CheckCSourceCompiles)

target_compile_options(metaops_flags INTERFACE -fstack-protector-strong)

# Not every compiler and processor has these.
foreach(flag stack-clash-protection cf-protection)
    string(MAKE_C_IDENTIFIER "HAVE_${flag}" known)
    check_c_compiler_flag("-Werror -f${flag}" ${known})
    if(${known})
        target_compile_options(metaops_flags INTERFACE -f${flag})
    endif()
endforeach()

# Level 3 also checks sizes that are known at run time only; older compilers or C libraries have 2.
set(CMAKE_REQUIRED_FLAGS "-O2 -Werror -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3")
check_c_source_compiles("
#include <string.h>
#if !defined(__USE_FORTIFY_LEVEL) || __USE_FORTIFY_LEVEL < 3
#error no level 3
#endif
int main(void) { return 0; }" HAVE_FORTIFY_LEVEL_3)
unset(CMAKE_REQUIRED_FLAGS)
set(METAOPS_FORTIFY -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$<IF:$<BOOL:${HAVE_FORTIFY_LEVEL_3}>,3,2>)

# Code of a shared library is position independent by its own property and keeps -fPIC.
target_compile_options(metaops_flags INTERFACE
    $<$<NOT:$<BOOL:$<TARGET_PROPERTY:POSITION_INDEPENDENT_CODE>>>:-fPIE>)
target_link_options(metaops_flags INTERFACE
    $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-pie>
    -Wl,-z,relro,-z,now -Wl,-z,noexecstack -Wl,-z,separate-code)
