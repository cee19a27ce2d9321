/* Runs of every kind on a perceptron, compared with what plain ONNX Runtime gives.
 * usage: runs FIXTURES SCRATCH DENSE Y...
 * (folders of small models and of files that may be written; a model that is worth quantizing; the eight results) */
#include <math.h>
#include <pthread.h>

#include "check.h"

/* How far results of up to 25 may be off with weights and activations of 8 bits. */
#define QUANTIZED 0.8f

static const char *dense;
static char model[4096], artifact[4096], cache[4096], saved[4096];
static const size_t shape[] = {2, 32};
static float x[64];
static float expected[8];

/* The same input as in the test that asks plain ONNX Runtime. */
static void fill(void) {
  size_t at;
  for (at = 0; at < 64; ++at) {
    x[at] = (float)((int)(at * 7 % 13) - 6) / 4.0f;
  }
}

static void is_expected(const ortlet_tensor *y, float tolerance) {
  size_t at;
  CHECK(y->dtype == ORTLET_FLOAT32 && y->rank == 2 && y->shape[0] == 2 && y->shape[1] == 4);
  CHECK(y->size_bytes == sizeof expected);
  for (at = 0; at < 8; ++at) {
    const float difference = fabsf(((const float *)y->data)[at] - expected[at]);
    CHECK(difference <= tolerance);
  }
}

static ortlet_input input(void) { return input_of("x", ORTLET_FLOAT32, shape, 2, x, sizeof x); }

static void run(const ortlet_session *session, float tolerance) {
  const ortlet_input own = input();
  ortlet_outputs *outputs = NULL;
  ortlet_tensor y;
  OK(ortlet_session_run(session, &own, 1, NULL, &outputs, &error));
  CHECK(ortlet_outputs_count(outputs) == 1);
  OK(ortlet_outputs_tensor(outputs, "y", &y, &error));
  is_expected(&y, tolerance);
  ortlet_outputs_free(outputs);
}

static void is_described(const ortlet_session *session) {
  ortlet_value_info info;
  CHECK(ortlet_session_input_count(session) == 1 && ortlet_session_output_count(session) == 1);
  OK(ortlet_session_input(session, 0, &info, &error));
  CHECK(strcmp(info.name, "x") == 0 && strcmp(info.type_text, "float32[batch, 32]") == 0);
  CHECK(info.kind == ORTLET_KIND_TENSOR && info.dtype == ORTLET_FLOAT32 && info.rank == 2);
  CHECK(info.shape[0] == -1 && info.shape[1] == 32);
  CHECK(strcmp(info.symbols[0], "batch") == 0 && info.symbols[1] == NULL);
}

static void ends_early(const ortlet_session *session) {
  const ortlet_input own = input();
  const uint64_t none = 0, minute = 60000000000u;
  ortlet_run_options options;
  ortlet_outputs *outputs = NULL;
  ortlet_cancel_token *token = NULL;
  memset(&options, 0, sizeof options);
  options.deadline_ns = &none;
  FAILS(ORTLET_DEADLINE_EXCEEDED, "deadline", ortlet_session_run(session, &own, 1, &options, &outputs, &error));
  options.deadline_ns = &minute;
  OK(ortlet_cancel_token_new(&token, &error));
  options.cancel = token;
  OK(ortlet_session_run(session, &own, 1, &options, &outputs, &error));
  ortlet_outputs_free(outputs);
  OK(ortlet_cancel_token_cancel(token, &error));
  CHECK(ortlet_cancel_token_is_cancelled(token));
  FAILS(ORTLET_CANCELLED, "cancelled", ortlet_session_run(session, &own, 1, &options, &outputs, &error));
  ortlet_cancel_token_free(token);
}

/* What a callback does: counts, looks at the outputs, and starts one run more while there are some to come. */
struct later {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  const ortlet_session *session;
  int to_start, done, failed;
};

