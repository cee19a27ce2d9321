/* Uses an unpacked archive from C: says which Ortlet it is, runs a model, and says which ONNX Runtime ran it.
 * usage: main MODEL
 * (the perceptron of the small models)
 */
#include <ortlet/ortlet.h>

#include <stdio.h>

static int failed(const char *what, ortlet_error *error) {
  fprintf(stderr, "%s: %s\n", what, ortlet_error_message(error));
  ortlet_error_free(error);
  return 1;
}

static int run(const char *model) {
  float x[64];
  const size_t shape[] = {2, 32};
  const ortlet_input input = {.name = "x", .tensor = {x, sizeof x, shape, 2, ORTLET_FLOAT32}};
  ortlet_session *session = NULL;
  ortlet_outputs *outputs = NULL;
  ortlet_error *error = NULL;
  ortlet_tensor y;
  for (size_t at = 0; at < 64; ++at) {
    x[at] = (float)((int)(at * 7 % 13) - 6) / 4.0f;
  }
  if (ortlet_session_load(model, NULL, &session, &error) != ORTLET_OK ||
      ortlet_session_run(session, &input, 1, NULL, &outputs, &error) != ORTLET_OK ||
      ortlet_outputs_tensor(outputs, "y", &y, &error) != ORTLET_OK) {
    ortlet_outputs_free(outputs);
    ortlet_session_free(session);
    return failed("run", error);
  }
  for (size_t at = 0; at < y.size_bytes / sizeof(float); ++at) {
    printf("%.9g ", (double)((const float *)y.data)[at]);
  }
  printf("\n");
  ortlet_outputs_free(outputs);
  ortlet_session_free(session);
  return 0;
}

static int tell_runtime(void) {
  ortlet_buffer *report = NULL;
  ortlet_error *error = NULL;
  if (ortlet_doctor(NULL, &report, &error) != ORTLET_OK) {
    return failed("doctor", error);
  }
  printf("%s\n", ortlet_buffer_data(report));
  ortlet_buffer_free(report);
  return 0;
}

int main(int count, char **arguments) {
  if (count != 2 || ortlet_abi_version() != ORTLET_ABI_VERSION) {
    fprintf(stderr, "usage: main MODEL, with the library that the header belongs to\n");
    return 2;
  }
  printf("%s %u\n", ortlet_version(), (unsigned)ortlet_abi_version());
  return run(arguments[1]) != 0 || tell_runtime() != 0;
}
