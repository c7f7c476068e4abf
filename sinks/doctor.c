#include "doctor.h"

#include "core/exit_code.h"

int doctor_run(const struct settings *st)
{
    (void)st;
    return EXIT_CODE_FAILED;
}
