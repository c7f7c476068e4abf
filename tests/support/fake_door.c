#include "support/fake_door.h"

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

#define REQUESTS_MAX 20000

struct kept {
    struct fake_door_request request;
    bool is_taken;
};

struct fake_door {
    int fd;
    int port;
    pthread_t thread;
    atomic_bool is_closing;
    atomic_int mood;
    pthread_mutex_t lock;
    struct kept *kept[REQUESTS_MAX];
    size_t count;
};

static bool fake_door_wait(struct fake_door *door, int fd)
{
    while (!atomic_load(&door->is_closing)) {
        struct pollfd entry = {.fd = fd, .events = POLLIN};
        if (poll(&entry, 1, 20) > 0) {
            return true;
        }
    }
    return false;
}

/* One request into kept; false when the peer or the door is closing. */
static bool fake_door_read(struct fake_door *door, int fd, struct kept *kept)
{
    size_t size = 1 << 16;
    size_t len = 0;
    size_t wanted = 0;
    char *text = malloc(size);

    while (wanted == 0 || len < wanted) {
        if (len + 1 >= size) {
            size *= 2;
            text = realloc(text, size);
        }
        ssize_t got = fake_door_wait(door, fd) ? recv(fd, text + len, size - len - 1, 0) : 0;
        if (got <= 0) {
            free(text);
            return false;
        }
        len += (size_t)got;
        text[len] = '\0';
        char *end = wanted == 0 ? strstr(text, "\r\n\r\n") : NULL;
        if (end) {
            char *length = strstr(text, "Content-Length: ");
            size_t head = (size_t)(end - text) + 4;
            assert(length && length < end);
            wanted = head + strtoul(length + 16, NULL, 10);
            snprintf(kept->request.head, sizeof(kept->request.head), "%.*s", (int)head, text);
        }
    }
    assert(len == wanted);
    kept->request.body = strdup(strstr(text, "\r\n\r\n") + 4);
    free(text);
    return true;
}

static size_t fake_door_count(const char *body)
{
    size_t count = 0;

    for (const char *at = strstr(body, "\"name\":\"j"); at; at = strstr(at + 1, "\"name\":\"j")) {
        count++;
    }
    return count;
}

static int fake_door_list(char *out, size_t size, size_t count, bool is_none_now)
{
    int len = snprintf(out, size, "{\"accepted\":%zu,\"refused\":1,\"results\":[", count - 1);

    for (size_t i = 0; i < count; i++) {
        len += snprintf(out + len, size - (size_t)len, "%s{\"index\":%zu,\"status\":%d}",
                        i ? "," : "", i,
                        is_none_now ? 503
                        : i == 1    ? 400
                                    : 201);
    }
    return len + snprintf(out + len, size - (size_t)len, "]}");
}

static void fake_door_answer(struct fake_door *door, int fd, struct kept *kept)
{
    static const char *const lines[] = {
        [FAKE_DOOR_TAKES] = "201 Created",
        [FAKE_DOOR_OVERLOADED] = "503 Service Unavailable",
        [FAKE_DOOR_UNAUTHORIZED] = "401 Unauthorized",
        [FAKE_DOOR_NO_BATCHES] = "404 Not Found",
        [FAKE_DOOR_REFUSES_SECOND] = "200 OK",
        [FAKE_DOOR_NOT_FOUND] = "404 Not Found",
        [FAKE_DOOR_FORBIDS] = "403 Forbidden",
        [FAKE_DOOR_FORBIDS_GONE] = "403 Forbidden",
        [FAKE_DOOR_TAKES_NONE_NOW] = "207 Multi-Status",
    };
    enum fake_door_mood mood = (enum fake_door_mood)atomic_load(&door->mood);
    bool is_batch = strstr(kept->request.head, "/batch HTTP/1.1") != NULL;
    static char body[100000];
    static char text[110000];

    int len = snprintf(body, sizeof(body), "{}");
    if (mood == FAKE_DOOR_FORBIDS_GONE &&
        !strstr(kept->request.head, "MetaOps-Emitter: test/gone;")) {
        mood = FAKE_DOOR_TAKES;
    }
    if ((mood == FAKE_DOOR_REFUSES_SECOND || mood == FAKE_DOOR_TAKES_NONE_NOW) && is_batch) {
        len = fake_door_list(body, sizeof(body), fake_door_count(kept->request.body),
                             mood == FAKE_DOOR_TAKES_NONE_NOW);
    } else if (mood == FAKE_DOOR_TAKES_NONE_NOW) {
        mood = FAKE_DOOR_OVERLOADED;
    } else if ((mood == FAKE_DOOR_NO_BATCHES || mood == FAKE_DOOR_REFUSES_SECOND) && !is_batch) {
        mood = FAKE_DOOR_TAKES;
    }
    kept->is_taken = mood == FAKE_DOOR_TAKES || mood == FAKE_DOOR_REFUSES_SECOND;
    len = snprintf(text, sizeof(text), "HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s", lines[mood],
                   len, body);
    (void)!send(fd, text, (size_t)len, MSG_NOSIGNAL);
}

