/* crc32c.h - CRC-32C (Castagnoli), with the processor's instruction where it has one. Pure. */
#ifndef METAOPS_INGEST_EMITTER_CRC32C_H
#define METAOPS_INGEST_EMITTER_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of what crc (0 at the start) covers, followed by bytes. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);

/* The same without the instruction. */
uint32_t crc32c_plain(uint32_t crc, const void *bytes, size_t len);

#endif
