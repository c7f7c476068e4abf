#include "core/http_request.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/http_loop.h"
#include "core/json_escape.h"

#define ARENA_BYTES_MAX ((size_t)1024 * 1024)
#define DETAIL_BYTES_MAX 256
#define POINTER_BYTES_MAX 256

static struct str rebase(struct str view, const char *from, const char *to)
{
    return (struct str){to + (view.ptr - from), view.len};
}

struct http_request *http_request_new(struct http_loop *loop, const struct http_head *head,
                                      struct str text, struct str client_name)
{
    static atomic_uint_fast64_t last_id;
    struct http_request *request = malloc(sizeof(*request) + text.len + client_name.len);
    char *to;

    if (!request) {
        return NULL;
    }
    /* Not zeroed as a whole: most of it is header slots. */
    memset(request, 0, offsetof(struct http_request, head.headers));
    memcpy(&request->head, head, offsetof(struct http_head, headers));
    to = request->head_text;
    memcpy(to, text.ptr, text.len);
    request->head.method = rebase(head->method, text.ptr, to);
    request->head.path = rebase(head->path, text.ptr, to);
    request->head.query = rebase(head->query, text.ptr, to);
    for (int i = 0; i < head->header_count; i++) {
        request->head.headers[i].name = rebase(head->headers[i].name, text.ptr, to);
        request->head.headers[i].value = rebase(head->headers[i].value, text.ptr, to);
    }
    request->head.header_count = head->header_count;
    request->head.has_length = head->has_length;
    request->head.content_length = head->content_length;
    request->head.is_chunked = head->is_chunked;
    request->head.keep_alive = head->keep_alive;
    request->head.expects_continue = head->expects_continue;
    if (client_name.len > 0) {
        memcpy(to + text.len, client_name.ptr, client_name.len);
    }
    request->client_name = (struct str){to + text.len, client_name.len};
    request->loop = loop;
    request->id = atomic_fetch_add(&last_id, 1) + 1;
    atomic_init(&request->state, HTTP_REQUEST_OPEN);
    return request;
}

bool http_request_expire(struct http_request *request)
{
    int expected = HTTP_REQUEST_OPEN;

    return atomic_compare_exchange_strong(&request->state, &expected, HTTP_REQUEST_EXPIRED);
}

void http_request_free(struct http_request *request)
{
    if (!request) {
        return;
    }
    if (request->answer != request->small) {
        free(request->answer);
    }
    http_body_fini(&request->body);
    arena_free(request->arena);
    free(request);
}

const struct http_head *http_request_head(const struct http_request *request)
{
    return &request->head;
}

struct str http_request_body(const struct http_request *request)
{
    return http_body_view(&request->body);
}

void http_request_drop_body(struct http_request *request)
{
    http_body_fini(&request->body);
}

struct arena *http_request_arena(struct http_request *request)
{
    if (!request->arena) {
        request->arena = arena_new(ARENA_BYTES_MAX);
    }
    return request->arena;
}

struct str http_request_client_name(const struct http_request *request)
{
    return request->client_name;
}

void http_request_set_visitor(struct http_request *request, void *visitor)
{
    request->visitor = visitor;
}

void *http_request_visitor(const struct http_request *request)
{
    return request->visitor;
}

uint64_t http_request_id(const struct http_request *request)
{
    return request->id;
}

static void keep_answer(struct http_request *request, struct str body)
{
    request->answer = request->small;
    request->answer_bytes = body.len;
    if (body.len > sizeof(request->small)) {
        request->answer = malloc(body.len);
        if (!request->answer) {
            /* The client will ask again, which is always safe. */
            request->answer = request->small;
            request->answer_bytes = 0;
            request->status = 503;
            request->retry_after_s = 1;
            return;
        }
    }
    memcpy(request->answer, body.ptr, body.len);
}

void http_request_answer(struct http_request *request, int status, const char *content_type,
                         struct str body, int retry_after_s)
{
    int expected = HTTP_REQUEST_OPEN;

