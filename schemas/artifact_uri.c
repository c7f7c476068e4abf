#include "schemas/artifact_uri.h"

#include <stdio.h>

#include "core/ascii.h"

/* Schemes of two spellings, and what stands behind their slashes. */
static const struct scheme {
    const char *name;
    const char *form;
    bool keeps_case; /* no host, but names */
    bool keeps_user; /* a container */
} schemes[] = {
    {.name = "s3a", .form = "s3"},
    {.name = "s3n", .form = "s3"},
    {.name = "gcs", .form = "gs"},
    {.name = "hf", .form = "hf", .keeps_case = true},
    {.name = "wasb", .form = "wasb", .keeps_user = true},
    {.name = "wasbs", .form = "wasbs", .keeps_user = true},
    {.name = "abfs", .form = "abfs", .keeps_user = true},
    {.name = "abfss", .form = "abfss", .keeps_user = true},
};

/* What stands for the folder that it lies in. */
static const char *const file_names[] = {
    "MLmodel",        "model-settings.json", "model.joblib",      "model.pkl", "model.pickle",
    "model.json",     "model.bst",           "model.ubj",         "model.txt", "model.onnx",
    "model.pt",       "model.pth",           "model.pmml",        "model.h5",  "model.keras",
    "model.cbm",      "model.mar",           "model.safetensors", "model.lgb", "model.xgb",
    "saved_model.pb", "python_model.pkl",    "config.pbtxt",
};

/* A text that grows up to the size of out. */
struct form {
    char *out;
    size_t len;
    bool is_full;
};

static void form_add(struct form *form, struct str text, bool is_lower)
{
    if (text.len > ARTIFACT_URI_BYTES_MAX - form->len) {
        form->is_full = true;
        return;
    }
    for (size_t i = 0; i < text.len; i++) {
        form->out[form->len++] = is_lower ? ascii_lower(text.ptr[i]) : text.ptr[i];
    }
}

static struct str behind(struct str text, size_t len)
{
    return (struct str){text.ptr + len, text.len - len};
}

/* Bytes up to the first of c, or all. */
static size_t span_to(struct str text, char c)
{
    const char *found = text.len ? memchr(text.ptr, c, text.len) : NULL;

    return found ? (size_t)(found - text.ptr) : text.len;
}

/* Length of a scheme and its colon; 0: there is none. */
static size_t scheme_len(struct str uri)
{
    size_t len = span_to(uri, ':');

    if (len == uri.len || len == 0 || !ascii_is_alpha(uri.ptr[0])) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        char c = uri.ptr[i];
        if (!ascii_is_alnum(c) && c != '+' && c != '-' && c != '.') {
            return 0;
        }
    }
    return len + 1;
}

static struct scheme find_scheme(struct str name)
{
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (strlen(schemes[i].name) == name.len &&
            ascii_eq_caseless(schemes[i].name, name.ptr, name.len)) {
            return schemes[i];
        }
    }
    return (struct scheme){0};
}

