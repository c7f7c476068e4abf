/* metaops_emit.h - the manual of libmetaops_emit: lineage events out of any program, without harm
 * to it.
 *
 * A program hands over OpenLineage events as JSON; a thread of the library ships them to a MetaOps
 * gateway by HTTP or HTTPS, or as Avro straight to Kafka. The program never waits for either:
 *
 *     struct metaops_emit *emitter;
 *     char reason[256];
 *     if (metaops_emit_open("to = http://lineage:5000\n", &emitter, reason, sizeof(reason)) == 0) {
 *         metaops_emit_json(emitter, event, strlen(event));
 *         metaops_emit_close(emitter, 2000);
 *     }
 *
 * What an emit promises. The event is judged as the gateway would judge it, secrets in it are
 * redacted, and it is written to the spool before the call returns; so from then on it survives
 * the death of the program (kill -9 too; with spool_fsync also that of the machine). It is shipped
 * in the order of emits, by this process or, when that is gone, by the next emitter that opens the
 * same spool directory, or by `metaops emit --spool DIR`. A backend that is away only makes the
 * spool grow, up to its bounds; then the oldest go, are counted, and are reported with the next
 * event as a gap in the numbers that each event carries (emitter, epoch, sequence). Shipping again
 * what may have arrived is harmless: the same bytes are the same event.
 *
 * The call takes 10 to 50 microseconds of the caller's CPU for usual events (4 to 10 KiB) and less
 * than a millisecond for any: events of more than 32 KiB are judged and redacted by a thread of the
 * library, for which the caller waits (about 5 milliseconds per MiB). It never waits for the
 * network, and for other threads of the program block_ms_max at most; it does write to the spool,
 * so keep that on a local disk. The first emit after a fork sets things up: up to 2 milliseconds.
 *
 * Threads and processes. Every function may be called by any thread, but metaops_emit_close only as
 * the last one. After fork both processes may go on: the child's emits have an epoch, a spool and
 * a thread of their own, begun with its first emit, and what the parent had not shipped stays the
 * parent's. The library installs no signal handlers, changes no environment, writes nothing to
 * stdout or stderr, and never aborts the process.
 *
 * Configuration is text: one `key = value` a line, blank lines and lines that begin with # are
 * passed over. A key that is not in the text is looked up in the environment as METAOPS_EMIT_KEY
 * (METAOPS_EMIT_SPOOL_BYTES_MAX), then, where given below, under its OpenLineage name. Sizes take
 * KiB, MiB, GiB.
 *
 *     to                http://HOST[:PORT][/PATH], https://..., or
 *                       kafka://BROKER[:PORT][,BROKER...][/TOPIC] (topic metaops.events)
 *                       OPENLINEAGE_URL, METAOPS_GATEWAY_URL; else http://127.0.0.1:5000
 *     endpoint          path of single events below the URL (api/v1/lineage). OPENLINEAGE_ENDPOINT
 *     api_key           sent as Authorization: Bearer; at most 4095 characters. OPENLINEAGE_API_KEY
 *     api_key_file      a file whose first line is the key; read again when the key is refused
 *     ca_file           certificates to trust for https, PEM (the system's)
 *     certificate_file  client certificate for https, PEM
 *     key_file          and its key
 *     emitter           name of this emitter, at most 128 visible ASCII characters without ; and ,
 *                       (HOST/PROGRAM)
 *     spool             directory of the spool, or none: then what is not shipped lives in memory
 *                       and ends with the program ($XDG_STATE_HOME/metaops/spool, else
 *                       $HOME/.local/state/metaops/spool, else /var/spool/metaops; below it a
 *                       directory for each destination: to, endpoint and key). Whoever opens a
 *                       spool ships what it finds there to where it ships its own: a directory that
 *                       is named here should serve one destination only
 *     spool_bytes_max   all of the directory (256MiB); what programs that are gone left there goes
 *                       first, oldest first, an eighth stays for those that live
 *     spool_age_max_s   events older than this are dropped (604800, a week)
 *     spool_fsync       yes: emit returns when the disk has it (no)
 *     event_bytes_max   longer events are refused (32MiB)
 *     block_ms_max      longest wait for other threads' emits (50)
 *     timeout_ms        of one request to the backend (5000)
 *     retry_ms_max      longest pause before it is tried again (10000)
 *     redact_environment_allow  variables of environment facets whose values stay, as the setting
 *                       redact.environment_allow of the gateways, and equal to it.
 *                       METAOPS_REDACT_ENVIRONMENT_ALLOW
 *     redact_sql_literals  yes: literals of SQL are redacted, too (no). METAOPS_REDACT_SQL_LITERALS
 *     disabled          true: every emit succeeds and does nothing. OPENLINEAGE_DISABLED
 *     rdkafka.NAME      any property of librdkafka, for kafka:// (rdkafka.security.protocol = SSL),
 *                       but acks, enable.idempotence and delivery.report.only.error
 *
 * ABI: symbols have version METAOPS_EMIT_1; structs begin with their size and grow at the end. */
#ifndef METAOPS_EMIT_H
#define METAOPS_EMIT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define METAOPS_EMIT_API __attribute__((visibility("default")))
#else
#define METAOPS_EMIT_API
#endif

struct metaops_emit;

