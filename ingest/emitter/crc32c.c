#include "ingest/emitter/crc32c.h"

#include <string.h>

/* Reflected polynomial 0x82F63B78, four bits at a time: small enough to stand here. */
static const uint32_t nibbles[16] = {
    0x00000000, 0x105EC76F, 0x20BD8EDE, 0x30E349B1, 0x417B1DBC, 0x5125DAD3, 0x61C69362, 0x7198540D,
    0x82F63B78, 0x92A8FC17, 0xA24BB5A6, 0xB21572C9, 0xC38D26C4, 0xD3D3E1AB, 0xE330A81A, 0xF36E6F75,
};

uint32_t crc32c_plain(uint32_t crc, const void *bytes, size_t len)
{
    const uint8_t *byte = bytes;

    crc = ~crc;
    for (size_t i = 0; i < len; i++) {
        crc ^= byte[i];
        crc = (crc >> 4) ^ nibbles[crc & 15];
        crc = (crc >> 4) ^ nibbles[crc & 15];
    }
    return ~crc;
}

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) static uint32_t crc32c_fast(uint32_t crc, const uint8_t *byte,
                                                              size_t len)
{
    uint64_t sum = ~crc;
    uint64_t word;

    for (; len >= 8; len -= 8, byte += 8) {
        memcpy(&word, byte, 8);
        sum = __builtin_ia32_crc32di(sum, word);
    }
    for (; len > 0; len--, byte++) {
        sum = __builtin_ia32_crc32qi((uint32_t)sum, *byte);
    }
    return ~(uint32_t)sum;
}

uint32_t crc32c(uint32_t crc, const void *bytes, size_t len)
{
    return __builtin_cpu_supports("sse4.2") ? crc32c_fast(crc, bytes, len)
                                            : crc32c_plain(crc, bytes, len);
}

#else

uint32_t crc32c(uint32_t crc, const void *bytes, size_t len)
{
    return crc32c_plain(crc, bytes, len);
}

#endif