static bool is_text(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

static bool is_file_name(struct str name)
{
    for (size_t i = 0; i < sizeof file_names / sizeof file_names[0]; i++) {
        if (str_eq(str_view(file_names[i]), name)) {
            return true;
        }
    }
    return false;
}

/* Takes slashes and well-known names off the end of form, but nothing of its first `from` bytes. */
static void trim_end(struct form *form, size_t from)
{
    for (;;) {
        while (form->len > from && form->out[form->len - 1] == '/') {
            form->len--;
        }
        size_t start = form->len;
        while (start > from && form->out[start - 1] != '/') {
            start--;
        }
        if (start == from || !is_file_name((struct str){form->out + start, form->len - start})) {
            return;
        }
        form->len = start;
    }
}

/* `//authority` of rest into form; what follows it. */
static struct str add_authority(struct form *form, const struct scheme *scheme, struct str rest)
{
    struct str authority = behind(rest, 2);
    size_t len = span_to(authority, '/');
    struct str path = behind(authority, len);

    authority.len = len;
    /* A password may hold an @ that nobody escaped. */
    while (!scheme->keeps_user && span_to(authority, '@') < authority.len) {
        authority = behind(authority, span_to(authority, '@') + 1);
    }
    form_add(form, STR("//"), false);
    form_add(form, authority, !scheme->keeps_case);
    return path;
}

bool artifact_uri_normalize(struct str uri, char *out, struct str *out_uri)
{
    struct form form = {.out = out};
    size_t len = scheme_len(uri);
    struct str rest = behind(uri, len);
    struct str name = {uri.ptr, len ? len - 1 : 0};
    struct scheme scheme = find_scheme(name);
    bool is_file = len == 0 || (name.len == 4 && ascii_eq_caseless(name.ptr, "file", 4));

    if (!is_text(uri) || rest.len == 0 || (is_file && rest.ptr[0] != '/')) {
        return false;
    }
    form_add(&form, is_file ? STR("file") : scheme.form ? str_view(scheme.form) : name, true);
    form_add(&form, STR(":"), false);
    size_t scheme_end = form.len;
    if (len > 0 && str_starts(rest, "//")) {
        rest = add_authority(&form, &scheme, rest);
    } else if (is_file) {
        form_add(&form, STR("//"), false);
    }
    bool has_host = form.len > scheme_end + 2;
    size_t path_start = form.len;
    form_add(&form, rest, false);
    if (form.is_full) {
        return false;
    }
    trim_end(&form, path_start);
    if (form.len == path_start && (is_file || !has_host)) {
        return false;
    }
    *out_uri = (struct str){out, form.len};
    return true;
}

bool artifact_uri_of_dataset(struct str namespace_, struct str name, char *out, struct str *out_uri)
{
    char joined[ARTIFACT_URI_BYTES_MAX];
    bool has_scheme = scheme_len(namespace_) > 0;
    bool is_whole = scheme_len(name) > 0 && str_starts(behind(name, scheme_len(name)), "/");

    if (is_whole) {
        return artifact_uri_normalize(name, out, out_uri);
    }
    while (namespace_.len > 0 && namespace_.ptr[namespace_.len - 1] == '/') {
        namespace_.len--;
    }
    bool is_file = str_eq(namespace_, STR("file"));
    if (!has_scheme && !is_file) {
        return false;
    }
    bool has_slash = str_starts(name, "/") || is_file;
    int len = snprintf(joined, sizeof joined, "%.*s%s%s%.*s", (int)namespace_.len, namespace_.ptr,
                       is_file ? ":" : "", has_slash ? "" : "/", (int)name.len, name.ptr);
    return len > 0 && (size_t)len < sizeof joined &&
           artifact_uri_normalize((struct str){joined, (size_t)len}, out, out_uri);
}

/* The algorithm whose digests have so many hexadecimal digits; empty: none. */
static struct str algorithm_of(size_t digits)
{
    switch (digits) {
    case 32:
        return STR("md5");
    case 40:
        return STR("sha1");
    case 64:
        return STR("sha256");
    case 128:
        return STR("sha512");
    default:
        return STR("");
    }
}

static bool is_hex(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (ascii_hex_value(text.ptr[i]) < 0) {
            return false;
        }
    }
    return text.len > 0;
}

bool artifact_digest_normalize(struct str digest, char *out, struct str *out_digest)
{
    size_t at = span_to(digest, '@');
    struct str text = at < digest.len ? behind(digest, at + 1) : digest;
    size_t colon = span_to(text, ':');
    bool has_name = colon < text.len;
    struct str digits = has_name ? behind(text, colon + 1) : text;
    struct str name = has_name ? (struct str){text.ptr, colon} : algorithm_of(digits.len);
    struct form form = {.out = out};

    if (name.len == 0 || !is_hex(digits) || scheme_len(text) != (has_name ? colon + 1 : 0) ||
        name.len + 1 + digits.len > ARTIFACT_DIGEST_BYTES_MAX) {
        return false;
    }
    form_add(&form, name, true);
    form_add(&form, STR(":"), false);
    form_add(&form, digits, true);
    *out_digest = (struct str){out, form.len};
    return true;
}
