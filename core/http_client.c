#include "core/http_client.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "core/ascii.h"
#include "core/byte_buffer.h"
#include "core/http_easy.h"
#include "core/json.h"
#include "core/plain_file.h"

#define WHERE "http client"
#define CONNECT_TIMEOUT_MS 2000L

/* The answer as it grows. */
struct inbox {
    struct byte_buffer answer;
    enum http_client_fault fault; /* why it was not taken */
};

static size_t on_bytes(char *bytes, size_t size, size_t count, void *arg)
{
    struct inbox *inbox = arg;
    enum verdict verdict = byte_buffer_add(&inbox->answer, (struct str){bytes, size * count});

    if (verdict != OK) {
        inbox->fault = verdict == REJECT ? HTTP_CLIENT_TOO_LARGE : HTTP_CLIENT_NO_MEMORY;
    }
    return verdict == OK ? size * count : 0;
}

static void set_options(CURL *curl, const struct http_client_request *request, struct inbox *inbox,
                        struct curl_slist *headers)
{
    http_easy_go_direct(curl, request->url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, inbox);
    if (request->body.ptr) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body.ptr);
    }
}

/* `name: value`, appended to list; the list as it was when memory is short. */
static struct curl_slist *add_header(struct curl_slist *list, const char *name, const char *value)
{
    char line[160];

    snprintf(line, sizeof(line), "%s: %s", name, value);
    struct curl_slist *grown = curl_slist_append(list, line);
    return grown ? grown : list;
}

static enum verdict verdict_of(CURLcode code)
{
    switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_SSL_CACERT_BADFILE:
        return FATAL;
    default:
        return RETRY;
    }
}

static enum http_client_fault fault_of(CURLcode code, const struct inbox *inbox)
{
    switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
        return HTTP_CLIENT_NOT_TRUSTED;
    case CURLE_OUT_OF_MEMORY:
        return HTTP_CLIENT_NO_MEMORY;
    default:
        return inbox->fault;
    }
}

static enum verdict fail(CURLcode code, const char *text, const struct http_client_request *request,
                         const struct inbox *inbox, struct err *err)
{
    char shown[160];

    http_client_show_url(request->url, shown, sizeof(shown));
    enum verdict verdict = err_set(err, verdict_of(code), WHERE, "%s %s: %s", request->method,
                                   shown, *text ? text : curl_easy_strerror(code));
    if (err) {
        err->code = fault_of(code, inbox);
    }
    return verdict;
}

enum verdict http_client_run(const struct http_client_request *request,
                             struct http_client_answer *out_answer, struct err *err)
{
    struct inbox inbox = {.answer = {.bytes_max = request->answer_bytes_max},
                          .fault = HTTP_CLIENT_NO_ANSWER};
    struct curl_slist *headers = NULL;
    char text[CURL_ERROR_SIZE] = "";
    enum verdict verdict = OK;
    long status = 0;

    const char *fault = request->ca_file && *request->ca_file
                            ? plain_file_fault(request->ca_file, PLAIN_FILE_CERTIFICATES_BYTES_MAX)
                            : NULL;
    if (fault) {
        return err_set(err, FATAL, WHERE, "%s: %s", request->ca_file, fault);
    }
    const struct http_easy easy = {.url = request->url,
                                   .ca_file = request->ca_file,
                                   .timeout_ms = request->timeout_ms,
                                   .connect_ms_most = CONNECT_TIMEOUT_MS};
    CURL *curl = http_easy_new(&easy);
    /* An empty answer is one, too. */
    if (!curl || byte_buffer_add(&inbox.answer, STR("")) != OK) {
        verdict = fail(CURLE_OUT_OF_MEMORY, "", request, &inbox, err);
        goto out;
    }
    if (request->accept) {
        headers = add_header(headers, "Accept", request->accept);
    }
    if (request->content_type) {
        headers = add_header(headers, "Content-Type", request->content_type);
    }
    set_options(curl, request, &inbox, headers);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, text);
    CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK) {
        verdict = fail(code, text, request, &inbox, err);
        goto out;
    }
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    *out_answer = (struct http_client_answer){
        .status = status, .body = inbox.answer.bytes, .len = inbox.answer.len};
    inbox.answer.bytes = NULL;
out:
    byte_buffer_fini(&inbox.answer);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return verdict;
}

enum verdict http_client_check_url(const char *url, struct err *err)
{
    CURLU *parts = curl_url();
    char *scheme = NULL;
    enum verdict verdict = OK;

    CURLUcode code = parts ? curl_url_set(parts, CURLUPART_URL, url, 0) : CURLUE_OUT_OF_MEMORY;
    if (code == CURLUE_OK) {
        code = curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0);
    }
    if (code != CURLUE_OK) {
        verdict = err_set(err, REJECT, WHERE, "no URL: %s", curl_url_strerror(code));
    } else if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0) {
        verdict = err_set(err, REJECT, WHERE, "a URL with http or https is needed");
    }
    curl_free(scheme);
    curl_url_cleanup(parts);
    return verdict;
}

enum verdict http_client_place(const char *url, struct http_client_place *out_place,
                               struct err *err)
{
    struct http_client_place place = {.port = 0};
    char *scheme = NULL;
    char *host = NULL;
    char *port = NULL;
    enum verdict verdict = http_client_check_url(url, err);
    CURLU *parts = curl_url();

    if (verdict == OK &&
        (!parts || curl_url_set(parts, CURLUPART_URL, url, 0) != CURLUE_OK ||
         curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
         curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
         curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK ||
         strlen(host) >= sizeof place.host)) {
        verdict = err_set(err, REJECT, WHERE, "a URL without a host");
    }
    if (verdict == OK) {
        for (size_t i = 0; host[i]; i++) {
            place.host[i] = (char)tolower((unsigned char)host[i]);
        }
        place.port = (int)strtol(port, NULL, 10);
        place.is_https = strcmp(scheme, "https") == 0;
        *out_place = place;
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(parts);
    return verdict;
}

size_t http_client_escape(struct str text, char *out, size_t size)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t len = 0;

    for (size_t i = 0; i < text.len && len + 4 <= size; i++) {
        char c = text.ptr[i];
        if (ascii_is_alnum(c) || c == '-' || c == '_' || c == '.' || c == '~') {
            out[len++] = c;
        } else {
            out[len++] = '%';
            out[len++] = digits[(unsigned char)c >> 4];
            out[len++] = digits[(unsigned char)c & 15];
        }
    }
    out[len] = '\0';
    return len;
}

void http_client_show_url(const char *url, char *out, size_t size)
{
    const char *host = strstr(url, "://");
    const char *at = host ? strchr(host, '@') : NULL;
    const char *path = host ? strchr(host + 3, '/') : NULL;

    if (at && path && path < at) {
        at = strrchr(host, '@'); /* a password may hold a slash: show less rather than more */
    }
    if (at) {
        snprintf(out, size, "%.*s://%s", (int)(host - url), url, at + 1);
    } else {
        snprintf(out, size, "%s", url);
    }
}
