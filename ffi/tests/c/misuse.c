/* NULL, wrong arguments and handles used in odd orders: errors that say what is wrong, never a crash.
 * usage: misuse FIXTURES   (the folder of small models) */
#include "check.h"

static char path[4096];

static const char *fixture(const char *folder, const char *name) {
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

#define NULL_FAILS(name, call) FAILS(ORTLET_INVALID_ARGUMENT, "`" name "`: is NULL", call)

static void getters_take_null(void) {
  CHECK(ortlet_error_code(NULL) == ORTLET_OK);
  CHECK(strcmp(ortlet_error_message(NULL), "") == 0);
  CHECK(strcmp(ortlet_error_details(NULL), "{}") == 0);
  CHECK(ortlet_buffer_data(NULL) == NULL && ortlet_buffer_size_bytes(NULL) == 0);
  CHECK(ortlet_value_kind(NULL) == 0 && ortlet_value_element_count(NULL) == 0);
  CHECK(ortlet_outputs_count(NULL) == 0 && ortlet_samples_count(NULL) == 0);
  CHECK(ortlet_session_input_count(NULL) == 0 && ortlet_session_output_count(NULL) == 0);
  CHECK(ortlet_session_overridable_initializer_count(NULL) == 0);
  CHECK(!ortlet_cancel_token_is_cancelled(NULL));
}

static void freeing_null_does_nothing(void) {
  ortlet_error_free(NULL);
  ortlet_buffer_free(NULL);
  ortlet_value_free(NULL);
  ortlet_outputs_free(NULL);
  ortlet_cancel_token_free(NULL);
  ortlet_samples_free(NULL);
  ortlet_session_free(NULL);
  ortlet_binder_free(NULL);
  ortlet_binding_free(NULL);
  ortlet_model_free(NULL);
  ortlet_calibration_free(NULL);
}

static void null_arguments_are_named(const char *model) {
  const size_t wrong = (size_t)-1;
  ortlet_session *session = (ortlet_session *)&wrong;
  ortlet_outputs *outputs = NULL;
  ortlet_tensor tensor;
  NULL_FAILS("session", ortlet_session_load(model, NULL, NULL, &error));
  NULL_FAILS("path", ortlet_session_load(NULL, NULL, &session, &error));
  CHECK(session == NULL);
  NULL_FAILS("data", ortlet_session_from_bytes(NULL, 3, NULL, &session, &error));
  NULL_FAILS("model", ortlet_session_from_model(NULL, NULL, NULL, &session, &error));
  NULL_FAILS("path", ortlet_session_load_with(NULL, NULL, NULL, &session, &error));
  NULL_FAILS("session", ortlet_session_run(NULL, NULL, 0, NULL, &outputs, &error));
  NULL_FAILS("outputs", ortlet_session_run(NULL, NULL, 0, NULL, NULL, &error));
  NULL_FAILS("session", ortlet_session_run_async(NULL, NULL, 0, NULL, NULL, NULL, &error));
  NULL_FAILS("session", ortlet_session_input(NULL, 0, NULL, &error));
  NULL_FAILS("session", ortlet_session_output(NULL, 0, NULL, &error));
  NULL_FAILS("session", ortlet_session_overridable_initializer(NULL, 0, NULL, &error));
  NULL_FAILS("report_json", ortlet_session_report(NULL, NULL, &error));
  NULL_FAILS("metrics_json", ortlet_session_metrics(NULL, NULL, &error));
  NULL_FAILS("metrics_text", ortlet_metrics_text(NULL, NULL, 1, NULL, &error));
  NULL_FAILS("outputs", ortlet_outputs_at(NULL, 0, NULL, &error));
  NULL_FAILS("outputs", ortlet_outputs_get(NULL, "y", NULL, &error));
  NULL_FAILS("outputs", ortlet_outputs_tensor(NULL, "y", &tensor, &error));
  NULL_FAILS("value", ortlet_value_tensor(NULL, &tensor, &error));
  NULL_FAILS("value", ortlet_value_string(NULL, 0, NULL, NULL, &error));
  NULL_FAILS("value", ortlet_value_element(NULL, 0, NULL, &error));
  NULL_FAILS("value", ortlet_value_new_tensor(NULL, NULL, &error));
  NULL_FAILS("value", ortlet_value_new_strings(NULL, 0, NULL, 0, NULL, &error));
  NULL_FAILS("value", ortlet_value_new_sequence(NULL, 0, NULL, &error));
  NULL_FAILS("value", ortlet_value_new_map(NULL, NULL, NULL, &error));
  NULL_FAILS("value", ortlet_value_new_optional(NULL, NULL, &error));
  NULL_FAILS("keys", ortlet_value_map_keys(NULL, NULL, &error));
  NULL_FAILS("values", ortlet_value_map_values(NULL, NULL, &error));
  NULL_FAILS("token", ortlet_cancel_token_new(NULL, &error));
  NULL_FAILS("token", ortlet_cancel_token_cancel(NULL, &error));
  NULL_FAILS("samples", ortlet_samples_new(NULL, &error));
  NULL_FAILS("samples", ortlet_samples_add(NULL, NULL, 0, &error));
  NULL_FAILS("binder", ortlet_binder_new(NULL, NULL, &error));
  NULL_FAILS("name", ortlet_binder_shape(NULL, NULL, NULL, 0, &error));
  NULL_FAILS("binder", ortlet_binder_shape(NULL, "x", NULL, 0, &error));
  NULL_FAILS("memory", ortlet_binder_memory(NULL, "x", NULL, &error));
  NULL_FAILS("output", ortlet_binder_tie(NULL, NULL, NULL, &error));
  NULL_FAILS("binding", ortlet_binder_bind(NULL, NULL, &error));
  NULL_FAILS("binding", ortlet_binding_run(NULL, NULL, &error));
  NULL_FAILS("binding", ortlet_binding_input(NULL, "x", NULL, &error));
  NULL_FAILS("binding", ortlet_binding_output(NULL, "y", NULL, &error));
  NULL_FAILS("model", ortlet_model_open(model, NULL, &error));
  NULL_FAILS("model", ortlet_model_parse(NULL, 0, NULL, &error));
  NULL_FAILS("report_json", ortlet_model_report(NULL, NULL, &error));
  NULL_FAILS("bytes", ortlet_model_to_bytes(NULL, NULL, &error));
  NULL_FAILS("model", ortlet_model_save(NULL, "x", &error));
  NULL_FAILS("quantized", ortlet_quantize(NULL, "float16", NULL, NULL, NULL, NULL, &error));
  NULL_FAILS("calibration", ortlet_calibrate(NULL, NULL, NULL, NULL, &error));
  NULL_FAILS("chosen", ortlet_choose_precision(model, NULL, NULL, NULL, NULL, &error));
  NULL_FAILS("model", ortlet_compile(NULL, NULL, NULL, NULL, NULL, &error));
  NULL_FAILS("artifact", ortlet_compile(model, NULL, NULL, NULL, NULL, &error));
  NULL_FAILS("hooks", ortlet_tune(model, NULL, NULL, NULL, &error));
  NULL_FAILS("profile_json", ortlet_profile(model, NULL, 0, NULL, 1, NULL, &error));
  NULL_FAILS("name", ortlet_runtime_register_provider_library(NULL, NULL, &error));
  NULL_FAILS("report_json", ortlet_doctor(NULL, NULL, &error));
  NULL_FAILS("entries_json", ortlet_cache_entries(NULL, NULL, &error));
}

static void options_are_checked(const char *model) {
  ortlet_session *session = NULL;
  ortlet_buffer *buffer = NULL;
  FAILS(ORTLET_INVALID_ARGUMENT, "`thread`", ortlet_session_load(model, "{\"thread\": 1}", &session, &error));
  FAILS(ORTLET_INVALID_ARGUMENT, "options", ortlet_session_load(model, "{", &session, &error));
  FAILS(ORTLET_INVALID_ARGUMENT, "UTF-8", ortlet_session_load(model, "\xff", &session, &error));
  FAILS(ORTLET_INVALID_ARGUMENT, "threads", ortlet_session_load(model, "{\"threads\": 0}", &session, &error));
  FAILS(ORTLET_INVALID_ARGUMENT, "nowhere", ortlet_doctor("{\"nowhere\": 1}", &buffer, &error));
  FAILS(ORTLET_NOT_FOUND, "no-such-file", ortlet_session_load("no-such-file", NULL, &session, &error));
  FAILS(ORTLET_INVALID_MODEL, "model", ortlet_session_from_bytes((const uint8_t *)"junk", 4, NULL, &session, &error));
  CHECK(session == NULL && buffer == NULL);
}

/* A model of `y = f(x)` with `x` of float32[batch, 32]. */
static void inputs_are_checked(const char *model) {
  const float elements[64] = {0};
  const size_t fits[] = {1, 32}, wrong[] = {1, 31}, huge[] = {(size_t)-1, (size_t)-1};
  ortlet_session *session = NULL;
  ortlet_outputs *outputs = NULL;
  ortlet_input inputs[2];
  OK(ortlet_session_load(model, NULL, &session, &error));
  FAILS(ORTLET_TENSOR_MISMATCH, "`x`", ortlet_session_run(session, NULL, 0, NULL, &outputs, &error));
  NULL_FAILS("inputs", ortlet_session_run(session, NULL, 1, NULL, &outputs, &error));

  inputs[0] = input_of("x", ORTLET_FLOAT32, fits, 2, elements, 128);
  inputs[1] = inputs[0];
  FAILS(ORTLET_INVALID_ARGUMENT, "twice", ortlet_session_run(session, inputs, 2, NULL, &outputs, &error));
  inputs[1].name = "z";
  FAILS(ORTLET_NOT_FOUND, "`z`", ortlet_session_run(session, inputs, 2, NULL, &outputs, &error));
  inputs[1].name = NULL;
  NULL_FAILS("name", ortlet_session_run(session, inputs, 2, NULL, &outputs, &error));
  FAILS(ORTLET_INVALID_ARGUMENT, "inputs[1]", ortlet_session_run(session, inputs, 2, NULL, &outputs, &error));

  inputs[0] = input_of("x", ORTLET_FLOAT32, wrong, 2, elements, 124);
  FAILS(ORTLET_TENSOR_MISMATCH, "float32[1, 31]", ortlet_session_run(session, inputs, 1, NULL, &outputs, &error));
  inputs[0] = input_of("x", ORTLET_FLOAT32, fits, 2, elements, 127);
  FAILS(ORTLET_TENSOR_MISMATCH, "`x`", ortlet_session_run(session, inputs, 1, NULL, &outputs, &error));
  inputs[0] = input_of("x", ORTLET_FLOAT32, huge, 2, elements, 128);
  FAILS(ORTLET_LIMIT_EXCEEDED, "`x`", ortlet_session_run(session, inputs, 1, NULL, &outputs, &error));
  inputs[0] = input_of("x", ORTLET_FLOAT32, fits, 2, NULL, 128);
  NULL_FAILS("data", ortlet_session_run(session, inputs, 1, NULL, &outputs, &error));
  inputs[0] = input_of("x", ORTLET_FLOAT32, NULL, 2, elements, 128);
  NULL_FAILS("shape", ortlet_session_run(session, inputs, 1, NULL, &outputs, &error));
  inputs[0] = input_of("x", 99, fits, 2, elements, 128);
  FAILS(ORTLET_INVALID_ARGUMENT, "99", ortlet_session_run(session, inputs, 1, NULL, &outputs, &error));
  inputs[0] = input_of("x", ORTLET_STRING, fits, 2, elements, 128);
  FAILS(ORTLET_INVALID_ARGUMENT, "strings", ortlet_session_run(session, inputs, 1, NULL, &outputs, &error));
  inputs[0] = input_of("x", ORTLET_INT32, fits, 2, elements, 128);
  FAILS(ORTLET_TENSOR_MISMATCH, "int32[1, 32]", ortlet_session_run(session, inputs, 1, NULL, &outputs, &error));
  CHECK(outputs == NULL);
  /* Whoever wants no error gets none. */
  CHECK(ortlet_session_run(session, NULL, 0, NULL, &outputs, NULL) == ORTLET_TENSOR_MISMATCH);
  ortlet_session_free(session);
}

static void outputs_are_checked(const char *model) {
  const float elements[32] = {0};
  const size_t shape[] = {1, 32};
  const char *names[] = {"no"};
  ortlet_input input = input_of("x", ORTLET_FLOAT32, shape, 2, elements, sizeof elements);
  ortlet_run_options options;
  ortlet_session *session = NULL;
  ortlet_outputs *outputs = NULL;
  ortlet_named_value named;
  const ortlet_value *value = NULL;
  ortlet_tensor tensor;
  const char *text;
  size_t size;
  memset(&options, 0, sizeof options);
  OK(ortlet_session_load(model, NULL, &session, &error));
  options.outputs = names;
  options.output_count = 1;
  FAILS(ORTLET_NOT_FOUND, "`no`", ortlet_session_run(session, &input, 1, &options, &outputs, &error));
  NULL_FAILS("info", ortlet_session_input(session, 0, NULL, &error));
  NULL_FAILS("info", ortlet_session_output(session, 0, NULL, &error));
  FAILS(ORTLET_NOT_FOUND, "`7`", ortlet_session_input(session, 7, NULL, &error));
  OK(ortlet_session_run(session, &input, 1, NULL, &outputs, &error));
  /* They outlast the session. */
  ortlet_session_free(session);
  FAILS(ORTLET_NOT_FOUND, "`1`", ortlet_outputs_at(outputs, 1, &named, &error));
  FAILS(ORTLET_NOT_FOUND, "available: y", ortlet_outputs_get(outputs, "no", &value, &error));
  NULL_FAILS("name", ortlet_outputs_get(outputs, NULL, &value, &error));
  NULL_FAILS("name", ortlet_outputs_tensor(outputs, NULL, &tensor, &error));
  NULL_FAILS("output", ortlet_outputs_at(outputs, 0, NULL, &error));
  NULL_FAILS("tensor", ortlet_outputs_tensor(outputs, "y", NULL, &error));
  NULL_FAILS("value", ortlet_outputs_get(outputs, "y", NULL, &error));
  OK(ortlet_outputs_at(outputs, 0, &named, &error));
  CHECK(strcmp(named.name, "y") == 0);
  OK(ortlet_outputs_get(outputs, "y", &value, &error));
  NULL_FAILS("tensor", ortlet_value_tensor(value, NULL, &error));
  OK(ortlet_value_tensor(value, &tensor, &error));
  CHECK(tensor.rank == 2 && tensor.shape[0] == 1 && tensor.shape[1] == 4 && tensor.size_bytes == 16);
  FAILS(ORTLET_TENSOR_MISMATCH, "string", ortlet_value_string(value, 0, &text, &size, &error));
  FAILS(ORTLET_TENSOR_MISMATCH, "sequence", ortlet_value_element(value, 0, &value, &error));
  ortlet_outputs_free(outputs);
}

static void bindings_are_checked(const char *model) {
  float memory[33];
  const size_t shape[] = {1, 32};
  ortlet_tensor_mut own = {memory, 128, shape, 2, ORTLET_FLOAT32};
  ortlet_tensor_mut input;
  ortlet_tensor output;
  ortlet_run_options options;
  ortlet_session *session = NULL;
  ortlet_binder *binder = NULL;
  ortlet_binding *binding = NULL, *other = NULL;
  memset(&options, 0, sizeof options);
  memset(memory, 0, sizeof memory);
  OK(ortlet_session_load(model, NULL, &session, &error));
  OK(ortlet_binder_new(session, &binder, &error));
  ortlet_session_free(session);
  FAILS(ORTLET_INVALID_ARGUMENT, "`x`", ortlet_binder_bind(binder, &binding, &error));
  CHECK(binding == NULL);
  own.data = (char *)memory + 1;
  OK(ortlet_binder_memory(binder, "x", &own, &error));
  FAILS(ORTLET_INVALID_ARGUMENT, "border of 4 bytes", ortlet_binder_bind(binder, &binding, &error));
  own.size_bytes = 127;
  FAILS(ORTLET_TENSOR_MISMATCH, "float32", ortlet_binder_memory(binder, "x", &own, &error));
  OK(ortlet_binder_shape(binder, "x", shape, 2, &error));
  FAILS(ORTLET_INVALID_ARGUMENT, "twice", ortlet_binder_bind(binder, &binding, &error));
  ortlet_binder_free(binder);

  OK(ortlet_session_load(model, NULL, &session, &error));
  OK(ortlet_binder_new(session, &binder, &error));
  OK(ortlet_binder_shape(binder, "x", shape, 2, &error));
  /* A binder makes as many bindings as are wanted. */
  OK(ortlet_binder_bind(binder, &binding, &error));
  OK(ortlet_binder_bind(binder, &other, &error));
  ortlet_binding_free(other);
  OK(ortlet_binder_tie(binder, "no", "x", &error));
  FAILS(ORTLET_NOT_FOUND, "`no`", ortlet_binder_bind(binder, &other, &error));
  CHECK(other == NULL);
  ortlet_binder_free(binder);
  ortlet_session_free(session);
  FAILS(ORTLET_INVALID_ARGUMENT, "not been run", ortlet_binding_output(binding, "y", &output, &error));
  FAILS(ORTLET_NOT_FOUND, "`no`", ortlet_binding_input(binding, "no", &input, &error));
  options.output_count = 1;
  NULL_FAILS("outputs", ortlet_binding_run(binding, &options, &error));
  OK(ortlet_binding_run(binding, NULL, &error));
  NULL_FAILS("name", ortlet_binding_input(binding, NULL, &input, &error));
  NULL_FAILS("name", ortlet_binding_output(binding, NULL, &output, &error));
  NULL_FAILS("tensor", ortlet_binding_input(binding, "x", NULL, &error));
  NULL_FAILS("tensor", ortlet_binding_output(binding, "y", NULL, &error));
  OK(ortlet_binding_output(binding, "y", &output, &error));
  CHECK(output.rank == 2 && output.shape[1] == 4);
  ortlet_binding_free(binding);
}

static void values_are_checked(void) {
  const char *strings[] = {"a", NULL};
  const char *text = NULL;
  const size_t one = 1, two = 2;
  size_t size = 0;
  ortlet_value *value = NULL;
  const ortlet_value *none[] = {NULL};
  FAILS(ORTLET_INVALID_ARGUMENT, "strings[1]", ortlet_value_new_strings(strings, 2, &two, 1, &value, &error));
  FAILS(ORTLET_TENSOR_MISMATCH, "string[2]", ortlet_value_new_strings(strings, 1, &two, 1, &value, &error));
  FAILS(ORTLET_INVALID_ARGUMENT, "elements[0]", ortlet_value_new_sequence(none, 1, &value, &error));
  CHECK(value == NULL);
  OK(ortlet_value_new_strings(strings, 1, &one, 1, &value, &error));
  NULL_FAILS("data", ortlet_value_string(value, 0, NULL, &size, &error));
  NULL_FAILS("size_bytes", ortlet_value_string(value, 0, &text, NULL, &error));
  FAILS(ORTLET_NOT_FOUND, "`1`", ortlet_value_string(value, 1, &text, &size, &error));
  OK(ortlet_value_string(value, 0, &text, &size, &error));
  CHECK(size == 1 && text[0] == 'a');
  ortlet_value_free(value);
}

int main(int argc, char **argv) {
  CHECK(argc == 2);
  getters_take_null();
  freeing_null_does_nothing();
  null_arguments_are_named(fixture(argv[1], "perceptron.onnx"));
  options_are_checked(path);
  inputs_are_checked(path);
  outputs_are_checked(path);
  bindings_are_checked(path);
  values_are_checked();
  return 0;
}
