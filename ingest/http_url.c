#include "ingest/http_url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/str.h"

#define ENDPOINT "/api/v1/lineage"

/* Visible ASCII only: the text goes into a request as it is. */
static bool http_url_is_clean(const char *text)
{
    for (; *text; text++) {
        if (*text <= 0x20 || *text >= 0x7F) {
            return false;
        }
    }
    return true;
}

static bool http_url_port(struct str digits, struct http_url *url)
{
    int number = 0;

    if (digits.len == 0 || digits.len > 5) {
        return false;
    }
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9') {
            return false;
        }
        number = 10 * number + digits.ptr[i] - '0';
    }
    memcpy(url->port, digits.ptr, digits.len);
    url->port[digits.len] = '\0';
    return number >= 1 && number <= 65535;
}

static bool http_url_authority(struct str text, struct http_url *url)
{
    struct str host = text;
    struct str port = url->is_tls ? STR("443") : STR("80");
    bool is_v6 = text.len > 0 && text.ptr[0] == '[';
    const char *bracket = is_v6 ? memchr(text.ptr, ']', text.len) : NULL;

    if (is_v6 && !bracket) {
        return false;
    }
    const char *from = bracket ? bracket : text.ptr;
    const char *colon = memchr(from, ':', text.len - (size_t)(from - text.ptr));
    if (colon) {
        host.len = (size_t)(colon - text.ptr);
        port = (struct str){.ptr = colon + 1, .len = text.len - host.len - 1};
    }
    if (bracket) {
        if (host.len != (size_t)(bracket + 1 - text.ptr)) {
            return false;
        }
        host.ptr++;
        host.len -= 2;
    }
    if (host.len == 0 || host.len >= sizeof(url->host) || memchr(text.ptr, '@', text.len)) {
        return false;
    }
    memcpy(url->host, host.ptr, host.len);
    url->host[host.len] = '\0';
    snprintf(url->authority, sizeof(url->authority), "%.*s", (int)text.len, text.ptr);
    return http_url_port(port, url);
}

enum verdict http_url_parse(const char *text, struct http_url *out_url, struct err *err)
{
    /* People put passwords into URLs. */
    const char *shown = strpbrk(text, "@?#") ? "the URL" : text;
    struct http_url url = {.host = ""};
    size_t endpoint_len = strlen(ENDPOINT);

    url.is_tls = strncasecmp(text, "https://", 8) == 0;
    const char *scheme = url.is_tls ? "https://" : "http://";
    if (strncasecmp(text, scheme, strlen(scheme)) != 0 || !http_url_is_clean(text)) {
        return err_set(err, REJECT, "http_url", "%s: not of the form http[s]://host[:port][/path]",
                       shown);
    }
    text += strlen(scheme);
    struct str authority = {.ptr = text, .len = strcspn(text, "/?#")};
    if (!http_url_authority(authority, &url)) {
        return err_set(err, REJECT, "http_url", "%s: no host and port in it, or more than these",
                       shown);
    }
    text += authority.len;
    size_t len = strcspn(text, "?#");
    while (len > 0 && text[len - 1] == '/') {
        len--;
    }
    bool is_whole =
        len >= endpoint_len && memcmp(text + len - endpoint_len, ENDPOINT, endpoint_len) == 0;
    int wanted =
        snprintf(url.path, sizeof(url.path), "%.*s%s", (int)len, text, is_whole ? "" : ENDPOINT);
    if (wanted >= (int)sizeof(url.path)) {
        return err_set(err, REJECT, "http_url", "the path of the URL is too long");
    }
    *out_url = url;
    return OK;
}
