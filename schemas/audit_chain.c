/* The low-level calls on purpose: one digest an event, and a context of EVP costs more than the hash. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "audit_chain.h"

#include <arpa/inet.h>
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include <openssl/sha.h>

/* PostgreSQL counts from 2000-01-01. */
#define EPOCH_US INT64_C(946684800000000)

static void put_2(SHA256_CTX *sha, int16_t value)
{
    uint16_t wire = htons((uint16_t)value);
    SHA256_Update(sha, &wire, sizeof wire);
}

static void put_4(SHA256_CTX *sha, int32_t value)
{
    uint32_t wire = htonl((uint32_t)value);
    SHA256_Update(sha, &wire, sizeof wire);
}

static void put_8(SHA256_CTX *sha, int64_t value)
{
    uint64_t wire = htobe64((uint64_t)value);
    SHA256_Update(sha, &wire, sizeof wire);
}

static void put_time(SHA256_CTX *sha, int64_t us)
{
    put_8(sha, (int64_t)((uint64_t)us - (uint64_t)EPOCH_US));
}

static void put_text(SHA256_CTX *sha, struct str text)
{
    put_4(sha, text.ptr ? (int32_t)text.len : -1);
    SHA256_Update(sha, text.ptr ? text.ptr : "", text.ptr ? text.len : 0);
}

static struct audit_hash end(SHA256_CTX *sha)
{
    struct audit_hash hash;
    SHA256_Final(hash.bytes, sha);
    return hash;
}

static struct id128 end_half(SHA256_CTX *sha)
{
    struct audit_hash hash = end(sha);
    struct id128 half;
    memcpy(half.bytes, hash.bytes, sizeof half.bytes);
    return half;
}

struct id128 audit_chain_event(const struct audit_event *event)
{
    SHA256_CTX sha;
    SHA256_Init(&sha);
    SHA256_Update(&sha, event->id.bytes, sizeof event->id.bytes);
    put_8(&sha, event->kafka_offset);
    put_time(&sha, event->received_at_us);
    put_2(&sha, event->source);
    put_text(&sha, event->principal);
    put_text(&sha, event->emitter_id);
    put_8(&sha, event->emitter_id.ptr ? event->emitter_epoch : 0);
    put_8(&sha, event->emitter_id.ptr ? event->emitter_sequence : 0);
    put_text(&sha, event->idempotency_key);
    return end_half(&sha);
}

struct id128 audit_chain_report(struct id128 report_id, const struct audit_refusal *refusals,
                                size_t count)
{
    SHA256_CTX sha;
    SHA256_Init(&sha);
    SHA256_Update(&sha, report_id.bytes, sizeof report_id.bytes);
    for (size_t i = 0; i < count; i++) {
        const struct audit_refusal *refusal = &refusals[i];
        put_4(&sha, refusal->ordinal);
        put_text(&sha, refusal->key_id);
        put_2(&sha, refusal->status);
        put_text(&sha, refusal->reason);
        put_8(&sha, refusal->count);
        put_time(&sha, refusal->first_us);
        put_time(&sha, refusal->last_us);
        put_text(&sha, refusal->gateway);
    }
    return end_half(&sha);
}

struct audit_hash audit_chain_genesis(struct str cluster_id, struct str topic, int32_t partition,
                                      int64_t begins_at)
{
    static const char name[] = "metaops audit 1";
    SHA256_CTX sha;
    SHA256_Init(&sha);
    SHA256_Update(&sha, name, sizeof name - 1);
    put_text(&sha, cluster_id);
    put_text(&sha, topic);
    put_4(&sha, partition);
    put_8(&sha, begins_at);
    return end(&sha);
}

struct audit_hash audit_chain_row(struct audit_hash before, const struct audit_row *row)
{
    SHA256_CTX sha;
    SHA256_Init(&sha);
    SHA256_Update(&sha, before.bytes, sizeof before.bytes);
    put_8(&sha, row->sequence);
    put_2(&sha, row->kind);
    put_8(&sha, row->from_offset);
    put_8(&sha, row->next_offset);
    put_time(&sha, row->received_from_us);
    put_time(&sha, row->received_until_us);
    put_time(&sha, row->written_at_us);
    SHA256_Update(&sha, row->digests.ptr ? row->digests.ptr : "", row->digests.len);
    return end(&sha);
}

struct audit_hash audit_chain_act(struct audit_hash before, const struct audit_act *act)
{
    SHA256_CTX sha;
    SHA256_Init(&sha);
    SHA256_Update(&sha, before.bytes, sizeof before.bytes);
    put_8(&sha, act->sequence);
    put_time(&sha, act->done_at_us);
    put_text(&sha, act->kind);
    put_text(&sha, act->done_by);
    put_text(&sha, act->detail);
    return end(&sha);
}

bool audit_chain_equal(struct audit_hash a, struct audit_hash b)
{
    return memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
}

void audit_chain_format(struct audit_hash hash, char *out)
{
    for (size_t i = 0; i < sizeof hash.bytes; i++) {
        snprintf(out + 2 * i, 3, "%02x", hash.bytes[i]);
    }
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool audit_chain_parse(struct str text, struct audit_hash *out_hash)
{
    struct audit_hash hash;
    if (text.len != 2 * sizeof hash.bytes) {
        return false;
    }
    for (size_t i = 0; i < sizeof hash.bytes; i++) {
        int high = digit_of(text.ptr[2 * i]);
        int low = digit_of(text.ptr[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        hash.bytes[i] = (uint8_t)(high << 4 | low);
    }
    *out_hash = hash;
    return true;
}
