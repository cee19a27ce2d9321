/* Sixteen threads with one session: each gets what one thread by itself gets, to the bit.
 * usage: threads FIXTURES */
#include <pthread.h>

#include "check.h"

#define THREADS 16
#define RUNS 200

static ortlet_session *session;
static float expected[THREADS][4];

static void run(int thread, float *y) {
  const size_t shape[] = {1, 32};
  float x[32] = {0};
  ortlet_input input = input_of("x", ORTLET_FLOAT32, shape, 2, x, sizeof x);
  ortlet_outputs *outputs = NULL;
  ortlet_tensor tensor;
  int at;
  for (at = 0; at < 32; ++at) {
    x[at] = (float)(thread - at) / 8.0f;
  }
  OK(ortlet_session_run(session, &input, 1, NULL, &outputs, &error));
  OK(ortlet_outputs_tensor(outputs, "y", &tensor, &error));
  memcpy(y, tensor.data, 4 * sizeof *y);
  ortlet_outputs_free(outputs);
}

static void *work(void *data) {
  const int thread = (int)((float(*)[4])data - expected);
  int at;
  for (at = 0; at < RUNS; ++at) {
    float y[4];
    run(thread, y);
    CHECK(memcmp(y, expected[thread], sizeof y) == 0);
  }
  return NULL;
}

int main(int argc, char **argv) {
  char path[4096];
  pthread_t threads[THREADS];
  int at;
  CHECK(argc == 2);
  snprintf(path, sizeof path, "%s/perceptron.onnx", argv[1]);
  OK(ortlet_session_load(path, NULL, &session, &error));
  for (at = 0; at < THREADS; ++at) {
    run(at, expected[at]);
  }
  for (at = 0; at < THREADS; ++at) {
    CHECK(pthread_create(&threads[at], NULL, work, expected[at]) == 0);
  }
  for (at = 0; at < THREADS; ++at) {
    CHECK(pthread_join(threads[at], NULL) == 0);
  }
  ortlet_session_free(session);
  return 0;
}
