#include "core/id128.h"

void id128_format(struct id128 id, char *out)
{
    static const char hex[] = "0123456789abcdef";

    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *out++ = '-';
        }
        *out++ = hex[id.bytes[i] >> 4];
        *out++ = hex[id.bytes[i] & 15];
    }
    *out = '\0';
}
