#include "core/http_stream.h"

#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "core/http_client.h"
#include "core/http_easy.h"
#include "core/plain_file.h"

#define WHERE "http stream"
#define CONNECT_TIMEOUT_MS 5000L
#define BEARER_START "Authorization: Bearer "

struct stream {
    const struct http_stream_request *request;
    CURL *curl;
    bool is_cut;
};

/* False: it is to end. */
static bool hand_over(struct stream *stream, struct str bytes)
{
    long status = 0;

    curl_easy_getinfo(stream->curl, CURLINFO_RESPONSE_CODE, &status);
    stream->is_cut = !stream->request->on_bytes(stream->request->arg, status, bytes);
    return !stream->is_cut;
}

static size_t on_bytes(char *bytes, size_t size, size_t count, void *arg)
{
    return hand_over(arg, (struct str){bytes, size * count}) ? size * count : 0;
}

/* A head ends with an empty line. */
static size_t on_head(char *bytes, size_t size, size_t count, void *arg)
{
    size_t len = size * count;
    bool is_end = len > 0 && (bytes[0] == '\r' || bytes[0] == '\n');

    return !is_end || hand_over(arg, STR("")) ? len : 0;
}

static int on_progress(void *arg, curl_off_t all, curl_off_t so_far, curl_off_t to_send,
                       curl_off_t sent)
{
    struct stream *stream = arg;

    (void)all;
    (void)so_far;
    (void)to_send;
    (void)sent;
    stream->is_cut = stream->is_cut || stream->request->is_ended(stream->request->arg);
    return stream->is_cut;
}

static void set_options(struct stream *stream, struct curl_slist *headers)
{
    CURL *curl = stream->curl;

    http_easy_go_direct(curl, stream->request->url);
    curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, stream);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_head);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, stream);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, stream);
}

/* NULL when memory is short. */
static struct curl_slist *make_headers(const char *bearer)
{
    struct curl_slist *headers = curl_slist_append(NULL, "Accept: application/json");
    struct curl_slist *grown = headers;

    if (headers && bearer && *bearer) {
        size_t room = sizeof(BEARER_START) + strlen(bearer);
        char *line = malloc(room);
        if (line) {
            memcpy(line, BEARER_START, sizeof(BEARER_START));
            memcpy(line + sizeof(BEARER_START) - 1, bearer, strlen(bearer) + 1);
        }
        grown = line ? curl_slist_append(headers, line) : NULL;
        free(line);
    }
    if (!grown) {
        curl_slist_free_all(headers);
    }
    return grown;
}

static enum verdict perform(struct stream *stream, struct http_stream_answer *out_answer,
                            struct err *err)
{
    char text[CURL_ERROR_SIZE] = "";
    char shown[160];
    struct http_stream_answer answer = {.status = 0};
    curl_off_t retry_after_s = 0;

    curl_easy_setopt(stream->curl, CURLOPT_ERRORBUFFER, text);
    CURLcode code = curl_easy_perform(stream->curl);
    if (code != CURLE_OK && !stream->is_cut) {
        bool is_wrong = code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL ||
                        code == CURLE_SSL_CACERT_BADFILE;
        http_client_show_url(stream->request->url, shown, sizeof(shown));
        return err_set(err, is_wrong ? FATAL : RETRY, WHERE, "GET %s: %s", shown,
                       *text ? text : curl_easy_strerror(code));
    }
    curl_easy_getinfo(stream->curl, CURLINFO_RESPONSE_CODE, &answer.status);
    curl_easy_getinfo(stream->curl, CURLINFO_RETRY_AFTER, &retry_after_s);
    answer.retry_after_s = (long)retry_after_s;
    answer.is_cut = stream->is_cut;
    *out_answer = answer;
    return OK;
}

enum verdict http_stream_run(const struct http_stream_request *request,
                             struct http_stream_answer *out_answer, struct err *err)
{
    struct stream stream = {.request = request};
    struct curl_slist *headers = NULL;
    enum verdict verdict;
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
    stream.curl = http_easy_new(&easy);
    headers = make_headers(request->bearer);
    if (!stream.curl || !headers) {
        verdict = err_set(err, RETRY, WHERE, "out of memory");
    } else {
        set_options(&stream, headers);
        verdict = perform(&stream, out_answer, err);
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(stream.curl);
    return verdict;
}
