/* pg_order.h - comparison of rows x and y of one type by the parts of their key, joined with ?: - the first difference
 * decides. */
#ifndef METAOPS_SINKS_PG_ORDER_H
#define METAOPS_SINKS_PG_ORDER_H

#include "core/id128.h"
#include "core/str.h"

#define BY_ID(member) id128_cmp(x->member, y->member)
#define BY_TEXT(member) str_cmp(x->member, y->member)
#define BY_NUMBER(member) ((x->member > y->member) - (x->member < y->member))

/* The comparison of rows of a type, as struct pg_table wants it. */
#define PG_ORDER(name, type, parts)                                                                \
    int name(const void *a, const void *b)                                                         \
    {                                                                                              \
        const struct type *x = a;                                                                  \
        const struct type *y = b;                                                                  \
        return parts;                                                                              \
    }

#endif
