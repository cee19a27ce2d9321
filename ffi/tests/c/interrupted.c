/* Runs that would go on for hours: a token that is freed while they have it ends them, and a binding in use says so.
 * usage: interrupted FIXTURES   (the folder of small models of the shared cases) */
#include <pthread.h>
#include <time.h>

#include "check.h"

static const int64_t ages = INT64_C(1) << 40;
static const float x[2] = {1, 2};
static const size_t two = 2;

static ortlet_session *session;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static ortlet_status told = ORTLET_OK;

static void pause_briefly(void) {
  const struct timespec some = {0, 20000000};
  nanosleep(&some, NULL);
}

static ortlet_run_options cancelled_by(const ortlet_cancel_token *token) {
  ortlet_run_options options;
  memset(&options, 0, sizeof options);
  options.cancel = token;
  return options;
}

static void is_over(void *data, ortlet_outputs *outputs, ortlet_error *failure) {
  CHECK(data == &told && outputs == NULL);
  pthread_mutex_lock(&lock);
  told = ortlet_error_code(failure);
  pthread_cond_signal(&changed);
  pthread_mutex_unlock(&lock);
  ortlet_error_free(failure);
}

static void a_freed_token_ends_a_run(void) {
  ortlet_input inputs[2];
  ortlet_run_options options;
  ortlet_cancel_token *token = NULL;
  OK(ortlet_cancel_token_new(&token, &error));
  options = cancelled_by(token);
  inputs[0] = input_of("count", ORTLET_INT64, NULL, 0, &ages, sizeof ages);
  inputs[1] = input_of("x", ORTLET_FLOAT32, &two, 1, x, sizeof x);
  OK(ortlet_session_run_async(session, inputs, 2, &options, is_over, &told, &error));
  /* So that it has begun; it has to end just the same if not. */
  pause_briefly();
  OK(ortlet_cancel_token_cancel(token, &error));
  ortlet_cancel_token_free(token);
  pthread_mutex_lock(&lock);
  while (told == ORTLET_OK) {
    pthread_cond_wait(&changed, &lock);
  }
  CHECK(told == ORTLET_CANCELLED);
  pthread_mutex_unlock(&lock);
}

struct work {
  ortlet_binding *binding;
  const ortlet_cancel_token *token;
  ortlet_status status;
};

/* Until its turn comes: the other thread looks at the binding too. */
static void *run_for_ages(void *data) {
  struct work *const work = data;
  const ortlet_run_options options = cancelled_by(work->token);
  do {
    work->status = ortlet_binding_run(work->binding, &options, NULL);
  } while (work->status == ORTLET_INVALID_ARGUMENT);
  return NULL;
}

static ortlet_binding *bound(void) {
  ortlet_binder *binder = NULL;
  ortlet_binding *binding = NULL;
  ortlet_tensor_mut tensor;
  OK(ortlet_binder_new(session, &binder, &error));
  OK(ortlet_binder_bind(binder, &binding, &error));
  ortlet_binder_free(binder);
  OK(ortlet_binding_input(binding, "x", &tensor, &error));
  CHECK(tensor.size_bytes == sizeof x);
  memcpy(tensor.data, x, sizeof x);
  return binding;
}

static void a_binding_in_use_says_so(void) {
  struct work work = {NULL, NULL, ORTLET_OK};
  ortlet_cancel_token *token = NULL;
  ortlet_tensor_mut count, again;
  ortlet_tensor y;
  pthread_t thread;
  work.binding = bound();
  OK(ortlet_cancel_token_new(&token, &error));
  work.token = token;
  OK(ortlet_binding_input(work.binding, "count", &count, &error));
  *(int64_t *)count.data = ages;
  CHECK(pthread_create(&thread, NULL, run_for_ages, &work) == 0);
  while (ortlet_binding_input(work.binding, "x", &again, NULL) == ORTLET_OK) {
    pause_briefly();
  }
  FAILS(ORTLET_INVALID_ARGUMENT, "in use", ortlet_binding_run(work.binding, NULL, &error));
  FAILS(ORTLET_INVALID_ARGUMENT, "in use", ortlet_binding_output(work.binding, "y", &y, &error));
  OK(ortlet_cancel_token_cancel(token, &error));
  CHECK(pthread_join(thread, NULL) == 0);
  CHECK(work.status == ORTLET_CANCELLED);
  ortlet_cancel_token_free(token);

  /* It is as good as before. */
  *(int64_t *)count.data = 3;
  OK(ortlet_binding_run(work.binding, NULL, &error));
  OK(ortlet_binding_output(work.binding, "y", &y, &error));
  CHECK(((const float *)y.data)[0] == 4 && ((const float *)y.data)[1] == 5);
  ortlet_binding_free(work.binding);
}

int main(int argc, char **argv) {
  char path[4096];
  CHECK(argc == 2);
  snprintf(path, sizeof path, "%s/repeat.onnx", argv[1]);
  OK(ortlet_session_load(path, NULL, &session, &error));
  a_freed_token_ends_a_run();
  a_binding_in_use_says_so();
  ortlet_session_free(session);
  return 0;
}
