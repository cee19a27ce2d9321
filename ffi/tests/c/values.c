/* Texts, sequences, maps, values that may be nothing and state, in and out of models; expected results by hand.
 * usage: values FIXTURES   (the folder of small models of the shared cases) */
#include "check.h"

static const char *folder;
static const size_t one = 1, two = 2;

static ortlet_session *load(const char *name) {
  char path[4096];
  ortlet_session *session = NULL;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  OK(ortlet_session_load(path, NULL, &session, &error));
  return session;
}

static ortlet_input input_of_value(const char *name, const ortlet_value *value) {
  ortlet_input input;
  memset(&input, 0, sizeof input);
  input.name = name;
  input.value = value;
  return input;
}

/* Runs a model once, and gives its output `y`, which belongs to the outputs. */
static const ortlet_value *run(const char *name, const ortlet_input *inputs, size_t count, ortlet_outputs **outputs) {
  ortlet_session *session = load(name);
  const ortlet_value *y = NULL;
  OK(ortlet_session_run(session, inputs, count, NULL, outputs, &error));
  OK(ortlet_outputs_get(*outputs, "y", &y, &error));
  ortlet_session_free(session);
  return y;
}

static ortlet_value *texts(const char *first, const char *second) {
  const char *strings[2];
  ortlet_value *value = NULL;
  strings[0] = first;
  strings[1] = second;
  OK(ortlet_value_new_strings(strings, 2, &two, 1, &value, &error));
  return value;
}

static void is_text(const ortlet_value *value, size_t at, const char *expected) {
  const char *text = NULL;
  size_t size = 0;
  OK(ortlet_value_string(value, at, &text, &size, &error));
  CHECK(size == strlen(expected) && memcmp(text, expected, size) == 0);
}

/* A tensor of one dimension with these bytes. */
static void is_tensor(const ortlet_value *value, ortlet_dtype dtype, size_t count, const void *data, size_t size) {
  ortlet_tensor tensor;
  CHECK(ortlet_value_kind(value) == ORTLET_KIND_TENSOR);
  OK(ortlet_value_tensor(value, &tensor, &error));
  CHECK(tensor.dtype == dtype && tensor.rank == 1 && tensor.shape[0] == count);
  CHECK(tensor.size_bytes == size && memcmp(tensor.data, data, size) == 0);
}

static void texts_are_joined(void) {
  ortlet_value *a = texts("gr\xc3\xbc", ""), *b = texts("n", "x");
  const ortlet_value *y;
  ortlet_input inputs[2];
  ortlet_outputs *outputs = NULL;
  const char *text;
  size_t size;
  inputs[0] = input_of_value("a", a);
  inputs[1] = input_of_value("b", b);
  y = run("words.onnx", inputs, 2, &outputs);
  /* The outputs are copies. */
  ortlet_value_free(a);
  ortlet_value_free(b);
  is_text(y, 0, "gr\xc3\xbcn");
  is_text(y, 1, "x");
  FAILS(ORTLET_NOT_FOUND, "2", ortlet_value_string(y, 2, &text, &size, &error));
  ortlet_outputs_free(outputs);
}

static void sequences_grow(void) {
  ortlet_value *first = texts("a", "b"), *more = texts("c", "d"), *sequence = NULL;
  const ortlet_value *elements[1], *y, *element = NULL;
  ortlet_input inputs[2];
  ortlet_outputs *outputs = NULL;
  elements[0] = first;
  OK(ortlet_value_new_sequence(elements, 1, &sequence, &error));
  ortlet_value_free(first);
  CHECK(ortlet_value_kind(sequence) == ORTLET_KIND_SEQUENCE);
  inputs[0] = input_of_value("s", sequence);
  inputs[1] = input_of_value("more", more);
  y = run("sequence_of_words.onnx", inputs, 2, &outputs);
  CHECK(ortlet_value_kind(y) == ORTLET_KIND_SEQUENCE && ortlet_value_element_count(y) == 2);
  OK(ortlet_value_element(y, 0, &element, &error));
  is_text(element, 1, "b");
  OK(ortlet_value_element(y, 1, &element, &error));
  is_text(element, 0, "c");
  FAILS(ORTLET_NOT_FOUND, "2", ortlet_value_element(y, 2, &element, &error));
  ortlet_outputs_free(outputs);
  ortlet_value_free(more);
  ortlet_value_free(sequence);
}

