#include "support/fake_mlserver.h"

#include <arpa/inet.h>
#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATHS_MAX 32
#define REQUEST_BYTES 8192
#define STEP_MS 20

struct path {
    char name[128];
    char *answer; /* NULL: none of its own */
    size_t asked;
};

struct fake_mlserver {
    int fd;
    int port;
    pthread_t thread;
    atomic_bool is_closing;
    atomic_bool is_silent;
    pthread_mutex_t lock; /* of the paths */
    struct path paths[PATHS_MAX];
    size_t count;
};

/* Under the lock. */
static struct path *find(struct fake_mlserver *fake, const char *name)
{
    for (size_t i = 0; i < fake->count; i++) {
        if (strcmp(fake->paths[i].name, name) == 0) {
            return &fake->paths[i];
        }
    }
    assert(fake->count < PATHS_MAX);
    struct path *path = &fake->paths[fake->count++];
    snprintf(path->name, sizeof(path->name), "%s", name);
    return path;
}

static void give(struct fake_mlserver *fake, const char *name, char *answer)
{
    pthread_mutex_lock(&fake->lock);
    struct path *path = find(fake, name);
    free(path->answer);
    path->answer = answer;
    pthread_mutex_unlock(&fake->lock);
}

void fake_mlserver_set(struct fake_mlserver *fake, const char *path, const char *status,
                       const char *body)
{
    char *answer = NULL;

    assert(asprintf(&answer, "HTTP/1.1 %s\r\ncontent-length: %zu\r\n\r\n%s", status, strlen(body),
                    body) > 0);
    give(fake, path, answer);
}

void fake_mlserver_hang_up(struct fake_mlserver *fake, const char *path)
{
    char *answer = strdup("");

    assert(answer);
    give(fake, path, answer);
}

/* The captures have line feeds alone; the bodies have none inside. */
static char *with_line_ends(const char *text)
{
    const char *body = strstr(text, "\n\n");
    char *out = calloc(2, strlen(text) + 1);
    size_t len = 0;

    assert(body && out);
    for (const char *c = text; c < body + 2; c++) {
        if (*c == '\n') {
            out[len++] = '\r';
        }
        out[len++] = *c;
    }
    const char *length = strstr(text, "content-length: ");
    assert(length && length < body);
    memcpy(out + len, body + 2, strtoul(length + 16, NULL, 10));
    return out;
}

void fake_mlserver_replay(struct fake_mlserver *fake, const char *file)
{
    char path[256], name[128];
    size_t len;

    snprintf(path, sizeof(path), "%s/mlserver/%s", TEST_DATA, file);
    FILE *in = fopen(path, "r");
    assert(in);
    char *text = calloc(1, 1 << 16);
    assert(text);
    len = fread(text, 1, (1 << 16) - 1, in);
    fclose(in);
    const char *end = strstr(text, " HTTP/1.1");
    const char *answer = strstr(text, "---\n");
    assert(len > 0 && end && answer);
    snprintf(name, sizeof(name), "%.*s", (int)(end - text), text);
    give(fake, name, with_line_ends(answer + 4));
    free(text);
}

static bool wait_for(struct fake_mlserver *fake, int fd)
{
    while (!atomic_load(&fake->is_closing)) {
        struct pollfd entry = {.fd = fd, .events = POLLIN};
        if (poll(&entry, 1, STEP_MS) > 0) {
            return true;
        }
    }
    return false;
}

/* Up to the end of the head: bodies are not looked at, and short enough to come with it or to be left unread. */
static bool read_request(struct fake_mlserver *fake, int fd, char *out_name, size_t size)
{
    char text[REQUEST_BYTES];
    size_t len = 0;

    text[0] = '\0';
    while (!strstr(text, "\r\n\r\n")) {
        ssize_t got = wait_for(fake, fd) ? recv(fd, text + len, sizeof(text) - 1 - len, 0) : 0;
        if (got <= 0) {
            return false;
        }
        len += (size_t)got;
        text[len] = '\0';
    }
    const char *end = strstr(text, " HTTP/1.1");
    assert(end);
    snprintf(out_name, size, "%.*s", (int)(end - text), text);
    return true;
}

static void send_all(int fd, const char *text)
{
    size_t len = strlen(text);

    for (size_t sent = 0; sent < len;) {
        ssize_t put = send(fd, text + sent, len - sent, MSG_NOSIGNAL);
        if (put <= 0) {
            return;
        }
        sent += (size_t)put;
    }
}

static void answer(struct fake_mlserver *fake, int fd, const char *name)
{
    pthread_mutex_lock(&fake->lock);
    struct path *path = find(fake, name);
    path->asked++;
    char *text = strdup(path->answer ? path->answer
                                     : "HTTP/1.1 404 Not Found\r\ncontent-length: 9\r\n"
                                       "content-type: text/plain\r\n\r\nNot Found");
    pthread_mutex_unlock(&fake->lock);
    if (!atomic_load(&fake->is_silent)) {
        send_all(fd, text);
    }
    free(text);
}

/* Until the other side has hung up: it may still be sending. */
static void let_go(struct fake_mlserver *fake, int fd)
{
    char rest[1024];

    if (!atomic_load(&fake->is_silent)) {
        shutdown(fd, SHUT_WR);
    }
    while (wait_for(fake, fd) && recv(fd, rest, sizeof(rest), 0) > 0) {
    }
    close(fd);
}

static void *fake_main(void *arg)
{
    struct fake_mlserver *fake = arg;

    while (wait_for(fake, fake->fd)) {
        char name[1024];
        int fd = accept(fake->fd, NULL, NULL);
        if (fd >= 0 && read_request(fake, fd, name, sizeof(name))) {
            answer(fake, fd, name);
        }
        if (fd >= 0) {
            let_go(fake, fd);
        }
    }
    return NULL;
}

struct fake_mlserver *fake_mlserver_open(void)
{
    struct fake_mlserver *fake = calloc(1, sizeof(*fake));
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);

    assert(fake);
    fake->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert(bind(fake->fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    assert(listen(fake->fd, 16) == 0);
    assert(getsockname(fake->fd, (struct sockaddr *)&address, &size) == 0);
    fake->port = ntohs(address.sin_port);
    pthread_mutex_init(&fake->lock, NULL);
    assert(pthread_create(&fake->thread, NULL, fake_main, fake) == 0);
    return fake;
}

int fake_mlserver_port(const struct fake_mlserver *fake)
{
    return fake->port;
}

void fake_mlserver_be_silent(struct fake_mlserver *fake, bool is_silent)
{
    atomic_store(&fake->is_silent, is_silent);
}

size_t fake_mlserver_asked(struct fake_mlserver *fake, const char *path)
{
    pthread_mutex_lock(&fake->lock);
    size_t asked = find(fake, path)->asked;
    pthread_mutex_unlock(&fake->lock);
    return asked;
}

void fake_mlserver_close(struct fake_mlserver *fake)
{
    atomic_store(&fake->is_closing, true);
    pthread_join(fake->thread, NULL);
    close(fake->fd);
    for (size_t i = 0; i < fake->count; i++) {
        free(fake->paths[i].answer);
    }
    pthread_mutex_destroy(&fake->lock);
    free(fake);
}
