#include "core/http_head.h"

#include <strings.h>

#include "core/ascii.h"

#define METHOD_BYTES_MAX 32
#define LENGTH_DIGITS_MAX 19 /* 10^19 - 1 fits into 64 bits */
#define CHUNK_DIGITS_MAX 15

/* Bytes of a token (RFC 9110, 5.6.2). */
static bool is_token_byte(unsigned char c)
{
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
        return true;
    }
    return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static bool is_token(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_token_byte((unsigned char)text.ptr[i])) {
            return false;
        }
    }
    return text.len > 0;
}

static bool is_name(struct str text, const char *name)
{
    return text.len == strlen(name) && strncasecmp(text.ptr, name, text.len) == 0;
}

static int refuse(int status, const char *reason, const char **out_reason)
{
    *out_reason = reason;
    return -status;
}

/* Something that can be no request (a TLS hello, say) should not have to wait for its deadline. */
static int check_beginning(struct str text, const char **out_reason)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == ' ' && i > 0) {
            return 0;
        }
        if (i >= METHOD_BYTES_MAX || !is_token_byte((unsigned char)text.ptr[i])) {
            return refuse(400, "the request line does not begin with a method", out_reason);
        }
    }
    return 0;
}

/* Length of the head with its blank line, or as http_head_parse. Every LF needs its CR and
 * every CR its LF: parsers that differ there are how requests get smuggled. */
static int find_end(struct str text, const char **out_reason)
{
    size_t at = 0;

    for (int lines = 0;; lines++) {
        const char *lf = memchr(text.ptr + at, '\n', text.len - at);
        size_t line_len = lf ? (size_t)(lf - text.ptr) - at : text.len - at;

        if (lines > HTTP_HEADERS_MAX + 1) {
            return refuse(431, "too many header fields", out_reason);
        }
        if (!lf) {
            return lines == 0 ? check_beginning(text, out_reason) : 0;
        }
        if (line_len == 0 || lf[-1] != '\r') {
            return refuse(400, "a line does not end with CR LF", out_reason);
        }
        if (line_len == 1) {
            return lines == 0 ? refuse(400, "an empty line in place of a request", out_reason)
                              : (int)(at + 2);
        }
        at += line_len + 1;
    }
}

static int parse_version(struct str version, struct http_head *head, const char **out_reason)
{
    if (str_eq(version, STR("HTTP/1.1"))) {
        head->minor = 1;
        return 0;
    }
    if (str_eq(version, STR("HTTP/1.0"))) {
        head->minor = 0;
        return 0;
    }
    if (version.len == 8 && memcmp(version.ptr, "HTTP/", 5) == 0 && version.ptr[5] >= '0' &&
        version.ptr[5] <= '9' && version.ptr[6] == '.' && version.ptr[7] >= '0' &&
        version.ptr[7] <= '9') {
        return refuse(505, "only HTTP/1.0 and HTTP/1.1 are spoken here", out_reason);
    }
    return refuse(400, "the HTTP version is malformed", out_reason);
}

static int parse_target(struct str target, struct http_head *head, const char **out_reason)
{
    const char *question;

    if (target.len == 0 || target.ptr[0] != '/') {
        return refuse(400, "the request target is no absolute path", out_reason);
    }
    for (size_t i = 0; i < target.len; i++) {
        unsigned char c = (unsigned char)target.ptr[i];
        if (c <= ' ' || c >= 0x7f || c == '#') {
            return refuse(400, "the request target holds a byte that does not belong there",
                          out_reason);
        }
    }
    question = memchr(target.ptr, '?', target.len);
    head->path = target;
    head->query = (struct str){target.ptr + target.len, 0};
    if (question) {
        head->path.len = (size_t)(question - target.ptr);
        head->query = (struct str){question + 1, target.len - head->path.len - 1};
    }
    return 0;
}

static int parse_request_line(struct str line, struct http_head *head, const char **out_reason)
{
    const char *first = memchr(line.ptr, ' ', line.len);
    const char *last = memrchr(line.ptr, ' ', line.len);
    struct str version;
    int status;

    if (!first || first == last) {
        return refuse(400, "the request line is not: method, target, version", out_reason);
    }
    head->method = (struct str){line.ptr, (size_t)(first - line.ptr)};
    if (!is_token(head->method) || head->method.len > METHOD_BYTES_MAX) {
        return refuse(400, "the method is malformed", out_reason);
    }
    version = (struct str){last + 1, line.len - (size_t)(last + 1 - line.ptr)};
    status = parse_version(version, head, out_reason);
    if (status < 0) {
        return status;
    }
    return parse_target((struct str){first + 1, (size_t)(last - first - 1)}, head, out_reason);
}

