#include "support/own_gateway.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <unistd.h>

#include <cmocka.h>

#include "ingest/gateway.h"

#define FLAGS_MAX 32

bool own_gateway_open(struct own_gateway *gw, const char *const *flags)
{
    char listen[64];
    const char *all[FLAGS_MAX] = {listen};
    size_t count = 1;

    for (; *flags; flags++) {
        assert_true(count + 1 < FLAGS_MAX);
        all[count++] = *flags;
    }
    gw->door = reserved_port_open();
    snprintf(listen, sizeof(listen), "--ingest.listen=127.0.0.1:%d", gw->door.number);
    if (!own_role_open(&gw->role, gateway_run, "--ingest.admin-listen", all)) {
        reserved_port_close(&gw->door);
        return false;
    }
    return true;
}

int own_gateway_close(struct own_gateway *gw)
{
    int exit_code = own_role_close(&gw->role);

    reserved_port_close(&gw->door);
    return exit_code;
}

struct raw_answer own_gateway_post(const struct own_gateway *gw, const char *path,
                                   const char *headers, struct str body)
{
    int fd = raw_http_connect(gw->door.number);
    struct raw_answer answer;

    assert_true(fd >= 0);
    assert_true(raw_http_post(fd, path, headers, body));
    answer = raw_http_read(fd, OWN_ROLE_WAIT_MS);
    close(fd);
    return answer;
}