/* What calls return. New values may be added; treat unknown ones as METAOPS_EMIT_FAILED. */
enum metaops_emit_status {
    METAOPS_EMIT_OK = 0,
    METAOPS_EMIT_PENDING = 1, /* flush, close: not everything was shipped in time; it is not lost */
    METAOPS_EMIT_INVALID = 2, /* an argument or an event that can never be taken */
    METAOPS_EMIT_CONFIG = 3,  /* open: the configuration is wrong */
    METAOPS_EMIT_BUSY = 4,    /* other threads held the emitter for block_ms_max; event not taken */
    METAOPS_EMIT_FAILED = 5   /* no memory, or the spool cannot be written; event not taken */
};

/* Counts since open (after fork: since the child's first emit). Set size before the call. */
struct metaops_emit_stats {
    size_t size;          /* sizeof(struct metaops_emit_stats) */
    uint64_t accepted;    /* emits that returned OK */
    uint64_t delivered;   /* taken by the backend */
    uint64_t refused;     /* refused by the backend for good */
    uint64_t dropped;     /* accepted, then given up: spool full, too old, damaged on disk */
    uint64_t not_taken;   /* emits that returned BUSY or FAILED */
    uint64_t invalid;     /* emits that returned INVALID */
    uint64_t adopted;     /* delivered for processes that are gone */
    uint64_t retries;     /* requests that will be tried again */
    uint64_t redactions;  /* values redacted in accepted events */
    uint64_t pending;     /* accepted, not yet shipped */
    uint64_t spool_bytes; /* on disk for them */
    uint64_t is_durable;  /* 1: the spool is on disk; 0: in memory */
    int64_t epoch;        /* 0 before the first emit */
    uint64_t sequence;    /* of the last emit that took a number */
};

/* One state of a run, for callers that have no JSON at hand. Text is UTF-8; NULL is "not given".
 * A dataset is spelled NAMESPACE/NAME. The namespace ends at the first slash; where it is a URI,
 * at the first slash behind its authority: postgres://db:5432/shop.raw.orders, s3://bucket/key,
 * but file//data/in.csv and file:///data/in.csv are both namespace file, name /data/in.csv. Names
 * may contain slashes; a namespace with more of them needs an event as JSON. */
struct metaops_emit_run_state {
    size_t size;            /* sizeof(struct metaops_emit_run_state) */
    const char *event_type; /* START, RUNNING, COMPLETE, FAIL, ABORT or OTHER */
    const char *run_id;     /* a UUID, see metaops_emit_run_id */
    const char *job_namespace;
    const char *job_name;
    const char *parent;        /* NAMESPACE/JOB/RUNID, as in OPENLINEAGE_PARENT_ID */
    const char *const *inputs; /* NULL-ended */
    const char *const *outputs;
    const char *error_message; /* FAIL: becomes the errorMessage facet */
    const char *language;      /* of that error: the program's (SHELL) */
    const char *root_parent;   /* NAMESPACE/JOB/RUNID of the root run; the parent itself if NULL */
    const char *job_type;    /* COMMAND, JOB, TASK, ... as jobType facet with BATCH; none if NULL */
    const char *integration; /* of the jobType facet (METAOPS) */
};

/* Opens an emitter. config may be NULL: everything from the environment. Touches the disk, not the
 * network. On failure (CONFIG, FAILED) *out_emitter is NULL and reason (of reason_size bytes, NULL
 * allowed) says why. When the spool was not named and its default place cannot be written, the
 * emitter works in memory (is_durable says so); a spool that was named must be writable. */
METAOPS_EMIT_API int metaops_emit_open(const char *config, struct metaops_emit **out_emitter,
                                       char *reason, size_t reason_size);

/* Takes one event: a JSON object of len bytes, copied. OK, INVALID, BUSY, FAILED. */
METAOPS_EMIT_API int metaops_emit_json(struct metaops_emit *emitter, const char *event, size_t len);

/* Makes an event of state, with the time of the call, and takes it as metaops_emit_json does. */
METAOPS_EMIT_API int metaops_emit_run(struct metaops_emit *emitter,
                                      const struct metaops_emit_run_state *state);

/* Writes a new run id (UUID version 7, 36 characters and a NUL) to out. Thread-safe. */
METAOPS_EMIT_API void metaops_emit_run_id(char out[37]);

/* Waits until everything emitted so far has been taken or refused by the backend, at most
 * timeout_ms. OK or PENDING. A pause before the next try is cut short. */
METAOPS_EMIT_API int metaops_emit_flush(struct metaops_emit *emitter, int timeout_ms);

/* Flushes for timeout_ms at most, in what is left of it ships what emitters that are gone left in
 * the spool, stops the thread (at most about half a second more) and frees the emitter. PENDING:
 * the rest is in the spool, or lost when there is none. NULL is allowed. */
METAOPS_EMIT_API int metaops_emit_close(struct metaops_emit *emitter, int timeout_ms);

/* Copies the reason of the last call that failed, or of the backend's last failure, whichever was
 * later, to out (always terminated). Returns its length; 0: nothing has failed. */
METAOPS_EMIT_API size_t metaops_emit_last_error(struct metaops_emit *emitter, char *out,
                                                size_t size);

/* Fills the members of out_stats that its size covers. OK, or INVALID for a size below 16. */
METAOPS_EMIT_API int metaops_emit_get_stats(struct metaops_emit *emitter,
                                            struct metaops_emit_stats *out_stats);

/* The name of a status: "ok", "pending", ... Static text. */
METAOPS_EMIT_API const char *metaops_emit_status_name(int status);

/* Version of the library, as 0.1.0. Static text. */
METAOPS_EMIT_API const char *metaops_emit_version(void);

#ifdef __cplusplus
}
#endif

#endif