static void *fake_door_main(void *arg)
{
    struct fake_door *door = arg;

    while (fake_door_wait(door, door->fd)) {
        int fd = accept(door->fd, NULL, NULL);
        struct kept *kept = calloc(1, sizeof(*kept));
        while (fd >= 0 && fake_door_read(door, fd, kept)) {
            /* Kept before it is answered: a sender that has its answer may look at once. */
            pthread_mutex_lock(&door->lock);
            assert(door->count < REQUESTS_MAX);
            door->kept[door->count++] = kept;
            fake_door_answer(door, fd, kept);
            pthread_mutex_unlock(&door->lock);
            kept = calloc(1, sizeof(*kept));
        }
        free(kept);
        close(fd);
    }
    return NULL;
}

struct fake_door *fake_door_open(int port, enum fake_door_mood mood)
{
    struct fake_door *door = calloc(1, sizeof(*door));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t len = sizeof(address);
    int one = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    door->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(door->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(door->fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(door->fd, 16) != 0 ||
        getsockname(door->fd, (struct sockaddr *)&address, &len) != 0) {
        close(door->fd);
        free(door);
        return NULL;
    }
    door->port = ntohs(address.sin_port);
    atomic_store(&door->mood, (int)mood);
    pthread_mutex_init(&door->lock, NULL);
    (void)!pthread_create(&door->thread, NULL, fake_door_main, door);
    return door;
}

int fake_door_port(const struct fake_door *door)
{
    return door->port;
}

void fake_door_set_mood(struct fake_door *door, enum fake_door_mood mood)
{
    atomic_store(&door->mood, (int)mood);
}

const struct fake_door_request *fake_door_request(struct fake_door *door, size_t index)
{
    pthread_mutex_lock(&door->lock);
    const struct fake_door_request *request =
        index < door->count ? &door->kept[index]->request : NULL;
    pthread_mutex_unlock(&door->lock);
    return request;
}

size_t fake_door_events(struct fake_door *door, long *out, size_t max)
{
    size_t count = 0;

    pthread_mutex_lock(&door->lock);
    for (size_t i = 0; i < door->count; i++) {
        const char *at = door->kept[i]->is_taken ? door->kept[i]->request.body : "";
        for (at = strstr(at, "\"name\":\"j"); at && count < max; at = strstr(at, "\"name\":\"j")) {
            at += 9;
            out[count++] = strtol(at, NULL, 10);
        }
    }
    pthread_mutex_unlock(&door->lock);
    return count;
}

void fake_door_close(struct fake_door *door)
{
    if (!door) {
        return;
    }
    atomic_store(&door->is_closing, true);
    pthread_join(door->thread, NULL);
    close(door->fd);
    for (size_t i = 0; i < door->count; i++) {
        free(door->kept[i]->request.body);
        free(door->kept[i]);
    }
    pthread_mutex_destroy(&door->lock);
    free(door);
}
