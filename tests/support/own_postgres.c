#include "own_postgres.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The newest installed one. */
static bool find_programs(char *out, size_t size)
{
    glob_t found;
    bool is_found = glob("/usr/lib/postgresql/*/bin", 0, NULL, &found) == 0;
    if (is_found) {
        snprintf(out, size, "%s", found.gl_pathv[found.gl_pathc - 1]);
        globfree(&found);
    }
    return is_found;
}

static bool run(const char *command)
{
    return system(command) == 0;
}

bool own_postgres_start(struct own_postgres *pg)
{
    char programs[128];
    char command[1024];
    const char *as_owner =
        geteuid() == 0 ? "setpriv --reuid=postgres --regid=postgres --clear-groups" : "env";
    *pg = (struct own_postgres){.dir = "/tmp/metaops-pg-XXXXXX"};
    if (!find_programs(programs, sizeof programs)) {
        fprintf(stderr, "no PostgreSQL server is installed\n");
        return false;
    }
    if (!mkdtemp(pg->dir)) {
        fprintf(stderr, "no folder below /tmp can be made\n");
        pg->dir[0] = 0;
        return false;
    }
    snprintf(command, sizeof command,
             "cd / && %s chown postgres %s 2>&1; "
             "{ %s %s/initdb -D %s/data -A trust -U postgres -E UTF8 --locale=C --no-sync && "
             "%s %s/pg_ctl -D %s/data -w -t 60 -l %s/log -o \"-c listen_addresses='' -c fsync=off "
             "-k %s\" start; } >%s.log 2>&1",
             geteuid() == 0 ? "" : ":", pg->dir, as_owner, programs, pg->dir, as_owner, programs,
             pg->dir, pg->dir, pg->dir, pg->dir);
    snprintf(pg->conninfo, sizeof pg->conninfo, "host=%s user=postgres dbname=postgres", pg->dir);
    if (!run(command)) {
        fprintf(stderr, "PostgreSQL does not start: see %s.log\n", pg->dir);
        return false;
    }
    return true;
}

void own_postgres_stop(struct own_postgres *pg)
{
    char programs[128];
    char command[512];
    if (!pg->dir[0] || !find_programs(programs, sizeof programs)) {
        return;
    }
    snprintf(command, sizeof command,
             "cd / && %s %s/pg_ctl -D %s/data -m immediate stop >>%s.log 2>&1; rm -rf %s %s.log",
             geteuid() == 0 ? "setpriv --reuid=postgres --regid=postgres --clear-groups" : "env",
             programs, pg->dir, pg->dir, pg->dir, pg->dir);
    if (!run(command)) {
        fprintf(stderr, "left behind: %s\n", pg->dir);
    }
    pg->dir[0] = 0;
}