static int parse_field(struct str line, struct http_header *out_header, const char **out_reason)
{
    const char *colon = memchr(line.ptr, ':', line.len);

    if (line.ptr[0] == ' ' || line.ptr[0] == '\t') {
        return refuse(400, "a folded header line", out_reason);
    }
    if (!colon) {
        return refuse(400, "a header line without a colon", out_reason);
    }
    out_header->name = (struct str){line.ptr, (size_t)(colon - line.ptr)};
    out_header->value = (struct str){colon + 1, line.len - out_header->name.len - 1};
    if (!is_token(out_header->name)) {
        return refuse(400, "a header name is malformed", out_reason);
    }
    for (size_t i = 0; i < out_header->value.len; i++) {
        unsigned char c = (unsigned char)out_header->value.ptr[i];
        if ((c < ' ' && c != '\t') || c == 0x7f) {
            return refuse(400, "a header value holds a control byte", out_reason);
        }
    }
    out_header->value = str_trim(out_header->value, " \t");
    return 0;
}

static int take_length(struct str value, struct http_head *head, const char **out_reason)
{
    uint64_t length = 0;

    if (head->has_length) {
        return refuse(400, "more than one Content-Length", out_reason);
    }
    if (value.len == 0 || value.len > LENGTH_DIGITS_MAX) {
        return refuse(400, "Content-Length is no number", out_reason);
    }
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '9') {
            return refuse(400, "Content-Length is no number", out_reason);
        }
        length = length * 10 + (uint64_t)(value.ptr[i] - '0');
    }
    head->has_length = true;
    head->content_length = length;
    return 0;
}

static int take_transfer_encoding(struct str value, struct http_head *head, const char **out_reason)
{
    if (head->is_chunked) {
        return refuse(400, "more than one Transfer-Encoding", out_reason);
    }
    if (!is_name(value, "chunked")) {
        return refuse(501, "the only transfer coding taken is chunked", out_reason);
    }
    if (head->minor == 0) {
        return refuse(400, "Transfer-Encoding in HTTP/1.0", out_reason);
    }
    head->is_chunked = true;
    return 0;
}

/* Letters, digits and what host names, addresses and ports are written with (RFC 3986, 3.2.2). */
static const char host_bytes[] =
    "abcdefghijklmnopqrstuvwxyz0123456789.:-ABCDEFGHIJKLMNOPQRSTUVWXYZ_~%!$&'()*+;=[]";

static int take_host(struct str value, bool *has_host, const char **out_reason)
{
    if (*has_host) {
        return refuse(400, "more than one Host", out_reason);
    }
    for (size_t i = 0; i < value.len; i++) {
        if (!memchr(host_bytes, value.ptr[i], sizeof(host_bytes) - 1)) {
            return refuse(400, "Host is malformed", out_reason);
        }
    }
    if (value.len == 0) {
        return refuse(400, "Host is empty", out_reason);
    }
    *has_host = true;
    return 0;
}

static void take_connection(struct str value, bool *has_close, bool *has_keep_alive)
{
    while (value.len > 0) {
        const char *comma = memchr(value.ptr, ',', value.len);
        size_t len = comma ? (size_t)(comma - value.ptr) : value.len;
        struct str option = str_trim((struct str){value.ptr, len}, " \t");

        *has_close = *has_close || is_name(option, "close");
        *has_keep_alive = *has_keep_alive || is_name(option, "keep-alive");
        len += comma ? 1 : 0;
        value.ptr += len;
        value.len -= len;
    }
}

/* Of these a reader expects a body; without a length it may take for one what we would take for the
 * next request. */
static bool carries_body(struct str method)
{
    return str_eq(method, STR("POST")) || str_eq(method, STR("PUT")) ||
           str_eq(method, STR("PATCH"));
}

