/* Any text: timebase_parse never crashes, and what it takes survives being written and read
 * again. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/timebase.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A zone can lead out of the years that have four digits; then the text is for people only. */
    const int64_t first_us = INT64_C(-62135596800) * 1000000;
    const int64_t last_us = INT64_C(253402300800) * 1000000 - 1;
    int64_t us, again;
    char out[32];

    if (timebase_parse((struct str){(const char *)data, size}, &us)) {
        timebase_format(us, out);
        if (us >= first_us && us <= last_us) {
            if (!timebase_parse(str_view(out), &again) || again != us) {
                abort();
            }
        }
    }
    if (size >= sizeof(us)) {
        memcpy(&us, data, sizeof(us));
        timebase_format(us, out);
        if (strlen(out) >= sizeof(out)) {
            abort();
        }
    }
    return 0;
}
