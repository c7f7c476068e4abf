#include "core/http_multi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

#include "core/address_guard.h"
#include "core/http_easy.h"
#include "core/plain_file.h"

#define WHERE "http"
#define CONNECT_TIMEOUT_MS 5000L
#define ANSWER_BYTES_MAX                                                                           \
    65536 /* read, so that the connection can be used again; beyond it is dropped */
#define CONNECTIONS_KEPT 32L

struct http_multi {
    CURLM *curlm;
    http_multi_done on_done;
    struct transfer *transfers; /* all that are under way */
};

struct transfer {
    struct transfer *next;
    CURL *curl;
    struct curl_slist *headers;
    void *arg;
    size_t answer_bytes;
    bool was_closed; /* its address may not be spoken to */
    char text[CURL_ERROR_SIZE];
};

static size_t on_bytes(char *bytes, size_t size, size_t count, void *arg)
{
    struct transfer *tr = arg;

    (void)bytes;
    tr->answer_bytes += size * count;
    return tr->answer_bytes > ANSWER_BYTES_MAX ? 0 : size * count;
}

static curl_socket_t on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct transfer *tr = arg;

    (void)purpose;
    if (!address_guard_is_public(&address->addr)) {
        tr->was_closed = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static void transfer_free(struct transfer *tr)
{
    if (tr) {
        curl_easy_cleanup(tr->curl);
        curl_slist_free_all(tr->headers);
        free(tr);
    }
}

static void guard(struct transfer *tr)
{
    curl_easy_setopt(tr->curl, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(tr->curl, CURLOPT_PROXY, "");
    curl_easy_setopt(tr->curl, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    curl_easy_setopt(tr->curl, CURLOPT_OPENSOCKETDATA, tr);
    /* A connection of a request that is not guarded may lead anywhere. */
    curl_easy_setopt(tr->curl, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(tr->curl, CURLOPT_FORBID_REUSE, 1L);
}

static void set_options(struct transfer *tr, const struct http_multi_request *request)
{
    CURL *curl = tr->curl;

    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, tr->headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, tr);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, tr->text);
    curl_easy_setopt(curl, CURLOPT_PRIVATE, tr);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body.ptr);
    if (request->is_guarded) {
        guard(tr);
    }
}

static bool add_headers(struct transfer *tr, const char *const *headers)
{
    /* Without this one libcurl waits up to a second for a 100 before a larger body. */
    tr->headers = curl_slist_append(NULL, "Expect:");
    for (; tr->headers && headers && *headers; headers++) {
        struct curl_slist *grown = curl_slist_append(tr->headers, *headers);
        if (!grown) {
            return false;
        }
        tr->headers = grown;
    }
    return tr->headers != NULL;
}

enum verdict http_multi_open(http_multi_done on_done, struct http_multi **out_multi,
                             struct err *err)
{
    struct http_multi *multi = calloc(1, sizeof *multi);
    if (multi && http_easy_is_set_up()) {
        multi->curlm = curl_multi_init();
    }
    if (!multi || !multi->curlm) {
        free(multi);
        return err_set(err, RETRY, WHERE, "out of memory");
    }
    curl_multi_setopt(multi->curlm, CURLMOPT_MAXCONNECTS, CONNECTIONS_KEPT);
    multi->on_done = on_done;
    *out_multi = multi;
    return OK;
}

enum verdict http_multi_send(struct http_multi *multi, const struct http_multi_request *request,
                             void *request_arg, struct err *err)
{
    const char *fault = request->ca_file && *request->ca_file
                            ? plain_file_fault(request->ca_file, PLAIN_FILE_CERTIFICATES_BYTES_MAX)
                            : NULL;
    if (fault) {
        return err_set(err, RETRY, WHERE, "%s: %s", request->ca_file, fault);
    }
    const struct http_easy easy = {.url = request->url,
                                   .ca_file = request->ca_file,
                                   .timeout_ms = request->timeout_ms,
                                   .connect_ms_most = CONNECT_TIMEOUT_MS};
    struct transfer *tr = calloc(1, sizeof *tr);
    if (tr) {
        tr->arg = request_arg;
        tr->curl = http_easy_new(&easy);
    }
    if (!tr || !tr->curl || !add_headers(tr, request->headers)) {
        transfer_free(tr);
        return err_set(err, RETRY, WHERE, "out of memory");
    }
    set_options(tr, request);
    if (curl_multi_add_handle(multi->curlm, tr->curl) != CURLM_OK) {
        transfer_free(tr);
        return err_set(err, RETRY, WHERE, "out of memory");
    }
    tr->next = multi->transfers;
    multi->transfers = tr;
    return OK;
}

static void judge(struct transfer *tr, CURLcode code, struct http_multi_answer *out)
{
    long status = 0;
    curl_off_t retry_after = 0;

    curl_easy_getinfo(tr->curl, CURLINFO_RESPONSE_CODE, &status);
    if (tr->was_closed) {
        snprintf(out->text, sizeof out->text,
                 "the address is not public (private, loopback, link-local or the like)");
    } else if (code != CURLE_OK && !(code == CURLE_WRITE_ERROR && status >= 200)) {
        const char *text = *tr->text ? tr->text : curl_easy_strerror(code);
        snprintf(out->text, sizeof out->text, "%.*s", (int)sizeof out->text - 1, text);
    } else {
        out->verdict = status >= 200 && status <= 299 ? OK : RETRY;
        snprintf(out->text, sizeof out->text, "HTTP status %ld%s", status,
                 status >= 300 && status <= 399 ? " (redirects are not followed)" : "");
        if (curl_easy_getinfo(tr->curl, CURLINFO_RETRY_AFTER, &retry_after) == CURLE_OK) {
            out->retry_after_s = (long)retry_after;
        }
    }
}

static void unlink_transfer(struct http_multi *multi, struct transfer *tr)
{
    struct transfer **link = &multi->transfers;
    while (*link != tr) {
        link = &(*link)->next;
    }
    *link = tr->next;
}

static void end_transfer(struct http_multi *multi, CURL *curl, CURLcode code)
{
    struct http_multi_answer answer = {.verdict = RETRY};
    struct transfer *tr = NULL;

    curl_easy_getinfo(curl, CURLINFO_PRIVATE, &tr);
    judge(tr, code, &answer);
    unlink_transfer(multi, tr);
    curl_multi_remove_handle(multi->curlm, curl);
    multi->on_done(tr->arg, &answer);
    transfer_free(tr);
}

void http_multi_turn(struct http_multi *multi, int timeout_ms, const int *fds, int count)
{
    struct curl_waitfd waits[HTTP_MULTI_FDS_MAX];
    unsigned wait_count = 0;
    int left = 0;
    CURLMsg *message;

    for (int i = 0; i < count && wait_count < HTTP_MULTI_FDS_MAX; i++) {
        if (fds[i] >= 0) {
            waits[wait_count++] = (struct curl_waitfd){.fd = fds[i], .events = CURL_WAIT_POLLIN};
        }
    }
    curl_multi_perform(multi->curlm, &left);
    curl_multi_poll(multi->curlm, waits, wait_count, timeout_ms, NULL);
    curl_multi_perform(multi->curlm, &left);
    while ((message = curl_multi_info_read(multi->curlm, &left)) != NULL) {
        if (message->msg == CURLMSG_DONE) {
            end_transfer(multi, message->easy_handle, message->data.result);
        }
    }
}

void http_multi_close(struct http_multi *multi)
{
    if (!multi) {
        return;
    }
    while (multi->transfers) {
        struct transfer *tr = multi->transfers;
        multi->transfers = tr->next;
        curl_multi_remove_handle(multi->curlm, tr->curl);
        transfer_free(tr);
    }
    curl_multi_cleanup(multi->curlm);
    free(multi);
}
