/* Addresses by hand from IANA's registries of special addresses, and those of metadata services: the first and last of
 * a closed range are closed, their neighbours outside are open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "core/address_guard.h"

static const struct {
    const char *text;
    bool is_public;
} rows[] = {
    {"8.8.8.8", true},
    {"93.184.216.34", true},
    {"0.0.0.0", false},
    {"0.255.255.255", false},
    {"1.0.0.0", true},
    {"9.255.255.255", true},
    {"10.0.0.0", false},
    {"10.255.255.255", false},
    {"11.0.0.0", true},
    {"100.63.255.255", true},
    {"100.64.0.0", false},
    {"100.100.100.200", false}, /* metadata of Alibaba */
    {"100.127.255.255", false},
    {"100.128.0.0", true},
    {"126.255.255.255", true},
    {"127.0.0.1", false},
    {"127.255.255.255", false},
    {"128.0.0.0", true},
    {"168.63.129.15", true},
    {"168.63.129.16", false}, /* Azure */
    {"168.63.129.17", true},
    {"169.253.255.255", true},
    {"169.254.169.254", false}, /* metadata of AWS, GCP, Azure */
    {"169.254.0.0", false},
    {"169.254.255.255", false},
    {"169.255.0.0", true},
    {"172.15.255.255", true},
    {"172.16.0.0", false},
    {"172.31.255.255", false},
    {"172.32.0.0", true},
    {"192.0.0.192", false}, /* metadata of Oracle */
    {"192.0.1.0", true},
    {"192.0.2.1", false},
    {"192.88.99.1", false},
    {"192.167.255.255", true},
    {"192.168.0.0", false},
    {"192.168.255.255", false},
    {"192.169.0.0", true},
    {"198.17.255.255", true},
    {"198.18.0.0", false},
    {"198.19.255.255", false},
    {"198.20.0.0", true},
    {"198.51.100.7", false},
    {"203.0.113.7", false},
    {"223.255.255.255", true},
    {"224.0.0.1", false},
    {"239.255.255.255", false},
    {"240.0.0.1", false},
    {"255.255.255.255", false},
    {"2606:4700:4700::1111", true},
    {"2a00:1450:4001:830::200e", true},
    {"::", false},
    {"::1", false},
    {"::7f00:1", false}, /* the old form of 127.0.0.1 */
    {"::ffff:127.0.0.1", false},
    {"::ffff:169.254.169.254", false},
    {"::ffff:10.1.2.3", false},
    {"::ffff:8.8.8.8", true},
    {"64:ff9b::8.8.8.8", true},
    {"64:ff9b::10.0.0.1", false},
    {"64:ff9b:1::8.8.8.8", false}, /* NAT64 of one's own network */
    {"100::1", false},             /* discard */
    {"1fff:ffff::1", false},
    {"2000::1", true},
    {"2001::1", false}, /* Teredo */
    {"2001:1ff:ffff::1", false},
    {"2001:200::1", true},
    {"2001:db8::1", false},
    {"2002:7f00:1::1", false}, /* 6to4 of 127.0.0.1 */
    {"2003::1", true},
    {"3fff:fff::1", false},
    {"3fff:1000::1", true},
    {"4000::1", false},
    {"fc00::1", false},
    {"fd00:ec2::254", false}, /* metadata of AWS */
    {"fe80::1", false},
    {"febf::1", false},
    {"fec0::1", false},
    {"ff02::1", false},
    {"", false},
    {"localhost", false},
    {"0177.0.0.1", false},
    {"8.8.8", false},
};

static void test_address_guard_knows_what_is_public(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (address_guard_is_public_text(rows[i].text) != rows[i].is_public) {
            fail_msg("%s is %spublic", rows[i].text, rows[i].is_public ? "" : "not ");
        }
    }
}

static void test_address_guard_judges_sockets_addresses(void **state)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(443)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(443)};
    struct sockaddr_un local = {.sun_family = AF_UNIX};

    (void)state;
    inet_pton(AF_INET, "8.8.8.8", &v4.sin_addr);
    assert_true(address_guard_is_public((struct sockaddr *)&v4));
    inet_pton(AF_INET, "10.0.0.1", &v4.sin_addr);
    assert_false(address_guard_is_public((struct sockaddr *)&v4));
    inet_pton(AF_INET6, "2606:4700:4700::1111", &v6.sin6_addr);
    assert_true(address_guard_is_public((struct sockaddr *)&v6));
    inet_pton(AF_INET6, "::1", &v6.sin6_addr);
    assert_false(address_guard_is_public((struct sockaddr *)&v6));
    assert_false(address_guard_is_public((struct sockaddr *)&local));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_address_guard_knows_what_is_public),
        cmocka_unit_test(test_address_guard_judges_sockets_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