    if (atomic_load(&request->state) == HTTP_REQUEST_OPEN) {
        request->status = status;
        request->content_type = content_type;
        request->retry_after_s = retry_after_s;
        keep_answer(request, body);
        if (atomic_compare_exchange_strong(&request->state, &expected, HTTP_REQUEST_ANSWERED)) {
            http_loop_answered(request->loop, request);
            return;
        }
    }
    http_request_free(request);
}

void http_request_problem(struct http_request *request, int status, const char *detail,
                          const char *pointer, int64_t offset, int retry_after_s)
{
    char text[HTTP_REQUEST_PROBLEM_BYTES_MAX];
    size_t len = http_request_problem_text(text, status, detail, pointer, offset);

    http_request_answer(request, status, "application/problem+json", (struct str){text, len},
                        retry_after_s);
}

const char *http_request_status_title(int status)
{
    static const struct {
        int status;
        const char *title;
    } titles[] = {
        {.status = 200, .title = "OK"},
        {.status = 201, .title = "Created"},
        {.status = 400, .title = "Bad Request"},
        {.status = 401, .title = "Unauthorized"},
        {.status = 403, .title = "Forbidden"},
        {.status = 404, .title = "Not Found"},
        {.status = 405, .title = "Method Not Allowed"},
        {.status = 408, .title = "Request Timeout"},
        {.status = 411, .title = "Length Required"},
        {.status = 413, .title = "Content Too Large"},
        {.status = 415, .title = "Unsupported Media Type"},
        {.status = 422, .title = "Unprocessable Content"},
        {.status = 429, .title = "Too Many Requests"},
        {.status = 431, .title = "Request Header Fields Too Large"},
        {.status = 500, .title = "Internal Server Error"},
        {.status = 501, .title = "Not Implemented"},
        {.status = 503, .title = "Service Unavailable"},
        {.status = 505, .title = "HTTP Version Not Supported"},
    };

    for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++) {
        if (titles[i].status == status) {
            return titles[i].title;
        }
    }
    return "Unknown";
}

static struct str escaped(const char *text, size_t len_max, char *out)
{
    struct str cut = {text, strnlen(text, len_max)};

    return (struct str){out, json_escape(cut, out)};
}

size_t http_request_problem_text(char *out, int status, const char *detail, const char *pointer,
                                 int64_t offset)
{
    char buffer[DETAIL_BYTES_MAX * JSON_ESCAPE_BYTES_MAX];
    struct str text = escaped(detail, DETAIL_BYTES_MAX, buffer);
    size_t size = HTTP_REQUEST_PROBLEM_BYTES_MAX;
    int len = snprintf(
        out, size, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":\"%.*s\"",
        http_request_status_title(status), status, (int)text.len, text.ptr);

    if (pointer) {
        text = escaped(pointer, POINTER_BYTES_MAX, buffer);
        len += snprintf(out + len, size - (size_t)len, ",\"pointer\":\"%.*s\",\"offset\":%lld",
                        (int)text.len, text.ptr, (long long)offset);
    }
    len += snprintf(out + len, size - (size_t)len, "}\n");
    return (size_t)len;
}

size_t http_request_answer_head(const struct http_request_answer_head *answer, char *out,
                                size_t size)
{
    char retry_after[48] = "";
    char allow[64] = "";
    const char *connection = "";

    if (answer->retry_after_s > 0) {
        snprintf(retry_after, sizeof(retry_after), "Retry-After: %d\r\n", answer->retry_after_s);
    }
    if (answer->allow) {
        snprintf(allow, sizeof(allow), "Allow: %s\r\n", answer->allow);
    }
    if (!answer->keep_alive) {
        connection = "Connection: close\r\n";
    } else if (answer->minor == 0) {
        connection = "Connection: keep-alive\r\n";
    }
    return (size_t)snprintf(out, size,
                            "HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Type: %s\r\n"
                            "Content-Length: %zu\r\n%s%s%s%s\r\n",
                            answer->status, http_request_status_title(answer->status), answer->date,
                            answer->content_type, answer->body_bytes, retry_after, allow,
                            answer->status == 401 ? "WWW-Authenticate: Bearer\r\n" : "",
                            connection);
}
