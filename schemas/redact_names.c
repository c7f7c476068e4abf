#include "schemas/redact_names.h"

#include "core/ascii.h"

/* The end of a name, words joined and in lower case. */
struct ending {
    const char *text;
    size_t len;
    bool is_word;      /* only as a word of its own: pass, but not compass */
    bool is_parameter; /* only in URLs: signature may be a function's */
};

/* By their last letter: most names are none of these, and that is soon seen. */
static const struct ending endings_d[] = {
    {.text = "password", .len = 8},
    {.text = "passwd", .len = 6},
    {.text = "pwd", .len = 3, .is_word = true},
};

static const struct ending endings_e[] = {
    {.text = "passphrase", .len = 10},
    {.text = "signature", .len = 9, .is_parameter = true},
};

static const struct ending endings_g[] = {
    {.text = "jaasconfig", .len = 10},
    {.text = "sig", .len = 3, .is_word = true, .is_parameter = true},
};

static const struct ending endings_l[] = {
    {.text = "credential", .len = 10},
};

static const struct ending endings_n[] = {
    {.text = "token", .len = 5},
    {.text = "authorization", .len = 13},
};

static const struct ending endings_o[] = {
    {.text = "authuserinfo", .len = 12},
};

static const struct ending endings_s[] = {
    {.text = "pass", .len = 4, .is_word = true},
    {.text = "credentials", .len = 11},
    {.text = "sas", .len = 3, .is_word = true},
};

static const struct ending endings_t[] = {
    {.text = "secret", .len = 6},
};

static const struct ending endings_y[] = {
    {.text = "apikey", .len = 6},           {.text = "accesskey", .len = 9},
    {.text = "secretkey", .len = 9},        {.text = "accountkey", .len = 10},
    {.text = "sharedkey", .len = 9},        {.text = "privatekey", .len = 10},
    {.text = "signingkey", .len = 10},      {.text = "encryptionkey", .len = 13},
    {.text = "masterkey", .len = 9},        {.text = "storagekey", .len = 10},
    {.text = "subscriptionkey", .len = 15}, {.text = "authkey", .len = 7},
    {.text = "pvtkey", .len = 6},
};

/* Names that end like a secret's and are none. */
static const struct ending harmless[] = {
    {.text = "pagetoken", .len = 9},          {.text = "nexttoken", .len = 9},
    {.text = "continuationtoken", .len = 17}, {.text = "synctoken", .len = 9},
    {.text = "paginationtoken", .len = 15},   {.text = "amzcredential", .len = 13},
};

/* Hadoop's names go on behind the word: fs.azure.account.key.NAME.blob.core.windows.net. */
static const char *const hadoop_parts[] = {
    "fs.azure.account.key.",
    "fs.azure.sas.",
    ".oauth2.client.secret.",
    ".oauth2.refresh.token.",
};

static const char *const variables[] = {
    "PGPASSWORD",          "MYSQL_PWD",         "MYSQL_ROOT_PASSWORD", "POSTGRES_PASSWORD",
    "REDISCLI_AUTH",       "SNOWSQL_PWD",       "SQLCMDPASSWORD",      "AWS_SECRET_ACCESS_KEY",
    "GITHUB_TOKEN",        "AWS_SESSION_TOKEN", "DATABRICKS_TOKEN",    "VAULT_TOKEN",
    "OPENAI_API_KEY",      "ANTHROPIC_API_KEY", "AZURE_CLIENT_SECRET", "AZURE_STORAGE_KEY",
    "OPENLINEAGE_API_KEY", "AWS_SECRET_KEY",    "AZURE_SAS_TOKEN",
};

/* Words that stand where a secret might, lower case; a * at the end stands for anything. */
static const char words[] =
    "true,false,yes,no,none,null,nil,n/a,undefined,redacted,[redacted],(redacted),hidden,masked,"
    "string,str,text,varchar*,nvarchar*,char,char(*,nchar*,character*,bytes,bytea,binary*,blob,"
    "clob,"
    "int,integer,bigint,smallint,int32,int64,long,number*,numeric*,decimal*,float,double,boolean,"
    "bool,"
    "uuid,json,jsonb,date,timestamp*";

static bool is_joint(char c)
{
    return c == '_' || c == '-' || c == '.' || c == ' ';
}

/* Does name end so? Compared backwards, joints skipped. */
static bool name_ends(struct str name, const struct ending *ending)
{
    const char *p = name.ptr + name.len;
    char first = 0;

    for (const char *e = ending->text + ending->len; e > ending->text;) {
        while (p > name.ptr && is_joint(p[-1])) {
            p--;
        }
        if (p == name.ptr || (p[-1] | 0x20) != e[-1]) {
            return false;
        }
        first = *--p;
        e--;
    }
    if (!ending->is_word || p == name.ptr || !ascii_is_alnum(p[-1])) {
        return true;
    }
    return ascii_is_upper(first) && ascii_is_lower(p[-1]);
}

static bool has_part(struct str name, const char *part)
{
    size_t len = strlen(part);

    for (size_t i = 0; i + len <= name.len; i++) {
        if (ascii_eq_caseless(name.ptr + i, part, len)) {
            return true;
        }
    }
    return false;
}

