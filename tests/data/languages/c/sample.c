/* Copyright (c) Nobody */
/*
 * A stack of numbers.
 */
#include <stdio.h>
#include "stack.h"
#ifdef __linux__
#include <sys/epoll.h>
static int plat(void) { return 1; }
#endif

#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define LIMIT 10

/** A node. */
typedef struct node {
    int value; /**< not the documentation of next */
    struct node *next, *prev;
    void (*free)(void *);
    char name[10];
} node_t;
struct point { int x, y; };
enum color { RED, GREEN = 2 };
typedef int (*callback)(int, void *);
static int counter = 0;
extern int shared;
const char *names[] = { "a",
  "b" };

/* Push.
 *
 * More. */
int push(node_t *n, int v);

static inline node_t *make(int v)
{
    static int calls = 0;
    node_t *n = malloc(sizeof(*n));
    if (!n) {
        perror("x");
        exit(1);
    }
    n->free(n);
    assert(v > 0 && v < 3);
    switch (v) {
    case 1:
        break;
    default:
        abort();
    }
    fopen(getenv("HOME"), "r");
    return n;
}

char *(*fp(int a))(int) { return 0; }

int main(int argc, char **argv)
{
    (*handler)(2);
    return errno;
}