static void maps_come_out(void) {
  const float x[] = {0.25f, 0.75f};
  const size_t shape[] = {1, 2};
  const ortlet_input input = input_of("x", ORTLET_FLOAT32, shape, 2, x, sizeof x);
  const ortlet_value *y, *map = NULL;
  ortlet_value *keys = NULL, *values = NULL;
  ortlet_outputs *outputs = NULL;
  y = run("zip_map_string.onnx", &input, 1, &outputs);
  CHECK(ortlet_value_element_count(y) == 1);
  OK(ortlet_value_element(y, 0, &map, &error));
  CHECK(ortlet_value_kind(map) == ORTLET_KIND_MAP);
  OK(ortlet_value_map_keys(map, &keys, &error));
  OK(ortlet_value_map_values(map, &values, &error));
  ortlet_outputs_free(outputs);
  /* Both are the caller's own. */
  is_text(keys, 0, "no");
  is_text(keys, 1, "yes");
  is_tensor(values, ORTLET_FLOAT32, 2, x, sizeof x);
  ortlet_value_free(keys);
  ortlet_value_free(values);
}

static void maps_are_made(void) {
  const int64_t numbers[] = {5, 7};
  const ortlet_tensor tensor = {numbers, sizeof numbers, &two, 1, ORTLET_INT64};
  ortlet_value *keys = texts("b", "a"), *values = NULL, *map = NULL, *copy = NULL;
  OK(ortlet_value_new_tensor(&tensor, &values, &error));
  OK(ortlet_value_new_map(keys, values, &map, &error));
  CHECK(ortlet_value_kind(map) == ORTLET_KIND_MAP && ortlet_value_element_count(map) == 0);
  OK(ortlet_value_map_values(map, &copy, &error));
  is_tensor(copy, ORTLET_INT64, 2, numbers, sizeof numbers);
  ortlet_value_free(copy);
  ortlet_value_free(map);
  FAILS(ORTLET_TENSOR_MISMATCH, "map", ortlet_value_map_keys(keys, &copy, &error));
  CHECK(copy == NULL);
  ortlet_value_free(keys);
  ortlet_value_free(values);
}

static void values_may_be_nothing(void) {
  const float x = 2.5f;
  const ortlet_tensor tensor = {&x, sizeof x, &one, 1, ORTLET_FLOAT32};
  const ortlet_input input = input_of("x", ORTLET_FLOAT32, &one, 1, &x, sizeof x);
  ortlet_value *value = NULL, *some = NULL, *nothing = NULL;
  const ortlet_value *element = NULL, *y;
  ortlet_outputs *outputs = NULL;
  OK(ortlet_value_new_tensor(&tensor, &value, &error));
  OK(ortlet_value_new_optional(value, &some, &error));
  OK(ortlet_value_new_optional(NULL, &nothing, &error));
  ortlet_value_free(value);
  CHECK(ortlet_value_element_count(some) == 1 && ortlet_value_element_count(nothing) == 0);
  CHECK(ortlet_value_kind(nothing) == ORTLET_KIND_OPTIONAL);
  OK(ortlet_value_element(some, 0, &element, &error));
  is_tensor(element, ORTLET_FLOAT32, 1, &x, sizeof x);
  FAILS(ORTLET_NOT_FOUND, "0", ortlet_value_element(nothing, 0, &element, &error));
  ortlet_value_free(some);
  ortlet_value_free(nothing);

  /* ONNX Runtime hands out what is in it, as if nothing were around it. */
  y = run("optional_output.onnx", &input, 1, &outputs);
  is_tensor(y, ORTLET_FLOAT32, 1, &x, sizeof x);
  ortlet_outputs_free(outputs);
}

/* next = x + state, double = 2 * next, and `next` is the state of the next run. */
static void state_is_tied(void) {
  ortlet_session *session = load("counter.onnx");
  ortlet_binder *binder = NULL;
  ortlet_binding *binding = NULL;
  ortlet_tensor_mut x;
  ortlet_tensor twice;
  int64_t times;
  OK(ortlet_binder_new(session, &binder, &error));
  OK(ortlet_binder_tie(binder, "next", "state", &error));
  OK(ortlet_binder_bind(binder, &binding, &error));
  ortlet_binder_free(binder);
  ortlet_session_free(session);
  OK(ortlet_binding_input(binding, "x", &x, &error));
  ((int64_t *)x.data)[0] = 1;
  ((int64_t *)x.data)[1] = 10;
  for (times = 1; times <= 5; ++times) {
    OK(ortlet_binding_run(binding, NULL, &error));
    OK(ortlet_binding_output(binding, "double", &twice, &error));
    CHECK(((const int64_t *)twice.data)[0] == 2 * times && ((const int64_t *)twice.data)[1] == 20 * times);
  }
  ortlet_binding_free(binding);
}

int main(int argc, char **argv) {
  CHECK(argc == 2);
  folder = argv[1];
  texts_are_joined();
  sequences_grow();
  maps_come_out();
  maps_are_made();
  values_may_be_nothing();
  state_is_tied();
  return 0;
}
