/* redact_rules.c - what is secret around a place that the scan has found.
 *
 * The triggers are the end of a name (its last two letters and what follows), the @ of a URL's user
 * info, and the first bytes of tokens. Every rule looks back and ahead within bounds, so that no
 * text costs more than a small multiple of its length. */

#include "core/ascii.h"
#include "schemas/redact_impl.h"
#include "schemas/redact_names.h"

#define NAME_BYTES_MAX 128
#define WORD_BYTES_MAX 256

enum rule {
    RULE_NAME,
    RULE_AT,
    RULE_AT_ENCODED,
    RULE_TOKEN,
    RULE_GITHUB,
    RULE_PEM,
    RULE_HEADER,
    RULE_ESCAPE
};

/* What may follow a name: its closing quote, =, %3D, \" in JSON within JSON; and a blank before the literal
 * of a statement. */
#define BEHIND_NAME "\"'=%\\"
#define BEHIND_WORD "\"'=%\\ "

static const struct {
    struct redact_trigger trigger;
    enum rule rule;
} rows[] = {
    {{{"rw", "d", BEHIND_WORD}, true, 0}, RULE_NAME}, /* password, passwd, pwd */
    {{{"e", "t", BEHIND_WORD}, true, 0}, RULE_NAME},  /* secret; windows.net */
    {{{"e", "ny", BEHIND_WORD}, true, 0}, RULE_NAME}, /* token, key */
    {{{"a", "l", BEHIND_NAME}, true, 1}, RULE_NAME},  /* credential */
    {{{"l", "s", BEHIND_NAME}, true, 1}, RULE_NAME},  /* credentials */
    {{{"s", "es", BEHIND_NAME}, true, 1}, RULE_NAME}, /* passphrase, pass */
    {{{"o", "n", BEHIND_NAME}, true, 1}, RULE_NAME},  /* authorization */
    {{{"a", "s", BEHIND_NAME}, true, 1}, RULE_NAME},  /* sas */
    {{{"f", "o", BEHIND_NAME}, true, 2}, RULE_NAME},  /* basic.auth.user.info */
    {{{"i", "g", BEHIND_NAME}, true, 2}, RULE_NAME},  /* jaas.config, sig */
    {{{"r", "e", "=%"}, true, 2}, RULE_NAME},         /* signature */
    {{{"t", "h", "=%"}, true, 2}, RULE_NAME},         /* REDISCLI_AUTH */
    {{{"b", "y", " "}, true, 2}, RULE_NAME},          /* IDENTIFIED BY */
    {{{"@", NULL, NULL}, false, 3}, RULE_AT},
    {{{"%", "4", "0"}, false, 4}, RULE_AT_ENCODED},
    {{{"\\", "u", "0"}, false, 4}, RULE_ESCAPE},
    {{{"-", "B", "E"}, false, 4}, RULE_PEM},
    {{{"A", "KSI", "IAz"}, false, 5}, RULE_TOKEN},
    {{{"g", "hl", "poushra"}, false, 6}, RULE_TOKEN},
    {{{"u", "b", "_"}, false, 6}, RULE_GITHUB}, /* github_pat_ */
    {{{"x", "oa", "xp"}, false, 6}, RULE_TOKEN},
    {{{"e", "y", "Ja"}, false, 5}, RULE_TOKEN},
    {{{"y", "a", "2"}, false, 6}, RULE_TOKEN},
    {{{"s", "k", "-_"}, false, 7}, RULE_TOKEN},
    {{{"r", "k", "_"}, false, 7}, RULE_TOKEN},
    {{{"hd", "vfac", "s_pk"}, false, 7}, RULE_TOKEN},
    {{{"np", "py", "mp"}, false, 7}, RULE_TOKEN},
    {{{"m", "o", "_"}, false, 7}, RULE_TOKEN}, /* our own keys */
    {{{"b", "e", "a"}, true, 5}, RULE_TOKEN},
    {{{"u", "t", "h"}, true, 5}, RULE_HEADER},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

void redact_rules_init(struct redact_scan *scan)
{
    struct redact_trigger triggers[ROWS];

    for (size_t i = 0; i < ROWS; i++) {
        triggers[i] = rows[i].trigger;
    }
    redact_scan_init(scan, triggers, ROWS);
}

bool redact_rules_is_escape(uint32_t triggers)
{
    return rows[__builtin_ctz(triggers)].rule == RULE_ESCAPE;
}

static bool is_name_byte(char c)
{
    return ascii_is_alnum(c) || c == '_' || c == '-' || c == '.';
}

static size_t skip_spaces(const struct redact_text *rt, size_t at)
{
    while (at < rt->text.len && ascii_is_space(rt->text.ptr[at])) {
        at++;
    }
    return at;
}

/* The first byte of the name that ends before `end`. */
static size_t name_begin(const struct redact_text *rt, size_t end)
{
    size_t begin = end;

    while (begin > 0 && end - begin < NAME_BYTES_MAX && is_name_byte(rt->text.ptr[begin - 1])) {
        begin--;
    }
    return begin;
}

/* The end of the quoted text that begins behind a quote at open - 1: its closing quote, which
 * `escapes` backslashes stand before; the end of the text when there is none. */
static size_t quoted_end(const struct redact_text *rt, size_t open, char quote, size_t escapes)
{
    for (size_t at = open; at < rt->text.len; at++) {
        char c = rt->text.ptr[at];
        if (c == quote || (rt->doc && c == '"')) {
            return at;
        }
        if (c == '\\') {
            if (escapes && redact_text_byte(rt, at + 1) == quote) {
                return at;
            }
            at++;
        }
    }
    return rt->text.len;
}

/* "name": "DB_PASSWORD", "value": "x" in a text that is no JSON. */
static size_t rule_pair(struct redact_text *rt, size_t begin, size_t name_end, size_t next)
{
    static const char member[] = "\"value\"";
    size_t at = skip_spaces(rt, next);

    if (redact_text_byte(rt, at) != ',') {
        return next;
    }
    at = skip_spaces(rt, at + 1);
    if (rt->text.len - at < sizeof(member) ||
        memcmp(rt->text.ptr + at, member, sizeof(member) - 1) != 0) {
        return next;
    }
    at = skip_spaces(rt, at + sizeof(member) - 1);
    size_t open = redact_text_byte(rt, at) == ':' ? skip_spaces(rt, at + 1) : at;
    struct str name = redact_text_part(rt, begin, name_end);
    if (redact_text_byte(rt, open) != '"' || !redact_names_is_secret(name)) {
        return next;
    }
    size_t end = quoted_end(rt, open + 1, '"', 0);
    if (redact_names_is_kept(name, redact_text_part(rt, open + 1, end))) {
        return next;
    }
    return redact_text_add(rt, open + 1, end);
}

/* "name": "value", 'name': 'value', and \"name\": \"value\" where JSON stands within JSON. */
static size_t rule_colon(struct redact_text *rt, size_t name_end)
{
    size_t escapes = redact_text_byte(rt, name_end) == '\\';
    char quote = redact_text_byte(rt, name_end + escapes);
    size_t next = name_end + escapes + 1;
    size_t begin = name_begin(rt, name_end);

    if ((quote != '"' && quote != '\'') || begin == 0) {
        return next;
    }
    size_t colon = skip_spaces(rt, next);
    if (redact_text_byte(rt, colon) != ':') {
        if (rt->doc && quote == '"' && rt->text.ptr[begin - 1] == '"' &&
            redact_names_is_secret(redact_text_part(rt, begin, name_end))) {
            redact_facets_pair(rt, redact_facets_index(rt->doc, 0, begin - 1));
        }
        return rt->doc ? next : rule_pair(rt, begin, name_end, next);
    }
    size_t open = skip_spaces(rt, colon + 1);
    open += redact_text_byte(rt, open) == '\\' && escapes;
    char value_quote = redact_text_byte(rt, open);
    bool is_quoted = value_quote == quote || (value_quote == '"' && !rt->doc);
    if (!is_quoted || !redact_names_is_secret(redact_text_part(rt, begin, name_end))) {
        return next;
    }
    size_t end = quoted_end(rt, open + 1, value_quote, escapes);
    if (redact_names_is_kept(redact_text_part(rt, begin, name_end),
                             redact_text_part(rt, open + 1, end))) {
        return next;
    }
    return redact_text_add(rt, open + 1, end);
}

/* True when the word that ends before `at` is one of a connection string: host=db. */
static bool is_connection_word(struct str word)
{
    static const char *const names[] = {"host",     "hostaddr", "port",     "dbname",    "user",
                                        "username", "server",   "database", "sslmode",   "uid",
                                        "service",  "driver",   "account",  "servername"};
    const char *equals = memchr(word.ptr, '=', word.len);
    size_t len = equals ? (size_t)(equals - word.ptr) : 0;

    for (size_t i = 0; len && i < sizeof(names) / sizeof(names[0]); i++) {
        if (len == strlen(names[i]) && ascii_eq_caseless(word.ptr, names[i], len)) {
            return true;
        }
    }
    return false;
}

static size_t word_end(const struct redact_text *rt, size_t at)
{
    size_t end = at;

    while (end < rt->text.len && end - at < WORD_BYTES_MAX && !ascii_is_space(rt->text.ptr[end])) {
        end++;
    }
    return end;
}

/* user=u password=p: a word beside the assignment at [begin, end) belongs to a connection string. */
static bool has_connection_beside(const struct redact_text *rt, size_t begin, size_t end)
{
    size_t at = begin, to;

    while (at > 0 && ascii_is_space(rt->text.ptr[at - 1])) {
        at--;
    }
    to = at;
    while (at > 0 && to - at < WORD_BYTES_MAX && !ascii_is_space(rt->text.ptr[at - 1]) &&
           !(rt->doc && rt->text.ptr[at - 1] == '"')) {
        at--;
    }
    if (is_connection_word(redact_text_part(rt, at, to))) {
        return true;
    }
    at = skip_spaces(rt,
                     end + (redact_text_byte(rt, end) == '\'' || redact_text_byte(rt, end) == '"'));
    return is_connection_word(redact_text_part(rt, at, word_end(rt, at)));
}

/* Is the name that begins at `begin` a property of a JDBC URL, or of one without jdbc:? */
static bool is_in_url(struct redact_text *rt, size_t begin, char before)
{
    struct str run = redact_text_part(rt, redact_text_run(rt, begin), begin);

    if (before == '/') {
        return redact_text_find(run, "teradata:") != SIZE_MAX;
    }
    return redact_text_find(run, "jdbc:") != SIZE_MAX || redact_text_find(run, "://") != SIZE_MAX;
}

/* DB_PASSWORD=x at the beginning of a text or behind export, env and the like: a shell's assignment. Elsewhere
 * it may be a comparison of SQL. */
static bool is_shell_assignment(const struct redact_text *rt, size_t begin, struct str name)
{
    static const char *const words[] = {"export", "env", "ENV", "-e", "--env", "declare -x"};
    bool has_joint = false;

    for (size_t i = 0; i < name.len; i++) {
        if (!ascii_is_upper(name.ptr[i]) && !ascii_is_digit(name.ptr[i]) && name.ptr[i] != '_') {
            return false;
        }
        has_joint = has_joint || name.ptr[i] == '_';
    }
    if (!has_joint || begin == 0) {
        return has_joint;
    }
    if (rt->text.ptr[begin - 1] != ' ') {
        return rt->doc && rt->text.ptr[begin - 1] == '"';
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t len = strlen(words[i]);
        if (begin > len && memcmp(rt->text.ptr + begin - 1 - len, words[i], len) == 0) {
            return true;
        }
    }
    return false;
}

/* How an assignment stands in its text, which says where its value ends. */
enum place { PLACE_NONE, PLACE_QUERY, PLACE_PROPERTY, PLACE_LIST, PLACE_WORD, PLACE_ENCODED };

static enum place place_of(struct redact_text *rt, size_t begin, struct str name, size_t value)
{
    char before = begin > 0 ? rt->text.ptr[begin - 1] : ' ';

    if (str_starts(name, "--") || str_starts(name, "-D") || str_starts(name, "spark.") ||
        str_starts(name, "fs.")) {
        return PLACE_WORD;
    }
    if (redact_names_is_secret_variable(name) || is_shell_assignment(rt, begin, name)) {
        return PLACE_WORD;
    }
    switch (before) {
    case '?':
    case '&':
    case '#':
        return PLACE_QUERY;
    case ';':
        return PLACE_PROPERTY;
    case ',':
    case '(':
        return is_in_url(rt, begin, before) ? PLACE_LIST : PLACE_NONE;
    case ':':
        return is_in_url(rt, begin, before) ? PLACE_PROPERTY : PLACE_NONE;
    case '/':
        return is_in_url(rt, begin, before) ? PLACE_LIST : PLACE_NONE;
    default:
        break;
    }
    return redact_text_is_wall(before) && has_connection_beside(rt, begin, word_end(rt, value))
               ? PLACE_WORD
               : PLACE_NONE;
}

/* Does another property follow the semicolon? Else it belongs to the value. */
static bool is_property_behind(const struct redact_text *rt, size_t at)
{
    size_t name = at;

    while (name < rt->text.len && name - at < NAME_BYTES_MAX && is_name_byte(rt->text.ptr[name])) {
        name++;
    }
    return redact_text_byte(rt, name) == '=' || name == at;
}

static bool ends_value(const struct redact_text *rt, enum place place, size_t at)
{
    char c = rt->text.ptr[at];

    if (redact_text_is_wall(c)) {
        return true;
    }
    switch (place) {
    case PLACE_QUERY:
        return c == '&' || c == '#' || (c == ';' && is_property_behind(rt, at + 1));
    case PLACE_PROPERTY:
        return c == ';';
    case PLACE_LIST:
        return c == ',' || c == ')';
    case PLACE_ENCODED:
        return c == '&' || c == '#' ||
               (c == '%' && redact_text_byte(rt, at + 1) == '3' &&
                ascii_lower(redact_text_byte(rt, at + 2)) == 'b') ||
               (c == '%' && redact_text_byte(rt, at + 1) == '2' &&
                redact_text_byte(rt, at + 2) == '6');
    case PLACE_WORD:
    case PLACE_NONE:
        break;
    }
    return false;
}

/* The value that begins at `from`: quoted, in braces (ODBC), or up to what ends it there. */
static size_t add_value(struct redact_text *rt, struct str name, size_t from, enum place place)
{
    char first = redact_text_byte(rt, from);
    size_t to = from;

    if ((first == '"' && !rt->doc) || first == '\'') {
        from++;
        to = quoted_end(rt, from, first, 0);
    } else if (first == '{' && place == PLACE_PROPERTY && redact_text_byte(rt, from + 1) != '{') {
        from++;
        while (to < rt->text.len && rt->text.ptr[to] != '}' && rt->text.ptr[to] != '"') {
            to++;
        }
    } else {
        while (to < rt->text.len && !ends_value(rt, place, to)) {
            to++;
        }
    }
    if (to <= from || redact_names_is_kept(name, redact_text_part(rt, from, to))) {
        return from;
    }
    return redact_text_add(rt, from, to);
}

/* name=value. */
static size_t rule_assign(struct redact_text *rt, size_t name_end)
{
    size_t begin = name_begin(rt, name_end);
    struct str name = redact_text_part(rt, begin, name_end);

    if (!redact_names_is_secret_parameter(name) && !redact_names_is_secret_variable(name)) {
        return name_end + 1;
    }
    enum place place = place_of(rt, begin, name, name_end + 1);
    return place == PLACE_NONE ? name_end + 1 : add_value(rt, name, name_end + 1, place);
}

/* name%3Dvalue behind %3B, %26, %3F or =: a connection string as the value of a parameter. */
static size_t rule_assign_encoded(struct redact_text *rt, size_t name_end)
{
    size_t begin = name_begin(rt, name_end);

    if (redact_text_byte(rt, name_end + 1) != '3' ||
        ascii_lower(redact_text_byte(rt, name_end + 2)) != 'd') {
        return name_end + 1;
    }
    if (begin > 0 && rt->text.ptr[begin - 1] == '%' && name_end - begin > 2) {
        begin += 2; /* the hex digits of what stands before the name */
    }
    struct str name = redact_text_part(rt, begin, name_end);
    if (!redact_names_is_secret_parameter(name)) {
        return name_end + 1;
    }
    return add_value(rt, name, name_end + 3, PLACE_ENCODED);
}

/* PASSWORD 'x', IDENTIFIED BY 'x', SECRET_KEY = 'x': statements that hand over a secret. A column is
 * never followed by a literal, and is compared in lower case or without joints. */
static size_t rule_statement(struct redact_text *rt, size_t name_end)
{
    static const char *const assigned[] = {
        "PASSWORD",        "AWS_SECRET_KEY",    "AWS_SECRET_ACCESS_KEY",
        "AZURE_SAS_TOKEN", "SECRET_ACCESS_KEY", "MASTER_KEY",
        "AWS_TOKEN",       "CLIENT_SECRET",     "OAUTH_CLIENT_SECRET"};
    size_t at = skip_spaces(rt, name_end);

    if (redact_text_byte(rt, at) != '\'' && redact_text_byte(rt, at) != '=') {
        return name_end + 1;
    }
    size_t begin = name_begin(rt, name_end);
    struct str name = redact_text_part(rt, begin, name_end);
    bool is_by = name.len == 2;
    if (is_by && (begin < 11 || !ascii_eq_caseless(rt->text.ptr + begin - 11, "IDENTIFIED", 10))) {
        return name_end + 1;
    }
    if (redact_text_byte(rt, at) == '=' && redact_text_byte(rt, skip_spaces(rt, at + 1)) == '\'') {
        bool is_assigned = false;
        struct str before = redact_text_part(rt, begin > 64 ? begin - 64 : 0, begin);
        bool is_user = redact_text_find(before, "USER ") != SIZE_MAX ||
                       redact_text_find(before, "LOGIN ") != SIZE_MAX;
        for (size_t i = 0; i < sizeof(assigned) / sizeof(assigned[0]); i++) {
            is_assigned = is_assigned || (name.len == strlen(assigned[i]) &&
                                          ascii_eq_caseless(name.ptr, assigned[i], name.len));
        }
        if (!is_assigned ||
            (name.len == 8 && (!is_user || redact_text_find(before, "WHERE") != SIZE_MAX))) {
            return name_end + 1;
        }
        at = skip_spaces(rt, at + 1);
    } else if (redact_text_byte(rt, at) != '\'' || (!is_by && !redact_names_is_secret(name))) {
        return name_end + 1;
    }
    size_t end = quoted_end(rt, at + 1, '\'', 0);
    if (redact_names_is_kept(name, redact_text_part(rt, at + 1, end))) {
        return at + 1;
    }
    return redact_text_add(rt, at + 1, end);
}

static size_t rule_name(struct redact_text *rt, size_t name_end)
{
    switch (redact_text_byte(rt, name_end)) {
    case '=':
        return rule_assign(rt, name_end);
    case '%':
        return rule_assign_encoded(rt, name_end);
    case ' ':
        return rule_statement(rt, name_end);
    default:
        return rule_colon(rt, name_end);
    }
}

/* -----BEGIN RSA PRIVATE KEY----- to its END, or to the end of the string. */
static size_t rule_pem(struct redact_text *rt, size_t at)
{
    struct str head = redact_text_part(rt, at, at + 80 < rt->text.len ? at + 80 : rt->text.len);
    size_t key = redact_text_find(head, "PRIVATE KEY");
    size_t to;

    if (head.len < 6 || memcmp(head.ptr, "-BEGIN", 6) != 0 || key == SIZE_MAX) {
        return at + 1;
    }
    size_t from = at + key + strlen("PRIVATE KEY");
    if (rt->text.len - from > 6 && memcmp(rt->text.ptr + from, " BLOCK", 6) == 0) {
        from += strlen(" BLOCK");
    }
    while (redact_text_byte(rt, from) == '-') {
        from++;
    }
    for (to = from; to < rt->text.len && !(rt->doc && rt->text.ptr[to] == '"'); to++) {
        if (rt->text.len - to >= 8 && memcmp(rt->text.ptr + to, "-----END", 8) == 0) {
            break;
        }
    }
    return redact_text_add(rt, from, to);
}

/* Authorization: Basic dXNlcjpwYXNz. */
static size_t rule_header(struct redact_text *rt, size_t at)
{
    static const char name[] = "uthorization: ";
    size_t from = at + sizeof(name) - 1;
    size_t to;

    if (rt->text.len < from || rt->text.ptr[from - 1] != ' ' ||
        !ascii_eq_caseless(rt->text.ptr + at, name, sizeof(name) - 1)) {
        return at + 1;
    }
    if (rt->text.len - from < 6 || !ascii_eq_caseless(rt->text.ptr + from, "Basic ", 6)) {
        return at + 1;
    }
    from += 6;
    for (to = from; to < rt->text.len && !redact_text_is_wall(rt->text.ptr[to]); to++) {
    }
    return to - from >= 8 ? redact_text_add(rt, from, to) : to;
}

size_t redact_rules_apply(struct redact_text *rt, size_t at, uint32_t triggers)
{
    size_t next = at + 1;

    for (; triggers; triggers &= triggers - 1) {
        size_t got = at + 1;
        struct redact_span span;
        switch (rows[__builtin_ctz(triggers)].rule) {
        case RULE_NAME:
            got = rule_name(rt, at + 2);
            break;
        case RULE_AT:
            got = redact_user_info(rt, at);
            break;
        case RULE_AT_ENCODED:
            got = redact_user_info_encoded(rt, at);
            break;
        case RULE_TOKEN:
            if (redact_tokens_match(rt->text, at, &span)) {
                got = redact_text_add(rt, span.from, span.to);
            }
            break;
        case RULE_GITHUB:
            if (at >= 4 && redact_tokens_match(rt->text, at - 4, &span)) {
                got = redact_text_add(rt, span.from, span.to);
            }
            break;
        case RULE_PEM:
            got = rule_pem(rt, at);
            break;
        case RULE_HEADER:
            got = rule_header(rt, at);
            break;
        case RULE_ESCAPE:
            break;
        }
        next = got > next ? got : next;
    }
    return next;
}