static void is_done(void *data, ortlet_outputs *outputs, ortlet_error *failure) {
  struct later *const later = data;
  int starts;
  if (outputs != NULL) {
    ortlet_tensor y;
    CHECK(failure == NULL);
    OK(ortlet_outputs_tensor(outputs, "y", &y, &error));
    is_expected(&y, 0);
  } else {
    CHECK(ortlet_error_code(failure) == ORTLET_NOT_FOUND);
  }
  ortlet_outputs_free(outputs);
  pthread_mutex_lock(&later->lock);
  later->failed += failure != NULL;
  starts = later->to_start > 0;
  later->to_start -= starts;
  pthread_mutex_unlock(&later->lock);
  ortlet_error_free(failure);
  if (starts) {
    const ortlet_input own = input();
    OK(ortlet_session_run_async(later->session, &own, 1, NULL, is_done, later, &error));
  }
  pthread_mutex_lock(&later->lock);
  ++later->done;
  pthread_cond_signal(&later->changed);
  pthread_mutex_unlock(&later->lock);
}

static void runs_later(const ortlet_session *session) {
  struct later later = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL, 5, 0, 0};
  ortlet_input own = input();
  int at;
  later.session = session;
  for (at = 0; at < 10; ++at) {
    OK(ortlet_session_run_async(session, &own, 1, NULL, is_done, &later, &error));
  }
  own.name = "no";
  OK(ortlet_session_run_async(session, &own, 1, NULL, is_done, &later, &error));
  FAILS(ORTLET_INVALID_ARGUMENT, "callback", ortlet_session_run_async(session, &own, 1, NULL, NULL, NULL, &error));
  pthread_mutex_lock(&later.lock);
  while (later.done < 16) {
    pthread_cond_wait(&later.changed, &later.lock);
  }
  CHECK(later.failed == 1 && later.to_start == 0);
  pthread_mutex_unlock(&later.lock);
}

static void runs_bound(const ortlet_session *session) {
  float own_x[64], own_y[8];
  const size_t y_shape[] = {2, 4};
  const ortlet_tensor_mut memory_x = {own_x, sizeof own_x, shape, 2, ORTLET_FLOAT32};
  const ortlet_tensor_mut memory_y = {own_y, sizeof own_y, y_shape, 2, ORTLET_FLOAT32};
  ortlet_binder *binder = NULL;
  ortlet_binding *binding = NULL;
  ortlet_tensor_mut in;
  ortlet_tensor y;
  OK(ortlet_binder_new(session, &binder, &error));
  OK(ortlet_binder_shape(binder, "x", shape, 2, &error));
  OK(ortlet_binder_bind(binder, &binding, &error));
  ortlet_binder_free(binder);
  OK(ortlet_binding_input(binding, "x", &in, &error));
  CHECK(in.size_bytes == sizeof x && in.rank == 2 && in.shape[0] == 2 && in.dtype == ORTLET_FLOAT32);
  memcpy(in.data, x, sizeof x);
  OK(ortlet_binding_run(binding, NULL, &error));
  OK(ortlet_binding_output(binding, "y", &y, &error));
  is_expected(&y, 0);
  ortlet_binding_free(binding);

  OK(ortlet_binder_new(session, &binder, &error));
  OK(ortlet_binder_memory(binder, "x", &memory_x, &error));
  OK(ortlet_binder_memory(binder, "y", &memory_y, &error));
  OK(ortlet_binder_bind(binder, &binding, &error));
  ortlet_binder_free(binder);
  memcpy(own_x, x, sizeof x);
  OK(ortlet_binding_run(binding, NULL, &error));
  CHECK(memcmp(own_y, expected, sizeof own_y) == 0);
  ortlet_binding_free(binding);
}

static void is_text(ortlet_buffer *buffer, const char *part) {
  CHECK(strlen(ortlet_buffer_data(buffer)) == ortlet_buffer_size_bytes(buffer));
  if (strstr(ortlet_buffer_data(buffer), part) == NULL) {
    fprintf(stderr, "no `%s` in %s\n", part, ortlet_buffer_data(buffer));
    exit(1);
  }
  ortlet_buffer_free(buffer);
}

