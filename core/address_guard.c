#include "core/address_guard.h"

#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>

struct range {
    uint8_t bytes[16];
    int bits;
};

/* IANA's registry of special addresses, and the one public address at which a cloud (Azure) answers its
 * machines with what is theirs alone. */
static const struct range closed_v4[] = {
    {{0}, 8},                 /* this network */
    {{10}, 8},                /* private */
    {{100, 64}, 10},          /* carrier-grade NAT; metadata of Alibaba */
    {{127}, 8},               /* loopback */
    {{168, 63, 129, 16}, 32}, /* Azure's wire server */
    {{169, 254}, 16},         /* link-local; metadata of most clouds */
    {{172, 16}, 12},          /* private */
    {{192, 0, 0}, 24},        /* protocol assignments; metadata of Oracle */
    {{192, 0, 2}, 24},        /* documentation */
    {{192, 88, 99}, 24},      /* 6to4 relays */
    {{192, 168}, 16},         /* private */
    {{198, 18}, 15},          /* benchmarks */
    {{198, 51, 100}, 24},     /* documentation */
    {{203, 0, 113}, 24},      /* documentation */
    {{224}, 4},               /* multicast */
    {{240}, 4},               /* reserved, broadcast */
};

/* Of 2000::/3, outside of which nothing is public. */
static const struct range closed_v6[] = {
    {{0x20, 0x01, 0x00}, 23},       /* protocols, Teredo */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
    {{0x20, 0x02}, 16},             /* 6to4, which carries any IPv4 address */
    {{0x3f, 0xff, 0x00}, 20},       /* documentation */
};

static const struct range global_v6 = {{0x20}, 3};
static const struct range mapped_v6 = {{[10] = 0xff, [11] = 0xff}, 96};
static const struct range nat64_v6 = {{0x00, 0x64, 0xff, 0x9b}, 96};

static bool is_in(const uint8_t *address, const struct range *range)
{
    int whole = range->bits / 8;
    int rest = range->bits % 8;
    uint8_t mask = (uint8_t)(0xff << (8 - rest));

    return memcmp(address, range->bytes, (size_t)whole) == 0 &&
           (rest == 0 || ((address[whole] ^ range->bytes[whole]) & mask) == 0);
}

static bool is_in_any(const uint8_t *address, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is_in(address, &ranges[i])) {
            return true;
        }
    }
    return false;
}

static bool is_public_v4(const uint8_t *address)
{
    return !is_in_any(address, closed_v4, sizeof closed_v4 / sizeof closed_v4[0]);
}

static bool is_public_v6(const uint8_t *address)
{
    if (is_in(address, &mapped_v6) || is_in(address, &nat64_v6)) {
        return is_public_v4(address + 12);
    }
    return is_in(address, &global_v6) &&
           !is_in_any(address, closed_v6, sizeof closed_v6 / sizeof closed_v6[0]);
}

bool address_guard_is_public(const struct sockaddr *address)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    switch (address->sa_family) {
    case AF_INET:
        memcpy(&v4, address, sizeof v4);
        return is_public_v4((const uint8_t *)&v4.sin_addr);
    case AF_INET6:
        memcpy(&v6, address, sizeof v6);
        return is_public_v6((const uint8_t *)&v6.sin6_addr);
    default:
        return false;
    }
}

bool address_guard_is_public_text(const char *text)
{
    uint8_t bytes[16];

    if (inet_pton(AF_INET, text, bytes) == 1) {
        return is_public_v4(bytes);
    }
    return inet_pton(AF_INET6, text, bytes) == 1 && is_public_v6(bytes);
}
