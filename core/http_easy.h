/* http_easy.h - a transfer of libcurl as all of ours are: http or https, certificates and host names verified, TLS 1.2 or
 * newer, no redirects, no signals. For http_client.c, http_stream.c and http_multi.c, which add what is theirs. */
#ifndef METAOPS_CORE_HTTP_EASY_H
#define METAOPS_CORE_HTTP_EASY_H

#include <stdbool.h>

#include <curl/curl.h>

struct http_easy {
    const char *url;
    const char *ca_file;  /* empty or NULL: the system's certificates */
    long timeout_ms;      /* for everything */
    long connect_ms_most; /* for the connection, which gets no longer than everything */
};

/* Sets up libcurl once in the process. False: it cannot be used, as memory is short. Any thread. */
bool http_easy_is_set_up(void);

/* Such a transfer, the caller's; what easy points to is copied. NULL when memory is short. */
CURL *http_easy_new(const struct http_easy *easy);

/* To a plain http URL through no proxy: who asks for it means the host that is named, not whom the environment sends it to. */
void http_easy_go_direct(CURL *curl, const char *url);

#endif