static void is_measured(const ortlet_session *session) {
  const char *name = "perceptron";
  const ortlet_input own = input();
  ortlet_buffer *text = NULL;
  OK(ortlet_session_metrics(session, &text, &error));
  is_text(text, "\"deadline_exceeded_count\":1");
  OK(ortlet_metrics_text(&session, &name, 1, &text, &error));
  is_text(text, "ortlet_runs_total{session=\"perceptron\"}");
  OK(ortlet_session_report(session, &text, &error));
  is_text(text, "\"origin\":\"model\"");
  OK(ortlet_profile(model, &own, 1, NULL, 3, &text, &error));
  is_text(text, "\"operators\":");
  OK(ortlet_doctor(NULL, &text, &error));
  is_text(text, "\"ortlet_version\"");
}

static void models_are_data(void) {
  ortlet_model *own = NULL, *again = NULL, *small = NULL;
  ortlet_buffer *text = NULL;
  ortlet_session *session = NULL;
  OK(ortlet_model_open(model, &own, &error));
  OK(ortlet_model_report(own, &text, &error));
  is_text(text, "\"producer_name\":\"ortlet-fixtures\"");
  OK(ortlet_model_to_bytes(own, &text, &error));
  OK(ortlet_model_parse((const uint8_t *)ortlet_buffer_data(text), ortlet_buffer_size_bytes(text), &again, &error));
  OK(ortlet_session_from_bytes((const uint8_t *)ortlet_buffer_data(text), ortlet_buffer_size_bytes(text), NULL,
                               &session, &error));
  ortlet_buffer_free(text);
  run(session, 0);
  ortlet_session_free(session);
  OK(ortlet_session_from_model(again, NULL, NULL, &session, &error));
  run(session, 0);
  ortlet_session_free(session);
  OK(ortlet_model_save(again, saved, &error));
  OK(ortlet_session_load(saved, NULL, &session, &error));
  run(session, 0);
  ortlet_session_free(session);

  FAILS(ORTLET_INVALID_ARGUMENT, "int7", ortlet_quantize(own, "int7", NULL, NULL, &small, NULL, &error));
  OK(ortlet_quantize(own, "int8-dynamic", NULL, "{\"min_weight_elements\": 0}", &small, &text, &error));
  is_text(text, "\"quantized_count\":2");
  OK(ortlet_session_from_model(small, NULL, NULL, &session, &error));
  run(session, QUANTIZED);
  ortlet_session_free(session);
  ortlet_model_free(small);
  ortlet_model_free(again);
  ortlet_model_free(own);
}

struct told {
  int progress, measured;
};

static void tells(void *data, const char *json) {
  CHECK(json[0] == '{');
  ++((struct told *)data)->progress;
}

static double measures(void *data, const ortlet_named_value *reference, const ortlet_named_value *candidate,
                       size_t count) {
  ortlet_tensor a, b;
  CHECK(count == 1 && strcmp(reference[0].name, "y") == 0 && strcmp(candidate[0].name, "y") == 0);
  OK(ortlet_value_tensor(reference[0].value, &a, &error));
  OK(ortlet_value_tensor(candidate[0].value, &b, &error));
  CHECK(a.size_bytes == b.size_bytes);
  ++((struct told *)data)->measured;
  return 1;
}

static ortlet_samples *samples_of(size_t count) {
  ortlet_samples *samples = NULL;
  size_t at;
  OK(ortlet_samples_new(&samples, &error));
  for (at = 0; at < count; ++at) {
    const ortlet_input own = input();
    x[at] += 0.25f;
    OK(ortlet_samples_add(samples, &own, 1, &error));
  }
  CHECK(ortlet_samples_count(samples) == count);
  fill();
  return samples;
}

