/* err.h - an error is a decision for the caller plus a reason for people.
 *
 * Every function that can fail returns a verdict and takes `struct err *` last; the struct belongs
 * to the caller, usually on the stack. Below the role level nobody logs: the error travels up and
 * is logged once. */
#ifndef METAOPS_CORE_ERR_H
#define METAOPS_CORE_ERR_H

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(m, n) __attribute__((format(printf, m, n)))

enum verdict {
    OK = 0,
    RETRY,  /* may work later: try the same thing again, with back-off */
    REJECT, /* this input can never be used; its neighbours can */
    FATAL   /* stop the process: a bug, a wrong setting, a missing migration */
};

struct err {
    enum verdict verdict;
    int code;       /* the library's own code, or 0 */
    char where[32]; /* the function or subsystem */
    char text[256]; /* one line for people, no secrets */
};

/* Fills err (NULL allowed) and returns verdict, so that `return err_set(...)` reads well. Text is
 * cut at its size; control bytes become '?'. */
enum verdict err_set(struct err *err, enum verdict verdict, const char *where, const char *format,
                     ...) PRINTF_LIKE(4, 5);

/* Puts `prefix: ` in front of the text of err. Returns its verdict. */
enum verdict err_wrap(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* "OK", "RETRY", "REJECT", "FATAL". */
const char *err_verdict_name(enum verdict verdict);

#endif