/* The endings with this last letter. */
static const struct ending *endings_of(char last, size_t *out_count)
{
    switch (last | 0x20) {
    case 'd':
        *out_count = sizeof(endings_d) / sizeof(endings_d[0]);
        return endings_d;
    case 'e':
        *out_count = sizeof(endings_e) / sizeof(endings_e[0]);
        return endings_e;
    case 'g':
        *out_count = sizeof(endings_g) / sizeof(endings_g[0]);
        return endings_g;
    case 'l':
        *out_count = sizeof(endings_l) / sizeof(endings_l[0]);
        return endings_l;
    case 'n':
        *out_count = sizeof(endings_n) / sizeof(endings_n[0]);
        return endings_n;
    case 'o':
        *out_count = sizeof(endings_o) / sizeof(endings_o[0]);
        return endings_o;
    case 's':
        *out_count = sizeof(endings_s) / sizeof(endings_s[0]);
        return endings_s;
    case 't':
        *out_count = sizeof(endings_t) / sizeof(endings_t[0]);
        return endings_t;
    case 'y':
        *out_count = sizeof(endings_y) / sizeof(endings_y[0]);
        return endings_y;
    default:
        *out_count = 0;
        return NULL;
    }
}

static bool is_hadoop(struct str name)
{
    if (name.len < 16 || !memmem(name.ptr, name.len, "fs.azure.", 9)) {
        return false;
    }
    for (size_t i = 0; i < sizeof(hadoop_parts) / sizeof(hadoop_parts[0]); i++) {
        if (has_part(name, hadoop_parts[i])) {
            return true;
        }
    }
    return false;
}

static bool name_is_secret(struct str name, bool is_parameter)
{
    size_t count = 0;
    const struct ending *rows = endings_of(name.len ? name.ptr[name.len - 1] : ' ', &count);

    for (size_t i = 0; i < count; i++) {
        if ((rows[i].is_parameter && !is_parameter) || !name_ends(name, &rows[i])) {
            continue;
        }
        for (size_t j = 0; j < sizeof(harmless) / sizeof(harmless[0]); j++) {
            if (name_ends(name, &harmless[j])) {
                return false;
            }
        }
        return true;
    }
    return is_hadoop(name);
}

bool redact_names_is_secret(struct str name)
{
    return name_is_secret(name, false);
}

bool redact_names_is_secret_parameter(struct str name)
{
    return name_is_secret(name, true);
}

bool redact_names_is_secret_variable(struct str name)
{
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
        if (str_eq(name, str_view(variables[i]))) {
            return true;
        }
    }
    return false;
}

static bool is_between(struct str value, const char *begin, const char *end)
{
    size_t begin_len = strlen(begin), end_len = strlen(end);

    return value.len >= begin_len + end_len && memcmp(value.ptr, begin, begin_len) == 0 &&
           memcmp(value.ptr + value.len - end_len, end, end_len) == 0;
}

/* ${X}{{ y }} is no template but two, and ${a}secret${b} hides something. */
static bool is_template(struct str value)
{
    static const char *const pairs[][2] = {
        {"${", "}"}, {"{{", "}}"}, {"<", ">"}, {"%(", ")s"}, {"$(", ")"}};

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        if (is_between(value, pairs[i][0], pairs[i][1])) {
            struct str inner = {value.ptr + strlen(pairs[i][0]),
                                value.len - strlen(pairs[i][0]) - strlen(pairs[i][1])};
            return !memchr(inner.ptr, pairs[i][1][0], inner.len) || pairs[i][0][0] == '<';
        }
    }
    return false;
}

bool redact_names_is_no_value(struct str value)
{
    size_t stars = 0;

    while (stars < value.len && value.ptr[stars] == '*') {
        stars++;
    }
    if (stars == value.len) {
        return true; /* empty too */
    }
    struct str rest = {value.ptr + stars, value.len - stars};
    if (stars > 0 && str_eq(rest, STR("(redacted)"))) {
        return true;
    }
    return is_template(value) || str_eq(value, STR("?")) || str_eq(value, STR("%s"));
}

bool redact_names_is_kept(struct str name, struct str value)
{
    static const struct ending pwd = {.text = "pwd", .len = 3};
    char lower[40];

    if (redact_names_is_no_value(value)) {
        return true;
    }
    if (value.ptr[0] == '/' && name_ends(name, &pwd)) {
        return true; /* the working directory: PWD, OLDPWD */
    }
    if (value.len > sizeof(lower)) {
        return false;
    }
    for (size_t i = 0; i < value.len; i++) {
        lower[i] = ascii_lower(value.ptr[i]);
    }
    return redact_names_is_listed(words, (struct str){lower, value.len});
}

bool redact_names_is_listed(const char *list, struct str name)
{
    while (*list) {
        size_t len = strcspn(list, ", ");
        bool is_open = len > 0 && list[len - 1] == '*';
        size_t fixed = len - is_open;
        if (len > 0 && name.len >= fixed && (is_open || name.len == fixed) &&
            memcmp(list, name.ptr, fixed) == 0) {
            return true;
        }
        list += len;
        list += strspn(list, ", ");
    }
    return false;
}