static int interpret(struct http_head *head, const char **out_reason)
{
    bool has_host = false;
    bool has_close = false;
    bool has_keep_alive = false;
    int status = 0;

    for (int i = 0; i < head->header_count && status == 0; i++) {
        struct str name = head->headers[i].name;
        struct str value = head->headers[i].value;

        if (is_name(name, "host")) {
            status = take_host(value, &has_host, out_reason);
        } else if (is_name(name, "content-length")) {
            status = take_length(value, head, out_reason);
        } else if (is_name(name, "transfer-encoding")) {
            status = take_transfer_encoding(value, head, out_reason);
        } else if (is_name(name, "connection")) {
            take_connection(value, &has_close, &has_keep_alive);
        } else if (is_name(name, "expect")) {
            if (!is_name(value, "100-continue")) {
                return refuse(400, "the only expectation known is 100-continue", out_reason);
            }
            head->expects_continue = head->minor == 1;
        }
    }
    if (status < 0) {
        return status;
    }
    if (head->has_length && head->is_chunked) {
        return refuse(400, "both Content-Length and Transfer-Encoding", out_reason);
    }
    if (!has_host && head->minor == 1) {
        return refuse(400, "no Host", out_reason);
    }
    if (!head->has_length && !head->is_chunked && carries_body(head->method)) {
        return refuse(411, "neither Content-Length nor Transfer-Encoding", out_reason);
    }
    head->keep_alive = !has_close && (head->minor == 1 || has_keep_alive);
    return 0;
}

int http_head_parse(struct str text, struct http_head *out_head, const char **out_reason)
{
    int end = find_end(text, out_reason);
    size_t at;
    int status;

    if (end <= 0) {
        return end;
    }
    out_head->header_count = 0;
    out_head->has_length = false;
    out_head->content_length = 0;
    out_head->is_chunked = false;
    out_head->keep_alive = false;
    out_head->expects_continue = false;

    at = (size_t)((const char *)memchr(text.ptr, '\n', (size_t)end) - text.ptr) + 1;
    status = parse_request_line((struct str){text.ptr, at - 2}, out_head, out_reason);
    while (status == 0 && at + 2 < (size_t)end) {
        const char *lf = memchr(text.ptr + at, '\n', (size_t)end - at);
        size_t line_len = (size_t)(lf - text.ptr) - at - 1;

        status = parse_field((struct str){text.ptr + at, line_len},
                             &out_head->headers[out_head->header_count], out_reason);
        out_head->header_count++;
        at += line_len + 2;
    }
    if (status == 0) {
        status = interpret(out_head, out_reason);
    }
    return status < 0 ? status : end;
}

struct str http_head_get(const struct http_head *head, const char *name)
{
    for (int i = 0; i < head->header_count; i++) {
        if (is_name(head->headers[i].name, name)) {
            return head->headers[i].value;
        }
    }
    return (struct str){NULL, 0};
}

struct str http_head_media_type(const struct http_head *head)
{
    struct str type = http_head_get(head, "content-type");
    size_t len = 0;

    while (len < type.len && type.ptr[len] != ';' && type.ptr[len] != ' ') {
        len++;
    }
    return (struct str){type.ptr, len};
}

bool http_head_has_type(const struct http_head *head, const char *type)
{
    return is_name(http_head_media_type(head), type);
}

int http_head_chunk(struct str text, uint64_t *out_size, const char **out_reason)
{
    uint64_t size = 0;
    size_t digits = 0;

    while (digits < text.len && ascii_hex_value(text.ptr[digits]) >= 0) {
        if (digits == CHUNK_DIGITS_MAX) {
            return refuse(400, "a chunk size is too long", out_reason);
        }
        size = size * 16 + (uint64_t)ascii_hex_value(text.ptr[digits]);
        digits++;
    }
    if (digits == text.len) {
        return 0;
    }
    if (digits == 0 || text.ptr[digits] != '\r' ||
        (digits + 1 < text.len && text.ptr[digits + 1] != '\n')) {
        return refuse(400, "a chunk size is malformed", out_reason);
    }
    if (digits + 1 == text.len) {
        return 0;
    }
    *out_size = size;
    return (int)digits + 2;
}

int http_head_trailer(struct str text, const char **out_reason)
{
    if ((text.len > 0 && text.ptr[0] != '\r') || (text.len > 1 && text.ptr[1] != '\n')) {
        return refuse(400, "a trailer section is not taken", out_reason);
    }
    return text.len < 2 ? 0 : 2;
}
