/* What the C tests have in common: checks that say where they failed. */
#ifndef ORTLET_TESTS_CHECK_H
#define ORTLET_TESTS_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ortlet/ortlet.h>

#define CHECK(condition)                                                        \
  do {                                                                          \
    if (!(condition)) {                                                         \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);   \
      exit(1);                                                                  \
    }                                                                           \
  } while (0)

/* A call that has to succeed; its last argument is `&error`. */
#define OK(call)                                                                              \
  do {                                                                                        \
    ortlet_error *error = NULL;                                                               \
    if ((call) != ORTLET_OK) {                                                                \
      fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call, ortlet_error_message(error)); \
      exit(1);                                                                                \
    }                                                                                         \
    CHECK(error == NULL);                                                                     \
  } while (0)

/* A call that has to fail with a status, and a message with a text in it. */
#define FAILS(expected, text, call)                                                           \
  do {                                                                                        \
    ortlet_error *error = NULL;                                                               \
    const ortlet_status status = (call);                                                      \
    if (status != (expected) || ortlet_error_code(error) != status ||                         \
        strstr(ortlet_error_message(error), (text)) == NULL ||                                \
        strstr(ortlet_error_details(error), "\"code\":\"") == NULL) {                         \
      fprintf(stderr, "%s:%d: %s: status %u, %s\n", __FILE__, __LINE__, #call, (unsigned)status, \
              ortlet_error_message(error));                                                   \
      exit(1);                                                                                \
    }                                                                                         \
    ortlet_error_free(error);                                                                 \
  } while (0)

/* An input of a name, a type, a shape that is an array, and an array of elements. */
static ortlet_input input_of(const char *name, ortlet_dtype dtype, const size_t *shape, size_t rank,
                             const void *data, size_t size_bytes) {
  ortlet_input input;
  memset(&input, 0, sizeof input);
  input.name = name;
  input.tensor.data = data;
  input.tensor.size_bytes = size_bytes;
  input.tensor.shape = shape;
  input.tensor.rank = rank;
  input.tensor.dtype = dtype;
  return input;
}

#endif
