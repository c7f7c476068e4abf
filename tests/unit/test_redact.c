/* Redaction both ways: tables of what has to go and of what has to stay, then the properties (a
 * second pass changes nothing, all bytes but the marks are as they came) over the real events. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/json.h"
#include "core/settings.h"
#include "schemas/redact.h"

#define M REDACT_MARK

static struct redact *redact;
static struct redact *redact_literals;
static struct json_doc *doc;
static struct arena *arena;

static int set_up(void **state)
{
    struct err err;

    (void)state;
    doc = json_doc_new(128, 4000000);
    arena = arena_new((size_t)256 << 20);
    if (redact_new("PATH,HOME,LANG,LC_*", false, &redact, &err) != OK) {
        return 1;
    }
    return redact_new("", true, &redact_literals, &err) == OK && doc && arena ? 0 : 1;
}

static int tear_down(void **state)
{
    (void)state;
    redact_free(redact);
    redact_free(redact_literals);
    json_doc_free(doc);
    arena_free(arena);
    return 0;
}

/* Redacts a copy; the result lives until the next call. */
static struct str run(const struct redact *by, struct str text)
{
    struct err err;

    arena_reset(arena, 1 << 20);
    char *copy = arena_alloc(arena, text.len + JSON_PADDING_BYTES);
    memcpy(copy, text.ptr, text.len);
    memset(copy + text.len, 0, JSON_PADDING_BYTES);
    struct str body = {copy, text.len};
    assert_int_equal(json_parse(doc, body, NULL, &err), OK);
    assert_int_equal(redact_event(by, doc, arena, &body, &err), OK);
    return body;
}

static int failures;

static void expect(const char *what, const char *in, struct str got, const char *wanted)
{
    if (!str_eq(got, str_view(wanted))) {
        fprintf(stderr, "%s:\n  in     %s\n  got    %.*s\n  wanted %s\n", what, in, (int)got.len,
                got.ptr, wanted);
        failures++;
    }
}

struct pair {
    const char *in;
    const char *out; /* NULL: the same */
};

/* Each text as the value of a member that says nothing, with something before and behind. */
static void check_values(const struct pair *pairs, size_t count)
{
    failures = 0;
    for (size_t i = 0; i < count; i++) {
        char in[4096], wanted[4096];
        snprintf(in, sizeof(in), "{\"a\":[\"%s\", \"z\"],\"b\":\"%s\"}", pairs[i].in, pairs[i].in);
        const char *out = pairs[i].out ? pairs[i].out : pairs[i].in;
        snprintf(wanted, sizeof(wanted), "{\"a\":[\"%s\", \"z\"],\"b\":\"%s\"}", out, out);
        expect("value", in, run(redact, str_view(in)), wanted);
        char *copy = strdup(wanted);
        expect("again", wanted, run(redact, str_view(copy)), wanted);
        free(copy);
        /* Escaped, each byte of it: the same must be found. */
        char escaped[8192] = "{\"c\":\"", *at = escaped + strlen(escaped);
        for (const char *p = pairs[i].in; *p; p++) {
            at += *p == '\\' || (p > pairs[i].in && p[-1] == '\\' && p[0] != 'u')
                      ? snprintf(at, 8, "%c", *p)
                      : snprintf(at, 8, "\\u%04x", *p);
            if (*p == '\\' || (p > pairs[i].in && p[-1] == '\\')) {
                at = NULL;
                break;
            }
        }
        if (at) {
            memcpy(at, "\"}", 3);
            struct str got = run(redact, str_view(escaped));
            int32_t marks = redact_count(str_view(out));
            if (redact_count(got) != marks) {
                fprintf(stderr, "escaped %s: %d marks\n", pairs[i].in, redact_count(got));
                failures++;
            }
        }
    }
    assert_int_equal(failures, 0);
}