static void long_calls_have_hooks(void) {
  static const char options[] = "{\"session\": {\"precision\": \"auto\", \"threads\": 1}, \"time_limit_ms\": 20000}";
  static const char tuning[] = "{\"time_limit_ms\": 500}";
  struct told told = {0, 0};
  ortlet_hooks hooks;
  ortlet_samples *samples = samples_of(12);
  ortlet_cancel_token *token = NULL;
  ortlet_calibration *calibration = NULL;
  ortlet_model *own = NULL, *small = NULL;
  ortlet_session *session = NULL;
  ortlet_buffer *text = NULL;
  memset(&hooks, 0, sizeof hooks);
  FAILS(ORTLET_INVALID_ARGUMENT, "samples", ortlet_choose_precision(dense, options, NULL, &small, NULL, &error));
  hooks.samples = samples;
  hooks.progress = tells;
  hooks.measure = measures;
  hooks.measure_at_least = 0.5;
  hooks.user_data = &told;
  OK(ortlet_choose_precision(dense, options, &hooks, &small, &text, &error));
  is_text(text, "\"verdict\":");
  CHECK(told.progress > 0 && told.measured > 0);
  ortlet_model_free(small);

  OK(ortlet_model_open(model, &own, &error));
  OK(ortlet_calibrate(own, NULL, &hooks, &calibration, &error));
  OK(ortlet_quantize(own, "int8-static", calibration, "{\"min_weight_elements\": 0}", &small, NULL, &error));
  OK(ortlet_session_from_model(small, NULL, NULL, &session, &error));
  run(session, QUANTIZED);
  ortlet_session_free(session);
  ortlet_model_free(small);
  ortlet_model_free(own);
  ortlet_calibration_free(calibration);

  OK(ortlet_tune(model, tuning, &hooks, &text, &error));
  is_text(text, "\"verdict\":");
  OK(ortlet_cancel_token_new(&token, &error));
  OK(ortlet_cancel_token_cancel(token, &error));
  hooks.cancel = token;
  FAILS(ORTLET_CANCELLED, "cancelled", ortlet_choose_precision(dense, options, &hooks, &small, &text, &error));
  FAILS(ORTLET_CANCELLED, "cancelled", ortlet_session_load_with(dense, options, &hooks, &session, &error));
  CHECK(session == NULL && small == NULL && text == NULL);
  ortlet_cancel_token_free(token);
  ortlet_samples_free(samples);
}

static void compiled_models_are_kept(void) {
  char options[4200], folder[4200];
  ortlet_session *session = NULL;
  ortlet_buffer *text = NULL;
  OK(ortlet_compile(model, artifact, NULL, NULL, &text, &error));
  is_text(text, "\"device_count\":1");
  OK(ortlet_session_load(artifact, NULL, &session, &error));
  run(session, 0);
  OK(ortlet_session_report(session, &text, &error));
  is_text(text, "\"origin\":\"artifact_device\"");
  ortlet_session_free(session);

  snprintf(options, sizeof options, "{\"cache\": \"%s\"}", cache);
  snprintf(folder, sizeof folder, "\"%s\"", cache);
  OK(ortlet_session_load(model, options, &session, &error));
  run(session, 0);
  ortlet_session_free(session);
  OK(ortlet_cache_entries(folder, &text, &error));
  is_text(text, "[{");
  OK(ortlet_cache_clear(folder, NULL, &error));
  OK(ortlet_cache_entries(folder, &text, &error));
  is_text(text, "[]");
}

int main(int argc, char **argv) {
  ortlet_session *session = NULL;
  size_t at;
  CHECK(argc == 4 + 8);
  dense = argv[3];
  snprintf(model, sizeof model, "%s/perceptron.onnx", argv[1]);
  snprintf(artifact, sizeof artifact, "%s/perceptron.ortlet", argv[2]);
  snprintf(saved, sizeof saved, "%s/saved.onnx", argv[2]);
  snprintf(cache, sizeof cache, "%s/cache", argv[2]);
  for (at = 0; at < 8; ++at) {
    expected[at] = strtof(argv[4 + at], NULL);
  }
  fill();
  OK(ortlet_runtime_load(NULL, &error));
  OK(ortlet_session_load(model, NULL, &session, &error));
  is_described(session);
  run(session, 0);
  ends_early(session);
  runs_later(session);
  runs_bound(session);
  is_measured(session);
  ortlet_session_free(session);
  models_are_data();
  compiled_models_are_kept();
  long_calls_have_hooks();
  return 0;
}