static void check_events(const struct redact *by, const struct pair *pairs, size_t count)
{
    failures = 0;
    for (size_t i = 0; i < count; i++) {
        const char *out = pairs[i].out ? pairs[i].out : pairs[i].in;
        expect("event", pairs[i].in, run(by, str_view(pairs[i].in)), out);
        expect("again", out, run(by, str_view(out)), out);
    }
    assert_int_equal(failures, 0);
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void test_redact_takes_passwords_out_of_urls(void **state)
{
    static const struct pair pairs[] = {
        {"postgres://user:pa5s@host:5432", "postgres://user:" M "@host:5432"},
        {"postgresql+psycopg2://etl:s3cr3t@db.example.com/shop?sslmode=require",
         "postgresql+psycopg2://etl:" M "@db.example.com/shop?sslmode=require"},
        {"redis://:pa5s@cache:6379/0", "redis://:" M "@cache:6379/0"},
        {"mongodb://u:p@h1:27017,h2:27017/db?replicaSet=r",
         "mongodb://u:" M "@h1:27017,h2:27017/db?replicaSet=r"},
        {"https://u:p@ss@host/x", "https://u:" M "@host/x"},
        {"postgres://u:p/w@host/db", "postgres://u:" M "@host/db"},
        {"postgres://u:pa%40ss@host/db", "postgres://u:" M "@host/db"},
        {"cannot reach mysql://root:hunter2@db:3306/x, giving up",
         "cannot reach mysql://root:" M "@db:3306/x, giving up"},
        {"postgres:\\/\\/user:pa5s\\u0040host\\/db", "postgres:\\/\\/user:" M "\\u0040host\\/db"},
        {"s3a://AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI@bucket/p", "s3a://" M ":" M "@bucket/p"},
        {"jdbc:postgresql://h:5432/db?user=u&password=pa5s&ssl=true",
         "jdbc:postgresql://h:5432/db?user=u&password=" M "&ssl=true"},
        {"jdbc:mysql://u:p@h/db", "jdbc:mysql://u:" M "@h/db"},
        {"jdbc:mysql://address=(host=h)(port=3306)(user=u)(password=pa5s)/db",
         "jdbc:mysql://address=(host=h)(port=3306)(user=u)(password=" M ")/db"},
        {"jdbc:mysql://(host=h,user=u,password=pa5s)/db",
         "jdbc:mysql://(host=h,user=u,password=" M ")/db"},
        {"jdbc:sqlserver://h:1433;databaseName=d;user=u;password=pa5s;encrypt=true",
         "jdbc:sqlserver://h:1433;databaseName=d;user=u;password=" M ";encrypt=true"},
        {"jdbc:sqlserver://h;PWD={a;b};x=1", "jdbc:sqlserver://h;PWD={" M "};x=1"},
        {"Driver={ODBC Driver 18};Server=s;Uid=u;Pwd=pa5s;",
         "Driver={ODBC Driver 18};Server=s;Uid=u;Pwd=" M ";"},
        {"jdbc:oracle:thin:scott/tiger@//h:1521/svc", "jdbc:oracle:thin:scott/" M "@//h:1521/svc"},
        {"jdbc:oracle:thin:scott/tiger@h:1521:sid", "jdbc:oracle:thin:scott/" M "@h:1521:sid"},
        {"oracle:oci:scott/tiger@tns", "oracle:oci:scott/" M "@tns"},
        {"jdbc:db2://h:50000/db:user=u;password=pa5s;",
         "jdbc:db2://h:50000/db:user=u;password=" M ";"},
        {"jdbc:db2://h:50000/db:password=pa5s;user=u;",
         "jdbc:db2://h:50000/db:password=" M ";user=u;"},
        {"jdbc:teradata://h/DATABASE=d,USER=u,PASSWORD=pa5s,TMODE=ANSI",
         "jdbc:teradata://h/DATABASE=d,USER=u,PASSWORD=" M ",TMODE=ANSI"},
        {"jdbc:snowflake://a.snowflakecomputing.com/?user=u&password=pa5s&private_key_pwd=k",
         "jdbc:snowflake://a.snowflakecomputing.com/?user=u&password=" M "&private_key_pwd=" M},
        {"jdbc:hive2://h:10000/d;ssl=true;sslTrustStore=/t.jks;trustStorePassword=pa5s",
         "jdbc:hive2://h:10000/d;ssl=true;sslTrustStore=/t.jks;trustStorePassword=" M},
        {"jdbc:databricks://h:443;AuthMech=3;UID=token;PWD=dapi0123456789abcdef0123456789abcdef",
         "jdbc:databricks://h:443;AuthMech=3;UID=token;PWD=" M},
        {"jdbc:redshift://h:5439/d;UID=u;PWD=pa5s", "jdbc:redshift://h:5439/d;UID=u;PWD=" M},
        {"jdbc:bigquery://h;ProjectId=p;OAuthPvtKey=/"
         "k.p12;OAuthRefreshToken=abc;OAuthClientSecret=def",
         "jdbc:bigquery://h;ProjectId=p;OAuthPvtKey=" M ";OAuthRefreshToken=" M
         ";OAuthClientSecret=" M},
        {"host=h user=u password=pa5s dbname=d", "host=h user=u password=" M " dbname=d"},
        {"password=pa5s host=h", "password=" M " host=h"},
        {"host=h password='my pass' user=u", "host=h password='" M "' user=u"},
        {"mssql+pyodbc:///?odbc_connect=DRIVER%3D%7BODBC%7D%3BUID%3Du%3BPWD%3Dpa5s%3BX%3D1",
         "mssql+pyodbc:///?odbc_connect=DRIVER%3D%7BODBC%7D%3BUID%3Du%3BPWD%3D" M "%3BX%3D1"},
        {"https://h/cb?to=postgres%3A%2F%2Fu%3Apa5s%40db%2Fx",
         "https://h/cb?to=postgres%3A%2F%2Fu%3A" M "%40db%2Fx"},
        {"\\npostgres://u:p@h", "\\npostgres://u:" M "@h"},
        {"root:pa5s@tcp(db:3306)/shop", "root:" M "@tcp(db:3306)/shop"},
    };
    (void)state;
    check_values(pairs, COUNT(pairs));
}

static void test_redact_takes_signatures_and_tokens_out_of_queries(void **state)
{
    static const struct pair pairs[] = {
        {"https://a.blob.core.windows.net/c/f?sv=2022-11-02&se=2026-01-01&sr=b&sp=r&sig=aB%2Fc%3D",
         "https://a.blob.core.windows.net/c/f?sv=2022-11-02&se=2026-01-01&sr=b&sp=r&sig=" M},
        {"https://b.s3.amazonaws.com/k?X-Amz-Credential=AKIAIOSFODNN7EXAMPLE/20260101/eu/s3/"
         "aws4_request&X-Amz-Signature=0123abcd&X-Amz-Security-Token=FwoG",
         "https://b.s3.amazonaws.com/k?X-Amz-Credential=" M
         "/20260101/eu/s3/aws4_request&X-Amz-Signature=" M "&X-Amz-Security-Token=" M},
        {"https://storage.googleapis.com/b/o?GoogleAccessId=x@y.com&Expires=1&Signature=abc%2B",
         "https://storage.googleapis.com/b/o?GoogleAccessId=x@y.com&Expires=1&Signature=" M},
        {"https://api/x?access_token=abc123&x=1#frag", "https://api/x?access_token=" M "&x=1#frag"},
        {"https://api/x?api_key=abc123", "https://api/x?api_key=" M},
        {"DefaultEndpointsProtocol=https;AccountName=n;AccountKey=aGVsbG8=;EndpointSuffix=core."
         "windows.net",
         "DefaultEndpointsProtocol=https;AccountName=n;AccountKey=" M
         ";EndpointSuffix=core.windows.net"},
        {"Endpoint=sb://n.servicebus.windows.net/"
         ";SharedAccessKeyName=Root;SharedAccessKey=aGVsbG8=",
         "Endpoint=sb://n.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey=" M},
    };
    (void)state;
    check_values(pairs, COUNT(pairs));
}

static void test_redact_takes_tokens_of_known_shape_anywhere(void **state)
{
    static const struct pair pairs[] = {
        {"key AKIAIOSFODNN7EXAMPLE is used", "key " M " is used"},
        {"ghp_0123456789abcdefghijABCDEFGHIJ012345", M},
        {"key=mo_0123456789abcdef_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
         "key=" M},
        {"memo_0123456789abcdef_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
         "memo_0123456789abcdef_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},
        {"github_pat_0123456789abcdefghijABCDEFGHIJ012345", M},
        {"https://ghp_0123456789abcdefghijABCDEFGHIJ012345@github.com/a/b",
         "https://" M "@github.com/a/b"},
        {"xoxb-123456789012-abcdefABCDEF1234", M},
        {"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N", M},
        {"Authorization: Bearer 0123456789abcdefXYZ", "Authorization: Bearer " M},
        {"curl -H 'Authorization: Basic dXNlcjpwYXNz' x", "curl -H 'Authorization: Basic " M "' x"},
        {"sk-proj-abcDEF0123456789abcDEF0123", M},
        {"sk-0123456789abcdefABCDEF0123456789abcd", M},
        {"AIzaSyA0123456789abcdefghijklmnopqrstuv", M},
        {"-----BEGIN RSA PRIVATE KEY-----\\nMIIEow\\n-----END RSA PRIVATE KEY-----\\n",
         "-----BEGIN RSA PRIVATE KEY-----" M "-----END RSA PRIVATE KEY-----\\n"},
        {"-----BEGIN PRIVATE KEY-----\\nMIIEow cut", "-----BEGIN PRIVATE KEY-----" M},
        {"psql: PGPASSWORD=pa5s psql -h db", "psql: PGPASSWORD=" M " psql -h db"},
        {"DB_PASSWORD=pa5s python load.py", "DB_PASSWORD=" M " python load.py"},
        {"set -e; export MY_API_KEY='k 1' && run", "set -e; export MY_API_KEY='" M "' && run"},
        {"docker run -e X_TOKEN=abc img", "docker run -e X_TOKEN=" M " img"},
        {"tool --password=pa5s --x=1", "tool --password=" M " --x=1"},
        {"java -Djavax.net.ssl.keyStorePassword=pa5s -cp x",
         "java -Djavax.net.ssl.keyStorePassword=" M " -cp x"},
        {"--conf spark.hadoop.fs.s3a.secret.key=abc", "--conf spark.hadoop.fs.s3a.secret.key=" M},
        {"required username=\\\"u\\\" password=\\\"pa5s\\\";",
         "required username=\\\"u\\\" password=\\\"" M "\\\";"},
        {"CREATE USER u WITH PASSWORD 'pa5s'", "CREATE USER u WITH PASSWORD '" M "'"},
        {"CREATE USER u IDENTIFIED BY 'pa5s';", "CREATE USER u IDENTIFIED BY '" M "';"},
        {"ALTER USER u SET PASSWORD = 'pa5s'", "ALTER USER u SET PASSWORD = '" M "'"},
        {"COPY INTO t CREDENTIALS=(AWS_KEY_ID='x' AWS_SECRET_KEY='abc')",
         "COPY INTO t CREDENTIALS=(AWS_KEY_ID='x' AWS_SECRET_KEY='" M "')"},
        {"{'user': 'u', 'password': 'pa5s'}", "{'user': 'u', 'password': '" M "'}"},
        {"{\\\"user\\\": \\\"u\\\", \\\"password\\\": \\\"pa5s\\\"}",
         "{\\\"user\\\": \\\"u\\\", \\\"password\\\": \\\"" M "\\\"}"},
    };
    (void)state;
    check_values(pairs, COUNT(pairs));
}

static void test_redact_leaves_what_only_looks_like_a_secret(void **state)
{
    static const char *const texts[] = {
        "The password of a user is stored hashed; see token_count and the secret santa list.",
        "SELECT password, token FROM users WHERE password = 'x' AND t.password=u.password",
        "select * from users where password='abc' or (token='abc')",
        "update t set user='x',password='y' where id=1",
        "select password as secret, md5(password) from a.users",
        "user@example.com",
        "mailto:someone@example.com",
        "https://github.com/@scope/pkg",
        "abfss://container@account.dfs.core.windows.net/path",
        "ssh://git@github.com/a/b.git",
        "git@github.com:a/b.git",
        "https://host:8080/a@b",
        "http://[::1]:80/p@x",
        "s3://bucket/key@v1/x:y@z",
        "https://host/p?email=a@b.example&x=1",
        "docker://repo:tag@sha256:0123",
        "postgresql://user@h:5432/db",
        "postgres://u:***@h/db",
        "jdbc:postgresql://h/d?user=u&password=***",
        "postgres://u:${PW}@h",
        "postgres://{{ conn.login }}:{{ conn.password }}@h",
        "host=h password=%s user=u",
        "*********(redacted)",
        "SQLE***ecuteQueryOperator",
        "te***t/markdown",
        "d41d8cd98f00b204e9800998ecf8427e",
        "0195e9a1-3f6a-7c30-8e9f-0123456789ab",
        "6bc45929b0c0ffee6bc45929b0c0ffee6bc45929",
        "/warehouse/api_key=42/token=7/part-0.parquet",
        "s3://b/t/password=1/x",
        "a=b&page_token=c",
        "Bearer authentication",
        "Bearer of bad news",
        "sk-learn-pipelines-and-more-things-of-that-kind",
        "task-0123456789abcdefABCDEF0123456789",
        "eyJ is how it begins",
        "dapi is a prefix",
        "AKIA",
        "the --password flag",
        "spark.redaction.regex=(?i)secret|password",
        "password: required",
        "?next=1;x",
        "com.example.Token=Class",
        "key=value",
        "SELECT * FROM T WHERE USER_PASSWORD='abc' AND API_KEY=OTHER_KEY",
        "export PASSWORD_FILE=/run/x",
        "sort_key=1&partition_key=2",
        "?signature_version=4",
        "-----BEGIN CERTIFICATE-----",
        "-----BEGIN PUBLIC KEY-----",
        "a.b@c.d:e@f",
        "CREATE TABLE t (password varchar(20), secret text)",
        "column password 'varchar(20)'",
        "\\\"password\\\": \\\"varchar\\\"",
        "{'token': None, 'password': '***'}",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct pair pair = {.in = texts[i]};
        check_values(&pair, 1);
    }
}

static void test_redact_judges_members_by_name(void **state)
{
    static const struct pair pairs[] = {
        {"{\"password\":\"pa5s\"}", "{\"password\":\"" M "\"}"},
        {"{ \"DB_PASSWORD\" : \"a\\\"b\" }", "{ \"DB_PASSWORD\" : \"" M "\" }"},
        {"{\"pass\\u0077ord\":\"pa5s\"}", "{\"pass\\u0077ord\":\"" M "\"}"},
        {"{\"a.passwor\\u0064\":\"pa5s\",\"b\":\"c\"}",
         "{\"a.passwor\\u0064\":\"" M "\",\"b\":\"c\"}"},
        {"{\"apiKey\":\"a\",\"api_key\":\"b\",\"x-api-key\":\"c\",\"access.key\":\"d\"}",
         "{\"apiKey\":\"" M "\",\"api_key\":\"" M "\",\"x-api-key\":\"" M "\",\"access.key\":\"" M
         "\"}"},
        {"{\"fs.s3a.secret.key\":\"a\",\"fs.azure.account.key.n.blob.core.windows.net\":\"b\"}",
         "{\"fs.s3a.secret.key\":\"" M "\",\"fs.azure.account.key.n.blob.core.windows.net\":\"" M
         "\"}"},
        {"{\"spark.ssl.keyStorePassword\":\"a\",\"sasl.jaas.config\":\"b\",\"Authorization\":\"c\","
         "\"client_secret\":\"d\"}",
         "{\"spark.ssl.keyStorePassword\":\"" M "\",\"sasl.jaas.config\":\"" M
         "\",\"Authorization\":\"" M "\",\"client_secret\":\"" M "\"}"},
        {"{\"private_key\":\"-----BEGIN PRIVATE KEY-----\\nMII\\n-----END PRIVATE KEY-----\"}",
         "{\"private_key\":\"" M "\"}"},
        {"{\"parameters\":[{\"value\":\"pa5s\",\"name\":\"DB_PASSWORD\"},{\"key\":\"token\","
         "\"value\":\"t\"}]}",
         "{\"parameters\":[{\"value\":\"" M
         "\",\"name\":\"DB_PASSWORD\"},{\"key\":\"token\",\"value\":\"" M "\"}]}"},
        {"{\"name\":\"a.token\",\"value\":\"t\",\"p\":{\"key\":\"pwd\",\"value\":\"u\"}}",
         "{\"name\":\"a.token\",\"value\":\"" M "\",\"p\":{\"key\":\"pwd\",\"value\":\"" M "\"}}"},
        {"{\"credential\":\"c\",\"passphrase\":\"p\",\"db_pass\":\"q\",\"pwd\":\"r\",\"token\":"
         "\"12\"}",
         "{\"credential\":\"" M "\",\"passphrase\":\"" M "\",\"db_pass\":\"" M "\",\"pwd\":\"" M
         "\",\"token\":\"" M "\"}"},
        {"{\"password\":\"" M "x\"}", "{\"password\":\"" M "\"}"},
        /* stays */
        {"{\"fields\":[{\"name\":\"password\",\"type\":\"string\"},{\"name\":\"token_count\","
         "\"type\":\"int\"}]}",
         NULL},
        {"{\"fields\":{\"password\":{\"inputFields\":[{\"name\":\"n\",\"field\":\"password\"}]}}}",
         NULL},
        {"{\"tags\":[{\"key\":\"password\",\"value\":\"pii\",\"field\":\"secret\"}]}", NULL},
        {"{\"key\":\"abc\",\"unique_key\":\"id\",\"primaryKey\":\"id\",\"public_key\":\"x\","
         "\"nextToken\":\"x\"}",
         NULL},
        {"{\"password\":\"\",\"secret\":\"***\",\"token\":null,\"has_password\":\"true\",\"pwd\":"
         "\"/root\",\"api_key\":7}",
         NULL},
        {"{\"password\":\"*********(redacted)\",\"secret\":\"${SECRET}\",\"token\":\"{{ "
         "var.value.t }}\"}",
         NULL},
        {"{\"password\":\"varchar(20)\",\"token\":\"string\"}", NULL},
        {"{\"compass\":\"north\",\"tokenizer\":\"bpe\",\"secretary\":\"x\",\"password_hint\":\"y\","
         "\"keyboard\":\"z\"}",
         NULL},
        {"{\"AKIAIOSFODNN7EXAMPLE\":1,\"postgres://u:p@h\":\"x\"}", NULL},
        {"[\"password\",\"secret\",{\"description\":\"token\"}]", NULL},
    };
    (void)state;
    check_events(redact, pairs, COUNT(pairs));
}

static void test_redact_keeps_only_listed_variables(void **state)
{
    static const struct pair pairs[] = {
        {"{\"run\":{\"facets\":{\"environmentVariables\":{\"environmentVariables\":[{\"name\":"
         "\"PATH\",\"value\":\"/bin\"},"
         "{\"name\":\"X\",\"value\":\"a\\nb\"},{\"value\":\"v\",\"name\":\"LC_ALL\"},{\"value\":"
         "\"v\"},{\"name\":\"E\",\"value\":\"\"},"
         "{\"name\":\"S\",\"value\":\"***\"}]}}}}",
         "{\"run\":{\"facets\":{\"environmentVariables\":{\"environmentVariables\":[{\"name\":"
         "\"PATH\",\"value\":\"/bin\"},"
         "{\"name\":\"X\",\"value\":\"" M
         "\"},{\"value\":\"v\",\"name\":\"LC_ALL\"},{\"value\":\"" M
         "\"},{\"name\":\"E\",\"value\":\"\"},"
         "{\"name\":\"S\",\"value\":\"***\"}]}}}}"},
        {"{\"run\":{\"facets\":{\"environment-properties\":{\"_producer\":\"p\",\"environment-"
         "properties\":{\"HOME\":\"/root\",\"Y\":\"z\","
         "\"mounts\":[{\"at\":\"/m\"}],\"n\":1}}}}}",
         "{\"run\":{\"facets\":{\"environment-properties\":{\"_producer\":\"p\",\"environment-"
         "properties\":{\"HOME\":\"/root\",\"Y\":\"" M "\","
         "\"mounts\":[{\"at\":\"" M "\"}],\"n\":1}}}}}"},
    };
    (void)state;
    check_events(redact, pairs, COUNT(pairs));
}

static void test_redact_masks_literals_of_sql_when_wanted(void **state)
{
#define SQL(query) "{\"job\":{\"facets\":{\"sql\":{\"query\":\"" query "\"}}}}"
    static const struct pair pairs[] = {
        {SQL("SELECT a1, \\\"it's\\\" FROM t2 WHERE x = 'it''s' AND y = 4.5 -- it's 7\\n AND z = "
             "'' /* '1' */"),
         SQL("SELECT a1, \\\"it's\\\" FROM t2 WHERE x = '" M "' AND y = " M
             " -- it's 7\\n AND z = '' /* '1' */")},
        {SQL("select $1, :2, E'a\\\\'b', $$body 'x'$$, $t$b$t$ from t"),
         SQL("select $1, :2, E'" M "', $$" M "$$, $t$" M "$t$ from t")},
        {SQL("select 'a\\\\' , secret, 'b' from t"), SQL("select '" M "' from t")},
        {"{\"job\":{\"facets\":{\"sql\":{\"query\":\"select 'a\\\\' , 'b' from "
         "t\",\"dialect\":\"postgres\"}}}}",
         "{\"job\":{\"facets\":{\"sql\":{\"query\":\"select '" M "' , '" M
         "' from t\",\"dialect\":\"postgres\"}}}}"},
    };
    (void)state;
    check_events(redact_literals, pairs, COUNT(pairs));
    struct pair off = {.in = SQL("SELECT 1 WHERE x = 'a'")};
    check_events(redact, &off, 1);
}

static void test_redact_finds_in_bytes_that_are_no_json(void **state)
{
    static const struct pair pairs[] = {
        {"{\"password\": \"pa5s\", \"u\":\"postgres://u:p@h\", cut",
         "{\"password\": \"" M "\", \"u\":\"postgres://u:" M "@h\", cut"},
        {"{\\\"password\\\": \\\"pa5s\\\"", "{\\\"password\\\": \\\"" M "\\\""},
        {"\xff\xfe AKIAIOSFODNN7EXAMPLE \x01", "\xff\xfe " M " \x01"},
        {"postgres://u:p@h", "postgres://u:" M "@h"},
        {"[{\"name\": \"DB_PASSWORD\" , \"value\" : \"pa5s\"}, {\"name\":\"x\",\"value\":\"y\"",
         "[{\"name\": \"DB_PASSWORD\" , \"value\" : \"" M "\"}, {\"name\":\"x\",\"value\":\"y\""},
        {"\"environmentVariables\":{\"_producer\":\"p\",\"environmentVariables\": "
         "[{\"name\":\"X\",\"value\":\"a\\\"]b\"}],\"value\":\"stays\"}, cut",
         "\"environmentVariables\":{\"_producer\":\"p\",\"environmentVariables\": "
         "[{\"name\":\"X\",\"value\":\"" M "\"}],\"value\":\"stays\"}, cut"},
        {"\"environment-properties\":{\"_producer\":\"p\",\"environment-properties\":{\"X\" : "
         "\"a\",\"Y\":\"b",
         "\"environment-properties\":{\"_producer\":\"p\",\"environment-properties\":{\"X\" : \"" M
         "\",\"Y\":\"" M},
        {"nothing here", NULL},
    };
    (void)state;
    failures = 0;
    /* A record without a value has nothing to redact; that is no lack of memory. */
    assert_non_null(redact_bytes(redact, (struct str){NULL, 0}, arena).ptr);
    for (size_t i = 0; i < COUNT(pairs); i++) {
        arena_reset(arena, 1 << 20);
        struct str got = redact_bytes(redact, str_view(pairs[i].in), arena);
        expect("bytes", pairs[i].in, got, pairs[i].out ? pairs[i].out : pairs[i].in);
    }
    assert_int_equal(failures, 0);
}

/* Everything that the default settings redact in the events of real tools, by file and marks. */
static void test_redact_leaves_real_events_as_they_are(void **state)
{
    static const char *const files[] = {"airflow",           "airflow_unmasked",        "dbt",
                                        "openlineage_java",  "openlineage_python",      "spark",
                                        "spark_full_facets", "openlineage_python_kafka"};
    struct redact *by = NULL;
    struct err err;
    size_t events = 0;

    (void)state;
    assert_int_equal(redact_new(SETTINGS_ENVIRONMENT_ALLOW, false, &by, &err), OK);
    for (size_t i = 0; i < COUNT(files); i++) {
        char path[512];
        char *line = NULL;
        size_t size = 0;
        ssize_t len;
        snprintf(path, sizeof(path), TEST_DATA "/%s.jsonl", files[i]);
        FILE *in = fopen(path, "r");
        assert_non_null(in);
        while ((len = getline(&line, &size, in)) > 0) {
            struct str text = {line, (size_t)len};
            assert_true(str_eq(run(by, text), text));
            events++;
        }
        free(line);
        fclose(in);
    }
    assert_true(events > 400);
    redact_free(by);
}

/* before, then part as often as times, then behind; to be freed. */
static char *repeated(const char *before, const char *part, size_t times, const char *behind)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    fputs(before, out);
    for (size_t i = 0; i < times; i++) {
        fputs(part, out);
    }
    fputs(behind, out);
    for (int i = 0; i < JSON_PADDING_BYTES; i++) {
        fputc(0, out);
    }
    fclose(out);
    return text;
}

static enum verdict judge(struct arena *in, struct str *inout_body)
{
    struct err err;

    assert_int_equal(json_parse(doc, *inout_body, NULL, &err), OK);
    return redact_event(redact, doc, in, inout_body, &err);
}

static void expect_rejected(struct arena *in, char *text)
{
    struct str body = str_view(text);

    arena_reset(in, 1 << 20);
    assert_int_equal(judge(in, &body), REJECT);
    assert_ptr_equal(body.ptr, text);
    free(text);
}

/* More finds than there may be are no lack of memory, which another try would get over. */
static void test_redact_rejects_more_secrets_than_there_may_be(void **state)
{
    struct arena *of_worker = arena_new(((size_t)6 * 32 + 16) << 20);
    char *most = repeated("{\"a\":\"?sig=1", "&sig=1", REDACT_SPANS_MAX - 1, "\"}");
    struct str body = str_view(most);

    (void)state;
    arena_reset(arena, 1 << 20);
    assert_int_equal(judge(arena, &body), OK);
    assert_int_equal(redact_count(body), REDACT_SPANS_MAX);
    free(most);
    expect_rejected(arena, repeated("{\"a\":\"?sig=1", "&sig=1", REDACT_SPANS_MAX, "\"}"));
    expect_rejected(of_worker, repeated("{\"a\":\"?sig=1", "&sig=1", 4400000, "\"}"));
    expect_rejected(of_worker, repeated("{\"a\":\"\\n?sig=1", "&sig=1", 4400000, "\"}"));
    expect_rejected(of_worker,
                    repeated("{\"a\":[\"x\"", ",\"\\n?sig=1\"", REDACT_SPANS_MAX + 1, "]}"));
    expect_rejected(of_worker, repeated("{\"run\":{\"facets\":{\"environment-properties\":{"
                                        "\"environment-properties\":{\"a\":[\"x\"",
                                        ",\"x\"", REDACT_SPANS_MAX, "]}}}}}"));
    char *cut = repeated("{\"a\":\"?sig=1", "&sig=1", REDACT_SPANS_MAX, "");
    arena_reset(arena, 1 << 20);
    assert_true(redact_is_withheld(redact_bytes(redact, str_view(cut), arena)));
    free(cut);
    arena_free(of_worker);
}

/* Each value is so long that the rule sees the URL before the next name only when it is gone. */
static void test_redact_gives_nothing_back_that_is_not_clean(void **state)
{
    char part[700] = ",password=";
    memset(part + strlen(part), 'x', 600);
    char *cut = repeated("{\"a\":\"jdbc:x://h", part, 9, "");
    char *few = repeated("{\"a\":\"jdbc:x://h", part, 3, "");

    (void)state;
    expect_rejected(arena, repeated("{\"a\":\"jdbc:x://h", part, 9, "\"}"));
    arena_reset(arena, 1 << 20);
    assert_true(redact_is_withheld(redact_bytes(redact, str_view(cut), arena)));
    expect("few", few, redact_bytes(redact, str_view(few), arena),
           "{\"a\":\"jdbc:x://h,password=" M ",password=" M ",password=" M);
    assert_int_equal(failures, 0);
    free(cut);
    free(few);
}

/* In Turkish a small I is another letter, and in Latin-1 0xE9 is one. */
static void test_redact_is_the_same_in_every_locale(void **state)
{
    static const char *const locales[] = {"tr_TR.ISO-8859-9", "tr_TR", "tr_TR.UTF-8",
                                          "de_DE.ISO-8859-1", "en_US.ISO-8859-1"};
    static const struct pair pairs[] = {
        {"CREATE USER u IDENTIFIED BY 'x1y2'", "CREATE USER u IDENTIFIED BY '" M "'"},
        {"create user u Identified by 'x1y2'", "create user u Identified by '" M "'"},
        {"DRIVER=d PASSWORD=x1y2", "DRIVER=d PASSWORD=" M},
        {"Authorization: BASIC dXNlcjpwYXNz", "Authorization: BASIC " M},
        {"\xe9"
         "AKIAIOSFODNN7EXAMPLE",
         "\xe9" M},
    };
    (void)state;
    for (size_t at = 0; at <= COUNT(locales); at++) {
        if (at > 0 && !setlocale(LC_ALL, locales[at - 1])) {
            continue;
        }
        failures = 0;
        for (size_t i = 0; i < COUNT(pairs); i++) {
            arena_reset(arena, 1 << 20);
            expect(at ? locales[at - 1] : "C", pairs[i].in,
                   redact_bytes(redact, str_view(pairs[i].in), arena), pairs[i].out);
        }
        setlocale(LC_ALL, "C");
        assert_int_equal(failures, 0);
    }
}

static void test_redact_counts_marks(void **state)
{
    (void)state;
    assert_int_equal(redact_count(STR("")), 0);
    assert_int_equal(redact_count(STR("~~metaops-redacted~ ~metaops-redacted")), 1);
    assert_int_equal(redact_count(STR(M M "x" M)), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_redact_takes_passwords_out_of_urls),
        cmocka_unit_test(test_redact_takes_signatures_and_tokens_out_of_queries),
        cmocka_unit_test(test_redact_takes_tokens_of_known_shape_anywhere),
        cmocka_unit_test(test_redact_leaves_what_only_looks_like_a_secret),
        cmocka_unit_test(test_redact_judges_members_by_name),
        cmocka_unit_test(test_redact_keeps_only_listed_variables),
        cmocka_unit_test(test_redact_masks_literals_of_sql_when_wanted),
        cmocka_unit_test(test_redact_finds_in_bytes_that_are_no_json),
        cmocka_unit_test(test_redact_leaves_real_events_as_they_are),
        cmocka_unit_test(test_redact_rejects_more_secrets_than_there_may_be),
        cmocka_unit_test(test_redact_gives_nothing_back_that_is_not_clean),
        cmocka_unit_test(test_redact_is_the_same_in_every_locale),
        cmocka_unit_test(test_redact_counts_marks),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
